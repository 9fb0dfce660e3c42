"""Rounds, dead letters and resume by the command line, against a loopback endpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoevol.store.run import RunFolder
from command_line import command, lines, summary
from commanding import SEEDS, Served, evolve, write_seeds
from servers import Endpoint, refuses


@pytest.fixture
def served() -> Served:
    return Served()


@pytest.fixture
def endpoint(served: Served) -> Iterator[Endpoint]:
    with Endpoint(served) as running:
        yield running


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return write_seeds(tmp_path)


def test_the_operations_of_wizardlm_are_drawn_and_named(
    endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    told = summary(evolve(seeds, endpoint, out, "--rounds", 3))["evolution"]
    assert told["passed"] == 12
    assert len(told["operations"]) >= 4
    kept = lines(out / "dataset.jsonl")
    methods = json.loads((out / "methods.json").read_text())
    assert all(methods[record["method_id"]]["name"] == record["operation"] for record in kept)
    assert all(record["round"] == 3 for record in kept if record["rounds"] == 3)


def test_dead_rows_are_retried_in_place_and_order(
    served: Served, endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    served.down = {2, 3, 7, 11}
    first = summary(evolve(seeds, endpoint, out, "--method", "weak", "--part-rows", 5))["evolution"]
    assert (first["passed"], first["unscored"], first["losses"]) == (8, 4, {"bad_request": 4})
    assert [record["seed"] for record in lines(out / "dead.jsonl")] == [SEEDS[n] for n in sorted(served.down)]
    assert all("SECRET" in record["reason"] for record in lines(out / "dead.jsonl"))
    paid = len(endpoint.seen)

    served.down = {7}
    again = summary(command("retry", out, "--api-base", endpoint.url, "--json"))["evolution"]
    assert (again["passed"], again["unscored"], again["complete"]) == (11, 1, True)
    assert len(endpoint.seen) == paid + 3 * 2 + 1, "one dead row fails at its first call"
    kept = [record["seed"] for record in lines(out / "dataset.jsonl")]
    assert kept == [seed for number, seed in enumerate(SEEDS) if number != 7]
    assert [record["seed"] for record in lines(out / "dead.jsonl")] == [SEEDS[7]]

    served.down = set()
    paid = len(endpoint.seen)
    assert summary(command("retry", out, "--api-base", endpoint.url, "--json"))["evolution"]["unscored"] == 0
    assert len(endpoint.seen) == paid + 2
    assert [record["seed"] for record in lines(out / "dataset.jsonl")] == SEEDS
    resumed = summary(evolve(seeds, endpoint, out, "--method", "weak", "--part-rows", 5))
    assert resumed["evolution"]["passed"] == 12
    assert len(endpoint.seen) == paid + 2, "the run finds its retried rows"


def test_retry_asks_where_the_run_asked(
    served: Served, endpoint: Endpoint, seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "secret-key")
    out = tmp_path / "run"
    secret = endpoint.url.replace("http://", "http://user:secret-word@")
    served.down = {4}
    at = ("--out", out, "--evol-model", "served", "--api-base", secret, "--api-key-env", "MY_KEY", "--json")
    summary(command("evolve", seeds, "--method", "weak", *at))
    known = (out / "endpoint.json").read_text()
    assert endpoint.url in known
    assert "secret" not in known

    served.down = set()
    assert summary(command("retry", out, "--json"))["evolution"]["unscored"] == 0
    assert endpoint.seen[-1].headers["Authorization"] == "Bearer secret-key"


def test_a_run_whose_endpoint_moves_pays_no_call_twice(
    served: Served, endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    out, options = tmp_path / "run", ("--method", "weak", "--temperature", "0.7")
    assert evolve(seeds, endpoint, out, *options, "--max-calls", 9).exit_code == 3
    with Endpoint(served) as other:
        assert summary(evolve(seeds, other, out, *options))["evolution"]["passed"] == len(SEEDS)
        assert len(endpoint.seen) + len(other.seen) == 2 * len(SEEDS)
    with Endpoint(served) as third:
        assert summary(evolve(seeds, third, tmp_path / "new", *options))["evolution"]["passed"] == len(SEEDS)
        assert len(third.seen) == 2 * len(SEEDS), "another run knows nothing of it"


def test_a_judge_that_moves_to_the_evol_endpoint_costs_no_evolution_again(
    served: Served, endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    options = ("--method", "weak", "--temperature", "0.7", "--judge-model", "judging")
    with Endpoint(served) as other:
        away = ("--judge-api-base", other.url)
        assert evolve(seeds, endpoint, out, *options, *away, "--max-calls", 14).exit_code == 3
    assert len(endpoint.seen) > 2
    summary(evolve(seeds, endpoint, out, *options, "--judge-api-base", endpoint.url))
    asked = [request.body["model"] for request in endpoint.seen]
    assert asked.count("served") == 2 * len(SEEDS)


def test_a_judge_that_gets_an_endpoint_of_its_own_is_not_asked_again(
    served: Served, endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    out, options = tmp_path / "run", ("--method", "weak", "--judge-model", "judging", "--concurrency", "1")
    assert evolve(seeds, endpoint, out, *options, "--max-calls", 14).exit_code == 3
    with Endpoint(served) as other:
        summary(evolve(seeds, endpoint, out, *options, "--judge-api-base", other.url))
        assert len(endpoint.seen) + len(other.seen) == 3 * len(SEEDS)


def test_a_refused_command_leaves_what_describes_the_run(endpoint: Endpoint, tmp_path: Path) -> None:
    path, other, out = tmp_path / "seeds.jsonl", tmp_path / "other.jsonl", tmp_path / "run"
    path.write_text(json.dumps({"instruction": SEEDS[0]}) + "\nno json\n")
    other.write_text("".join(json.dumps({"instruction": seed}) + "\n" for seed in SEEDS[1:3]))
    summary(evolve(path, endpoint, out, "--method", "weak", "--skip-bad"))
    before = {file: (out / file).read_bytes() for file in ("seeds.json", "rejects.jsonl", "run.json")}
    refused = evolve(other, endpoint, out, "--method", "weak", "--skip-bad")
    assert "data_hash" in refused.stderr
    assert {file: (out / file).read_bytes() for file in before} == before


def test_a_second_process_on_the_folder_is_refused(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    summary(evolve(seeds, endpoint, out, "--method", "weak"))
    with RunFolder(out):
        for done in (evolve(seeds, endpoint, out, "--method", "weak"), command("retry", out)):
            assert done.exit_code == 2
            assert "in use by another autoevol process" in done.stderr


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--mix", "depth"], "--mix"),
        (["--mix", "sideways=1"], "sideways"),
        (["--on-failure", "panic"], "--on-failure"),
        (["--retry-temperature", "0"], "comes back the same"),
        (["--target-rows", "0"], "--target-rows must be at least 1"),
        (["--target-rows", "3", "--shard", "1/2"], "--target-rows cannot be used with --shard"),
        (["--keep", "first"], "--keep"),
        (["--with-seeds", "1.5"], "--with-seeds"),
        (["--turns", "second"], "second"),
        (["--part-rows", "0"], "--part-rows"),
    ],
)
def test_settings_that_cannot_be_used_end_before_a_call(
    endpoint: Endpoint, seeds: Path, tmp_path: Path, more: list[str], told: str
) -> None:
    done = evolve(seeds, endpoint, tmp_path / "run", *more)
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    assert endpoint.seen == []


def test_another_mix_in_the_same_folder_is_refused(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    summary(evolve(seeds, endpoint, out, "--mix", "depth=1"))
    other = evolve(seeds, endpoint, out, "--mix", "breadth=1")
    assert other.exit_code == 2
    assert "mix" in other.stderr


@pytest.mark.parametrize(("name", "said"), [("nowhere", "there is no folder"), ("empty", "no finished rows")])
def test_a_folder_without_rows_has_nothing_to_retry(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    done = command("retry", tmp_path / name)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_run_without_a_finished_part_goes_on_by_its_own_command(
    served: Served, endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    with Endpoint([refuses(404, "no such model", "model_not_found")]) as empty:
        assert evolve(seeds, empty, tmp_path / "run", "--method", "weak").exit_code == 1
    done = command("retry", tmp_path / "run", "--api-base", endpoint.url)
    assert done.exit_code == 2
    assert "no finished rows: the command that began the run goes on" in done.stderr
    assert endpoint.seen == []


def test_bad_records_are_set_aside_while_streaming(endpoint: Endpoint, tmp_path: Path) -> None:
    path, out = tmp_path / "seeds.jsonl", tmp_path / "run"
    path.write_text("".join(f'{{"instruction": {json.dumps(seed)}}}\n' for seed in SEEDS[:3]) + "no json\n")
    refused = evolve(path, endpoint, out, "--method", "weak")
    assert refused.exit_code == 2
    assert "line 4" in refused.stderr
    assert endpoint.seen == []
    told = summary(evolve(path, endpoint, out, "--method", "weak", "--skip-bad"))
    assert (told["seeds"]["rows"], told["seeds"]["rejected"]) == (3, 1)
    assert [reject["line"] for reject in lines(out / "rejects.jsonl")] == [4]
    assert len(lines(out / "dataset.jsonl")) == 3


def test_a_benchmark_item_never_becomes_a_parent(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    exam, out = tmp_path / "exam.jsonl", tmp_path / "run"
    exam.write_text(json.dumps({"question": SEEDS[4]}) + "\n")
    told = summary(evolve(seeds, endpoint, out, "--method", "weak", "--decontaminate", exam))
    assert told["evolution"]["rounds"] == {"passed": 11, "gated": 1}
    assert told["evolution"]["refused"] == {"clean": {"in a benchmark": 1}}
    assert told["evolution"]["rejected"] == {"gated": 1}
    assert re.search(r"turned away by clean +1 text \(1 in a benchmark\)", command("show", out).stdout)
    (gated,) = lines(out / "rejected.jsonl")
    assert gated["seed"] == SEEDS[4]
    assert gated["reason"].startswith("clean: in a benchmark")
