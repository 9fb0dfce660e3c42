"""The functions of the library: the same as the commands, with keywords, and results to work with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import autoevol as ae
from autoevol.reports.evolution import EvolutionReport
from autoevol.reports.run import RunReport
from autoevol.store.files import read_json
from command_line import command, lines, seed_file, summary
from commanding import SEEDS, Served
from priced import reply
from servers import Endpoint

LOOP: dict[str, Any] = {"dev_size": 4, "holdout_size": 3, "batch_size": 2, "m": 1, "steps": 1}


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return seed_file(tmp_path, SEEDS)


@pytest.fixture
def primes(tmp_path: Path) -> Path:
    return seed_file(tmp_path, [f"Task {number}: name a prime above {number}." for number in range(20)])


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(Served()) as served:
        yield served


def at(endpoint: Endpoint) -> dict[str, Any]:
    return {"evol_model": "served", "api_base": endpoint.url}


def evolved(result: ae.Result[RunReport]) -> EvolutionReport:
    assert result.report.evolution is not None
    return result.report.evolution


def test_evolve_leaves_what_the_command_leaves(seeds: Path, endpoint: Endpoint, tmp_path: Path) -> None:
    done = ae.evolve(seeds, tmp_path / "lib", method=ae.WEAK, rounds=2, keep="all", **at(endpoint))
    words = ("--method", "weak", "--rounds", 2, "--keep", "all", "--json")
    typed = [f"--{name.replace('_', '-')}={value}" for name, value in at(endpoint).items()]
    told = summary(command("evolve", seeds, "--out", tmp_path / "cli", *typed, *words))
    assert told["evolution"] == done.report.to_json()["evolution"]
    here, there = (read_json(tmp_path / name / "run.json") or {} for name in ("lib", "cli"))
    assert here["settings"] == there["settings"]
    assert lines(tmp_path / "lib" / "dataset.jsonl") == lines(tmp_path / "cli" / "dataset.jsonl")


def test_a_result_holds_data_method_and_cost(seeds: Path, endpoint: Endpoint, tmp_path: Path) -> None:
    done = ae.evolve(
        seeds,
        tmp_path / "run",
        method="weak",
        price=["served=1000,2000"],
        **at(endpoint),
        listener=ae.Silent(),
    )
    assert done.stopped_by is None
    assert done.dataset is not None
    records = lines(tmp_path / "run" / "dataset.jsonl")
    assert list(done.dataset) == records
    assert (len(done.dataset), done.dataset[0], done.dataset[-2:]) == (12, records[0], records[-2:])
    assert done.method == ae.WEAK
    assert (done.cost.calls, done.cost.by_role) == (24, {"evol": 12, "respond": 12})
    assert done.cost.usd == pytest.approx(24 * (7 * 1000 + 3 * 2000) / 1e6)
    assert list(done.to_pandas()["id"]) == [record["id"] for record in records]
    assert "LM calls paid" in repr(done)


def test_settings_and_keywords_together(seeds: Path, endpoint: Endpoint, tmp_path: Path) -> None:
    settings = ae.Settings.of(limit=3, temperature=0.5, **at(endpoint))
    done = ae.evolve(seeds, tmp_path / "run", method="weak", settings=settings, limit=5)
    assert evolved(done).rows == 5
    assert endpoint.seen[0].body["temperature"] == 0.5


def test_a_budget_ends_a_call_without_an_error_and_the_next_goes_on(
    seeds: Path, endpoint: Endpoint, tmp_path: Path
) -> None:
    done = ae.evolve(seeds, tmp_path / "run", method="weak", max_calls=10, **at(endpoint))
    assert isinstance(done.stopped_by, ae.BudgetReached)
    assert "stopped" in repr(done)
    assert ae.evolve(seeds, tmp_path / "run", method="weak", **at(endpoint)).stopped_by is None
    assert len(endpoint.seen) == 24


def test_lost_rows_are_retried_and_rounds_chosen_anew(seeds: Path, tmp_path: Path) -> None:
    served = Served()
    served.down = {3, 5}
    with Endpoint(served) as endpoint:
        done = ae.evolve(seeds, tmp_path / "run", method="weak", **at(endpoint))
        assert evolved(done).unscored == 2
        served.down = set()
        assert evolved(ae.retry(tmp_path / "run")).unscored == 0
        renewed = ae.again(tmp_path / "run", tmp_path / "again", detector="paper", keep="all")
    assert renewed.report.metric.detector == "paper"
    assert renewed.dataset is not None
    assert len(renewed.dataset) == 12


def test_a_file_is_cleaned_exported_and_measured(seeds: Path, endpoint: Endpoint, tmp_path: Path) -> None:
    ae.evolve(seeds, tmp_path / "run", method="weak", **at(endpoint))
    cleaned = ae.clean(tmp_path / "run", tmp_path / "clean.jsonl", against=seeds, near=1.0)
    assert len(cleaned.dataset) == cleaned.report.kept == len(cleaned.to_pandas())
    written = ae.export(tmp_path / "clean.jsonl", tmp_path / "train.jsonl", card=True, license="cc-by-4.0")
    assert written.dataset is not None
    assert set(written.dataset[0]) == {"messages"}
    assert written.card is not None
    assert "cc-by-4.0" in written.card.read_text()
    measured = ae.quality(tmp_path / "run", limit=5)
    assert measured.rows == 12
    assert len(measured.to_pandas()) == len(measured.stages)
    assert all(repr(result).strip() for result in (cleaned, written, measured))


def test_run_optimize_estimate_transfer(primes: Path, tmp_path: Path) -> None:
    with Endpoint(reply) as endpoint:
        told = ae.estimate(primes, sample=4, out=tmp_path / "run", **LOOP, **at(endpoint))
        assert {"optimize", "holdout", "evolve", "total"} == set(told.to_pandas()["stage"])
        assert "LM calls" in repr(told)
        done = ae.run(primes, tmp_path / "run", **LOOP, **at(endpoint))
        assert done.method is not None
        assert done.dataset is not None
        alone = ae.optimize(primes, tmp_path / "optimized", **LOOP, **at(endpoint))
        assert (alone.method, alone.dataset) == (done.method, None)
        moved = ae.transfer(["initial", "weak"], primes, tmp_path / "transfer", sample=5, **at(endpoint))
        assert list(moved.to_pandas()["source"]) == ["initial", "weak"]
        assert moved.cost.calls == sum(moved.cost.by_role.values()) > 10
        assert "the reference" in repr(moved)


def test_search_and_compare(primes: Path, tmp_path: Path) -> None:
    with Endpoint(reply) as endpoint:
        found = ae.search(primes, tmp_path / "search", trials=2, space=["m=1:2"], **LOOP, **at(endpoint))
        assert len(found.to_pandas()) == 2
        assert found.settings is not None
        assert found.settings["m"] in (1, 2)
        assert found.cost.calls > 0
        heard: list[str] = []
        held = ae.compare(
            primes,
            tmp_path / "compare",
            config=ae.CompareConfig(optimizers="initial,weak", budget=50, seeds=1, holdout_size=4),
            on_entry=lambda entry: heard.append(entry.contestant),
            **at(endpoint),
        )
    assert heard == ["initial", "weak"]
    assert set(held.to_pandas()["contestant"]) == {"initial", "weak"}
    assert held.calls > 0
    assert held.method in (ae.INITIAL, ae.WEAK)
    assert "mean rank" in repr(held)


@pytest.mark.parametrize(
    ("name", "arguments", "keyword", "nearest"),
    [
        ("run", ("x.jsonl", "out"), "evol_modle", "evol_model"),
        ("evolve", ("x.jsonl", "out"), "round", "rounds"),
        ("retry", ("out",), "api_bas", "api_base"),
        ("again", ("a", "b"), "answer_wth", "answer_with"),
        ("clean", ("a", "b"), "nearr", "near"),
        ("export", ("a", "b"), "licence", "license"),
        ("estimate", ("a",), "temprature", "temperature"),
        ("search", ("a", "b"), "trails", "trials"),
        ("compare", ("a", "b"), "optimisers", "optimizers"),
        ("transfer", (["initial"], "a", "b"), "smaple", "sample"),
        ("calibrate", ("a",), "judge_mode", "judge_model"),
    ],
)
def test_an_unknown_keyword_is_answered_with_the_nearest(
    name: str, arguments: tuple[object, ...], keyword: str, nearest: str
) -> None:
    expected = rf"autoevol.{name} has no setting '{keyword}'; did you mean {nearest}\?"
    with pytest.raises(ae.InputError, match=expected):
        getattr(ae, name)(*arguments, **{keyword: 1})


def test_a_command_refuses_settings_that_it_would_not_heed() -> None:
    with pytest.raises(ae.InputError, match=r"autoevol\.retry has no setting 'temperature'"):
        ae.retry("out", temperature=1.0)


_COMPILE = """
import sys
import autoevol as ae
from autoevol.testing import ScriptedTransport

