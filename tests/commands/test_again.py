"""`again`: other rounds, other responses, another measure, and nothing evolved a second time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from command_line import command, lines, summary
from commanding import SEEDS, VERDICT, evolve, write_seeds
from servers import Answer, Endpoint, refuses, says


class Served:
    """Evolves and answers; the model `new` answers otherwise, and not at all for tasks in `down`."""

    def __init__(self) -> None:
        self.down: set[int] = set()
        self.asked: Counter[str] = Counter()

    def __call__(self, body: dict[str, Any]) -> Answer:
        text = body["messages"][-1]["content"]
        number = int(text.rpartition("Task ")[2].partition(":")[0])
        if "between these two tags" in text:
            self.asked["evolve"] += 1
            task = text.rpartition("#Instruction#:\n")[2]
            if number == 1 and "Explain" in task:
                return says("I thought about it.")
            more = "Explain every step and its cost." if "Explain" not in task else "Name two risks as well."
            return says(f"<final_instruction>\n{task} {more}\n</final_instruction>")
        self.asked[body["model"]] += 1
        if body["model"] == "judging":
            return says(VERDICT)
        if body["model"] == "new":
            said = refuses(400, "SECRET") if number in self.down else says(f"A new answer to: {text}")
            return says("Please provide the missing details.") if number == 5 else said
        return says(f"Here is the answer in full, with a reason for each step of it. ({text})")


@pytest.fixture
def served() -> Served:
    return Served()


@pytest.fixture
def endpoint(served: Served) -> Iterator[Endpoint]:
    with Endpoint(served) as running:
        yield running


@pytest.fixture
def run(endpoint: Endpoint, served: Served, tmp_path: Path) -> Path:
    """Two rounds of twelve rows, of which row 1 passes the first only."""
    seeds, out = write_seeds(tmp_path), tmp_path / "run"
    told = summary(evolve(seeds, endpoint, out, "--method", "weak", "--rounds", 2, "--part-rows", 5))
    assert told["evolution"]["rounds"] == {"passed": 23, "unparsed": 1}
    served.asked.clear()
    return out


def again(run: Path, out: Path, *more: object) -> Any:
    return command("again", run, "--out", out, "--json", *more)


def test_other_rounds_are_chosen_without_a_call(run: Path, endpoint: Endpoint, tmp_path: Path) -> None:
    paid = len(endpoint.seen)
    every = summary(again(run, tmp_path / "all", "--keep", "all"))
    assert every["ledger"]["total"]["calls"] == 0
    assert every["evolution"]["dataset"]["lines"] == 23
    first = tmp_path / "first"
    summary(again(run, first, "--keep", 1))
    assert [record["seed"] for record in lines(first / "dataset.jsonl")] == SEEDS
    assert all(record["round"] == 1 for record in lines(first / "dataset.jsonl"))
    second = tmp_path / "second"
    summary(again(run, second, "--keep", 2))
    assert len(lines(second / "dataset.jsonl")) == 11
    (left_out,) = lines(second / "rejected.jsonl")
    assert (left_out["seed"], left_out["reason"]) == (SEEDS[1], "No pair of round 2 has passed.")
    assert len(endpoint.seen) == paid
    done = command("export", first, "--out", tmp_path / "train.jsonl", "--card", "--json")
    assert json.loads(done.stdout)["rows"] == 12
    assert "Method `weak`" in (tmp_path / "README.md").read_text()


def test_every_round_is_answered_by_another_model(
    run: Path, endpoint: Endpoint, served: Served, tmp_path: Path
) -> None:
    out = tmp_path / "new"
    with_new = ("--keep", "all", "--answer-with", "new", "--api-base", endpoint.url)
    served.down = {3, 4}
    told = summary(again(run, out, *with_new))
    assert served.asked == {"new": 23}, "nothing is evolved"
    before = {record["id"]: record for record in lines(run / "dataset.jsonl")}
    after = {record["id"]: record for record in lines(out / "dataset.jsonl")}
    assert told["evolution"]["unscored"] == len(lines(out / "dead.jsonl")) == 2
    assert {record["seed"] for record in lines(out / "rejected.jsonl")} == {SEEDS[5]}, (
        "judged by its response"
    )
    for key in before.keys() & after.keys():
        assert after[key]["response"] == f"A new answer to: {after[key]['instruction']}"
        assert after[key]["stages"] == before[key]["stages"]
        assert after[key]["model"] == "new"
    assert "SECRET" not in (out / "dataset.jsonl").read_text()

    served.down = set()
    assert "same command" in command("retry", out).stderr
    healed = summary(again(run, out, *with_new))["evolution"]
    assert served.asked == {"new": 23 + 4}, "two rounds of each dead row"
    assert (healed["unscored"], healed["passed"], healed["rows"]) == (0, 11, 12)
    assert [record["seed"] for record in lines(out / "dataset.jsonl") if record["round"] == 1] == [
        seed for number, seed in enumerate(SEEDS) if number != 5
    ]


def test_another_detector_decides_over_the_same_rounds(run: Path, endpoint: Endpoint, tmp_path: Path) -> None:
    paid, out = len(endpoint.seen), tmp_path / "strict"
    strict = summary(again(run, out, "--detector", "eliminator"))
    assert strict["metric"]["detector"] == "eliminator"
    assert strict["evolution"]["rows"] == 12
    assert len(endpoint.seen) == paid
    # And back again: what the first detector said is found anew, from the folder that was made.
    back = tmp_path / "back"
    told = summary(again(out, back, "--detector", "text"))
    assert told["evolution"]["rounds"] == {"passed": 23, "unparsed": 1}
    assert lines(back / "dataset.jsonl") == lines(run / "dataset.jsonl")


def test_a_budget_ends_it_and_the_same_command_goes_on(
    run: Path, endpoint: Endpoint, served: Served, tmp_path: Path
) -> None:
    out = tmp_path / "new"
    with_new = ("--answer-with", "new", "--api-base", endpoint.url)
    assert again(run, out, *with_new, "--max-calls", 9).exit_code == 3
    assert served.asked["new"] == 9
    summary(again(run, out, *with_new))
    assert served.asked == {"new": 23}


@pytest.mark.parametrize(
    ("place", "more", "told"),
    [
        ("nowhere", [], "there is no folder"),
        ("run", ["--keep", "0"], "--keep"),
        ("run", ["--keep", "first"], "--keep"),
        ("run", ["--detector", "crystal"], "crystal"),
    ],
)
def test_what_cannot_be_is_told(place: str, more: list[str], told: str, run: Path, tmp_path: Path) -> None:
    done = again(tmp_path / place, tmp_path / "o", *more)
    assert done.exit_code == 2, done.output
    assert told in done.stderr


def test_a_run_is_not_renewed_into_itself_and_settings_are_kept(run: Path, tmp_path: Path) -> None:
    assert "itself" in again(run, run).stderr
    summary(again(run, tmp_path / "o", "--keep", "all"))
    other = again(run, tmp_path / "o", "--keep", "last")
    assert other.exit_code == 2
    assert "keep" in other.stderr


def test_a_judge_is_asked_where_the_run_asked(run: Path, endpoint: Endpoint, tmp_path: Path) -> None:
    paid = len(endpoint.seen)
    summary(again(run, tmp_path / "judged", "--judge-model", "judging"))
    asked = {request.body["model"] for request in endpoint.seen[paid:]}
    assert asked == {"judging"}


def test_rounds_of_an_unfinished_run_are_not_complete(endpoint: Endpoint, tmp_path: Path) -> None:
    seeds, half, out = write_seeds(tmp_path), tmp_path / "half", tmp_path / "out"
    options = ("--method", "weak", "--part-rows", 2)
    assert evolve(seeds, endpoint, half, *options, "--max-calls", 11, "--concurrency", 1).exit_code == 3
    first = summary(again(half, out, "--keep", "all"))["evolution"]
    assert (first["rows"], first["complete"]) == (4, False)
    summary(evolve(seeds, endpoint, half, *options))
    then = summary(again(half, out, "--keep", "all"))["evolution"]
    assert (then["rows"], then["complete"]) == (12, True)
