"""Failed rows are tried again with fresh samples: what it brings, what it costs, and where it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dspy.lm15 import Request

import autoevol as ae
import chancy
from autoevol.core.records import Outcome
from autoevol.evolution.lineage import Fate
from autoevol.lm.budget import Caps
from autoevol.lm.transport import Reply
from autoevol.testing import Answer
from command_line import seed_file
from evolving import ONE_ROUND, Bulk, evolves, is_evolution, number_of, numbered, rows, tagged
from servers import Endpoint

WARMED = replace(ONE_ROUND, retries=3, retry_temperature=0.7)


def refuses_until(passes: dict[int, int]) -> Callable[[Request], Answer]:
    """Row n is refused until its try `passes[n]`, counted from 0; a row that is not there passes at once."""
    tried: dict[int, int] = {}

    def script(asked: Request) -> Answer:
        number = number_of(asked)
        if not is_evolution(asked):
            return evolves(asked)
        tried[number] = tried.get(number, -1) + 1
        if tried[number] < passes.get(number, 0):
            return Reply(tagged(f"I refuse row {number}, try {tried[number]}"), "stop", 1, 1)
        return evolves(asked)

    return script


def test_a_retry_is_asked_warmer_and_with_a_seed_of_its_own(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, refuses_until({0: 3}))
    tally = bulk.run(rows("row 0"), WARMED, temperature=0.0)
    asked = [request.config for request in bulk.transport.requests if is_evolution(request)]
    assert [config.temperature for config in asked] == [0.0, 0.7, 0.7, 0.7]
    assert asked[0].seed is None
    assert len({config.seed for config in asked}) == 4
    responses = [request.config for request in bulk.transport.requests if not is_evolution(request)]
    assert {config.temperature for config in responses} == {0.0}
    assert (tally.retries.rows, tally.retries.samples, tally.retries.passed, tally.retries.kept) == (
        1,
        3,
        1,
        1,
    )


def test_where_samples_are_drawn_anyway_only_the_seed_is_new(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, refuses_until({0: 1}))
    bulk.run(rows("row 0"), replace(ONE_ROUND, retries=1), temperature=0.4)
    asked = [request.config for request in bulk.transport.requests if is_evolution(request)]
    assert [config.temperature for config in asked] == [0.4, 0.4]
    assert [config.seed is None for config in asked] == [True, False]


def test_rows_that_never_pass_end_after_their_tries(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, refuses_until({0: 99, 1: 2}))
    tally = bulk.run(numbered(3), WARMED, temperature=0.0)
    assert tally.outcomes == {Outcome.PASSED: 2, Outcome.FAILED: 1}
    assert tally.fates == {Fate.PASSED: 2, Fate.FAILED: 4 + 2}
    assert (tally.retries.rows, tally.retries.samples, tally.retries.kept) == (2, 3 + 2, 1)
    assert [record["attempts"] for record in bulk.rejected] == [4]


def test_the_budget_holds_while_rows_are_tried_again(tmp_path: Path) -> None:
    seeds, passes = numbered(12), dict.fromkeys(range(0, 12, 2), 2)
    whole = Bulk(tmp_path / "whole", refuses_until(passes))
    (tmp_path / "whole").mkdir()
    whole.run(seeds, WARMED, temperature=0.0)
    bulk = Bulk(tmp_path, refuses_until(passes))
    for most in (7, 15, 22):
        assert not bulk.run(seeds, WARMED, temperature=0.0, caps=Caps(calls=most), concurrency=3).complete
        assert len(bulk.transport.requests) == most
    assert bulk.run(seeds, WARMED, temperature=0.0, concurrency=3).complete
    assert bulk.kept == whole.kept
    assert len(bulk.transport.requests) == len(whole.transport.requests), "nothing was paid twice"


@pytest.mark.parametrize("concurrency", [1, 3, 16])
def test_a_run_ends_with_the_row_that_makes_enough(concurrency: int, tmp_path: Path) -> None:
    """Rows 0, 3, 6, ... never pass: the tenth that is kept is row 14, whatever is under way meanwhile."""
    never = dict.fromkeys(range(0, 60, 3), 99)
    bulk = Bulk(tmp_path, refuses_until(never))
    tally = bulk.run(numbered(60), WARMED, concurrency=concurrency, target_rows=10, part_rows=4)
    assert tally.complete
    assert (tally.rows, tally.target, tally.outcomes[Outcome.PASSED]) == (15, 10, 10)
    assert {number_of(asked) for asked in bulk.transport.requests} == set(range(15)), "none was begun in vain"

    paid = len(bulk.transport.requests)
    bulk.run(numbered(60), WARMED, concurrency=concurrency, target_rows=10, part_rows=4)
    assert len(bulk.transport.requests) == paid, "there are enough"
    more = bulk.run(numbered(60), WARMED, concurrency=concurrency, target_rows=12, part_rows=4)
    assert (more.rows, more.outcomes[Outcome.PASSED]) == (18, 12)


def test_a_target_beyond_the_seeds_is_all_there_is(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, refuses_until({0: 99}))
    tally = bulk.run(numbered(5), WARMED, target_rows=5)
    assert (tally.complete, tally.rows, tally.outcomes[Outcome.PASSED]) == (True, 5, 4)


def test_a_row_that_the_budget_stopped_is_not_passed_over_for_the_target(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, refuses_until({1: 3}))
    first = bulk.run(numbered(9), WARMED, caps=Caps(calls=5), concurrency=1, target_rows=4)
    assert not first.complete
    done = bulk.run(numbered(9), WARMED, concurrency=1, target_rows=4)
    assert [record["seed"] for record in bulk.kept] == ["row 0", "row 1", "row 2", "row 3"]
    assert done.complete


def tell(out: Path, seeds: Path, url: str, **options: Any) -> Any:
    return ae.evolve(seeds, out, method="weak", evol_model="served", api_base=url, **options).report


def test_the_summary_says_what_retries_brought(tmp_path: Path) -> None:
    seeds = seed_file(tmp_path, chancy.TASKS[:20])
    with Endpoint(chancy.Chancy(0.4)) as endpoint:
        report = tell(tmp_path / "run", seeds, endpoint.url, target_rows=12)
    found = report.evolution
    assert (found.passed, found.target, found.complete) == (12, 12, True)
    assert found.retries is not None
    assert found.retries.samples == found.rounds["passed"] + found.rounds["failed"] - found.rows
    assert dict(report.table_rows())["tried again"] == str(found.retries)


def test_a_run_that_was_begun_otherwise_goes_on_so(tmp_path: Path) -> None:
    seeds = seed_file(tmp_path, chancy.TASKS[:20])
    with Endpoint(chancy.Chancy(1.0)) as endpoint:
        tell(tmp_path / "run", seeds, endpoint.url, on_failure="again", max_calls=20)
        report = tell(tmp_path / "run", seeds, endpoint.url)
        assert report.evolution.rounds == {"failed": 20}
        with pytest.raises(ae.InputError, match="on_failure"):
            tell(tmp_path / "run", seeds, endpoint.url, on_failure="retry:3")


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Starts a run. The server that it is forked from has imported everything; it looks there."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["chancy"])

    def launch(*arguments: str) -> Any:
        process = context.Process(target=chancy.main, args=arguments)
        process.start()
        return process

    return launch


@pytest.mark.slow
def test_nineteen_of_twenty_are_kept_for_little_more_and_kills_change_nothing(
    tmp_path: Path, start: Callable[..., Any]
) -> None:
    seeds = seed_file(tmp_path, chancy.TASKS)
    with Endpoint(chancy.Chancy(0.0)) as endpoint:
        report = tell(tmp_path / "lucky", seeds, endpoint.url)
        without, kept = len(endpoint.seen), report.evolution.passed
    assert kept == chancy.ROWS
    with Endpoint(chancy.Chancy(0.4)) as endpoint:
        report = tell(tmp_path / "whole", seeds, endpoint.url)
        needed = len(endpoint.seen)
    assert report.evolution.rounds["failed"] > 0.35 * sum(report.evolution.rounds.values())
    assert report.evolution.passed >= 0.95 * chancy.ROWS
    assert needed <= 2.2 * without

    served = chancy.Chancy(0.4)
    with Endpoint(served) as endpoint:
        for moment in (needed // 8, needed // 2, needed - 40):
            served.hold_from = moment
            process = start(str(seeds), str(tmp_path / "killed"), endpoint.url)
            while served.arrivals < moment:
                assert process.is_alive(), "it ended by itself"
                time.sleep(0.005)
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            assert process.exitcode == -signal.SIGKILL
        served.hold_from = None
        process = start(str(seeds), str(tmp_path / "killed"), endpoint.url)
        process.join()
        assert process.exitcode == 0
    assert served.arrivals <= needed + 3 * chancy.CONCURRENCY
    for name in ("dataset.jsonl", "rejected.jsonl", "dead.jsonl"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
