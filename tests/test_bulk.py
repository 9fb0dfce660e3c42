"""The bulk stage: every row in exactly one file, in order, whatever happens to its calls."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy import lm15
from dspy.lm15 import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.bulk import Tally, evolve_rows
from autoevol.errors import AccessDenied, InputError, StopRun
from autoevol.lm.budget import Caps
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from autoevol.lm.transport import Reply
from autoevol.programs.evolver import Evolver
from autoevol.records import Case, FailureKind, Method, Outcome, Row, Trajectory, Verdict
from autoevol.store.calls import CallStore
from autoevol.testing import Answer, ScriptedTransport

METHOD = Method("Make it harder.")
RETRY = RetryPolicy(attempts=1, base=0.0, breaker=1000)


class Judge:
    """Fails what says so, and never sees an error."""

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        if trajectory.evolved is None:
            return Verdict(Outcome.FAILED, (FailureKind.UNPARSED,), "nothing marked")
        if "refuse" in trajectory.evolved:
            return Verdict(Outcome.FAILED, (FailureKind.REFUSED,), "refused")
        return Verdict(Outcome.PASSED)


def rows(*instructions: str) -> list[Row]:
    return [Row(f"id{number}", text) for number, text in enumerate(instructions)]


def number_of(asked: Request) -> int:
    found = re.findall(r"row (\d+)", asked.messages[-1].text or "")
    return int(found[-1])


def is_evolution(asked: Request) -> bool:
    return METHOD.text in f"{asked.system or ''} {asked.messages[0].text}"


def evolves(asked: Request) -> Answer:
    """A server that evolves `row 3` into `harder row 3`, and answers it."""
    if is_evolution(asked):
        return Reply(f"<final_instruction>harder row {number_of(asked)}</final_instruction>", "stop", 1, 1)
    return Reply(f"answer to row {number_of(asked)}", "stop", 1, 1)


class Bulk:
    """One stage over a fresh or given store."""

    def __init__(self, folder: Path, script: Callable[[Request], Answer], latency: float = 0.0) -> None:
        self.folder = folder
        self.transport = ScriptedTransport(script, latency=latency)
        self.cases: list[Case] = []

    def run(
        self,
        seeds: Iterator[Row] | list[Row],
        *,
        caps: Caps | None = None,
        concurrency: int = 4,
        total: int = 0,
    ) -> Tally:
        store = CallStore(self.folder / "calls.sqlite", power_safe=False)
        with Session(store, caps=caps, retry=RETRY, concurrency=concurrency) as session:
            lm = session.lm("openai/m", transport=self.transport, temperature=0.7)
            with dspy.context(lm=lm):
                return evolve_rows(
                    Evolver(METHOD),
                    seeds,
                    total,
                    Judge(),
                    self.folder,
                    model="openai/m",
                    concurrency=concurrency,
                    on_case=self.cases.append,
                )

    def file(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / name).read_text("utf-8").splitlines()]

    @property
    def kept(self) -> list[dict[str, Any]]:
        return self.file("dataset.jsonl")

    @property
    def dropped(self) -> list[dict[str, Any]]:
        return self.file("rejected.jsonl")


def test_a_pair_says_where_it_comes_from(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, evolves)
    tally = bulk.run(rows("row 0"), total=1)
    assert bulk.kept == [
        {
            "id": "id0",
            "instruction": "harder row 0",
            "response": "answer to row 0",
            "seed": "row 0",
            "stages": ["row 0", "harder row 0"],
            "rounds": 1,
            "method_id": METHOD.id,
            "model": "openai/m",
        }
    ]
    assert (tally.outcomes, tally.complete, tally.total) == ({Outcome.PASSED: 1}, True, 1)


FATES = ["pass", "refuse", "unmarked", "400", "500", "answer fails"]


def fated(fates: list[str]) -> Callable[[Request], Answer]:
    def serve(asked: Request) -> Answer:
        number = number_of(asked)
        fate = fates[number]
        if not is_evolution(asked):
            return lm15.ServerError("secret error text") if fate == "answer fails" else evolves(asked)
        if fate == "400":
            return lm15.InvalidRequestError("secret error text")
        if fate == "500":
            return lm15.ServerError("secret error text")
        if fate == "unmarked":
            return "I thought about it."
        word = "refuse " if fate == "refuse" else ""
        return f"<final_instruction>{word}harder row {number}</final_instruction>"

    return serve


@settings(max_examples=25, deadline=None)
@given(fates=st.lists(st.sampled_from(FATES), max_size=40), concurrency=st.integers(1, 6))
def test_every_row_is_in_exactly_one_file_in_order_and_counted(
    fates: list[str], concurrency: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bulk = Bulk(tmp_path_factory.mktemp("bulk"), fated(fates))
    seeds = rows(*(f"row {n}" for n in range(len(fates))))
    tally = bulk.run(seeds, concurrency=concurrency)
    kept, dropped = [r["id"] for r in bulk.kept], [r["id"] for r in bulk.dropped]
    assert kept == [row.id for row, fate in zip(seeds, fates, strict=True) if fate == "pass"]
    assert dropped == [row.id for row, fate in zip(seeds, fates, strict=True) if fate != "pass"]
    lost = sum(fate in ("400", "500", "answer fails") for fate in fates)
    failed = sum(fate in ("refuse", "unmarked") for fate in fates)
    expected = {Outcome.PASSED: len(kept), Outcome.FAILED: failed, Outcome.UNSCORED: lost}
    assert {outcome: count for outcome, count in expected.items() if count} == dict(tally.outcomes)
    assert [case.row_id for case in bulk.cases] == [row.id for row in seeds]
    assert tally.complete


def test_an_error_is_a_reason_and_never_a_text(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, fated(["400", "500", "answer fails", "pass"]))
    bulk.run(rows(*(f"row {n}" for n in range(4))))
    for reject in bulk.dropped:
        assert reject["outcome"] == "unscored"
        assert (reject["instruction"], reject["response"], reject["reply"]) == (None, None, None)
        assert "secret error text" in reject["reason"]
        assert reject["kinds"] == []
    assert "secret" not in (tmp_path / "dataset.jsonl").read_text()


@pytest.mark.parametrize("calls", [0, 1, 7, 30, 79])
def test_a_spent_budget_leaves_the_rows_that_were_finished(tmp_path: Path, calls: int) -> None:
    """And it goes into finished rows: at most one half-done row per concurrent call."""
    bulk = Bulk(tmp_path, evolves, latency=0.001)
    seeds = rows(*(f"row {n}" for n in range(40)))
    tally = bulk.run(seeds, caps=Caps(calls=calls), total=40)
    assert not tally.complete
    assert len(bulk.transport.requests) == calls
    assert len(bulk.kept) >= (calls - 4) // 2
    kept = [record["id"] for record in bulk.kept]
    assert kept == [row.id for row in seeds if row.id in kept], "in order"
    assert bulk.dropped == []
    assert tally.outcomes[Outcome.PASSED] == len(bulk.kept)


def test_rows_finished_after_one_that_the_budget_stopped_are_kept(tmp_path: Path) -> None:
    """Row 0 is refused by the budget, since its instruction is long; the rest are not."""
    bulk = Bulk(tmp_path, evolves)
    seeds = rows("word " * 2000 + "row 0", "row 1", "row 2")
    tally = bulk.run(seeds, caps=Caps(tokens=3000))
    assert not tally.complete
    assert [record["id"] for record in bulk.kept] == ["id1", "id2"]


def test_a_resumed_stage_pays_only_for_what_is_missing(tmp_path: Path) -> None:
    seeds = rows(*(f"row {n}" for n in range(20)))
    first = Bulk(tmp_path, evolves)
    first.run(seeds, caps=Caps(calls=15))
    second = Bulk(tmp_path, evolves)
    assert second.run(seeds).complete
    assert len(first.transport.requests) + len(second.transport.requests) == 40
    assert [record["id"] for record in second.kept] == [row.id for row in seeds]
    third = Bulk(tmp_path, evolves)
    third.run(seeds)
    assert third.transport.requests == []


def test_identical_rows_are_samples_of_their_own(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, evolves)
    bulk.run(rows("row 7", "row 7"))
    assert len(bulk.kept) == 2
    assert len(bulk.transport.requests) == 4


@pytest.mark.parametrize("concurrency", [1, 4])
def test_memory_is_bounded_and_so_are_rows_under_way(tmp_path: Path, concurrency: int) -> None:
    bulk = Bulk(tmp_path, evolves, latency=0.001)
    most = taken = 0

    def source() -> Iterator[Row]:
        nonlocal most, taken
        for number in range(150):
            taken += 1
            most = max(most, taken - len(bulk.cases))
            yield Row(f"id{number}", f"row {number}")

    bulk.run(source(), concurrency=concurrency)
    assert most <= 8 * concurrency + 1
    assert bulk.transport.most_under_way == concurrency
    assert len(bulk.kept) == 150


def test_one_slow_row_does_not_stop_the_others(tmp_path: Path) -> None:
    order: list[int] = []

    def serve(asked: Request) -> Answer:
        order.append(number_of(asked))
        return lm15.ServerError("later") if number_of(asked) == 0 and order.count(0) < 3 else evolves(asked)

    bulk = Bulk(tmp_path, serve, latency=0.002)
    bulk.run(rows(*(f"row {n}" for n in range(12))), concurrency=2)
    assert [case.row_id for case in bulk.cases] == [f"id{n}" for n in range(12)]


def denied(asked: Request) -> Answer:
    return lm15.AuthError("bad key", status=401) if number_of(asked) == 5 else evolves(asked)


def unreadable() -> Iterator[Row]:
    yield Row("id0", "row 0")
    raise InputError("seeds.jsonl, line 2: not JSON")


@pytest.mark.parametrize(
    ("serve", "seeds", "error"),
    [
        (denied, lambda: rows(*(f"row {n}" for n in range(30))), AccessDenied),
        (evolves, unreadable, InputError),
    ],
)
def test_any_other_end_leaves_the_files_of_the_run_before(
    tmp_path: Path, serve: Callable[[Request], Answer], seeds: Callable[[], Any], error: type[StopRun]
) -> None:
    for name in ("dataset.jsonl", "rejected.jsonl"):
        (tmp_path / name).write_text("before\n")
    with pytest.raises(error):
        Bulk(tmp_path, serve).run(seeds())
    assert {path.name for path in tmp_path.iterdir()} - {"calls.sqlite"} == {
        "dataset.jsonl",
        "rejected.jsonl",
    }
    assert (tmp_path / "dataset.jsonl").read_text() == "before\n"