def answer(request):
    text = str(request)
    if "improved_method" in text:
        return "<improved_method>\\nRewrite it, better.\\n</improved_method>"
    return "<final_instruction>\\nName a prime, and prove it.\\n</final_instruction>"

import dspy
rows = [ae.Row(f"{n:016x}", f"Name a prime above {n}.") for n in range(12)]
loop = ae.LoopConfig(batch_size=2, m=1, steps=1, dev_size=3)
with ae.Session(sys.argv[1]) as session:
    with dspy.context(lm=session.lm("my/lm", transport=ScriptedTransport(answer))):
        ae.AutoEvol(config=loop, verbose=sys.argv[2] == "loud").compile(ae.Evolver(ae.WEAK), trainset=rows)
"""


@pytest.mark.parametrize("verbose", ["loud", "quiet"])
def test_compile_says_a_line_after_every_step_unless_told_not_to(verbose: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _COMPILE, str(tmp_path / "calls.sqlite"), verbose],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert ("starting methods: 1 scored" in done.stderr) == (verbose == "loud")


def test_progress_goes_to_the_log_where_there_is_one(
    seeds: Path, endpoint: Endpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with caplog.at_level("INFO", logger="autoevol"):
        ae.evolve(seeds, tmp_path / "run", method="weak", **at(endpoint))
    assert "evolve: 12 rows" in caplog.messages
    assert capsys.readouterr() == ("", "")
