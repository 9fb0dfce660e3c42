"""Rows that are refused for good never keep a run from its end, nor are they asked time after time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from dspy import lm15
from dspy.lm15 import Request

from autoevol.core.errors import AccessDenied
from autoevol.core.records import Outcome
from autoevol.lm.retry import RetryPolicy
from autoevol.testing import Answer
from evolving import Bulk, evolves, is_evolution, number_of, numbered

ROWS = 1000
REFUSED = frozenset(range(7, ROWS, 25))  # 40 of them


@pytest.fixture(autouse=True)
def real_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evolving.NO_RETRIES", RetryPolicy(base=0.0))


def refuses_some(asked: Request) -> Answer:
    if number_of(asked) in REFUSED:
        return lm15.InvalidRequestError("no such thing", status=400)
    return evolves(asked)


def denied_after(calls: int, serve: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    """Ends the process where it stands, as far as state goes."""
    left = calls

    def answer(asked: Request) -> Answer:
        nonlocal left
        left -= 1
        return serve(asked) if left >= 0 else lm15.AuthError("no", status=401)

    return answer


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_a_run_with_refused_rows_that_was_stopped_late_ends_at_the_next_start(
    tmp_path: Path, temperature: float
) -> None:
    first = Bulk(tmp_path, denied_after(1700, refuses_some))
    with pytest.raises(AccessDenied):
        first.run(numbered(ROWS), temperature=temperature, concurrency=16)
    second = Bulk(tmp_path, refuses_some)
    tally = second.run(numbered(ROWS), temperature=temperature, concurrency=16)
    assert tally.complete
    assert tally.outcomes == {Outcome.PASSED: ROWS - len(REFUSED), Outcome.UNSCORED: len(REFUSED)}
    assert {record["reason"] for record in second.dead} == {"bad_request: [openai/m] no such thing"}
    asked = Counter(number_of(one) for bulk in (first, second) for one in bulk.transport.requests)
    assert {asked[number] for number in REFUSED} == {1}, "a refusal is an answer"

    again = Bulk(tmp_path, refuses_some)
    tally = again.run((), temperature=temperature, retry=True)
    assert tally.outcomes[Outcome.UNSCORED] == len(REFUSED)
    assert len(again.transport.requests) == len(REFUSED), "asked again on purpose"
    healed = Bulk(tmp_path, evolves)
    tally = healed.run((), temperature=temperature, retry=True)
    assert tally.outcomes == {Outcome.PASSED: ROWS}


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_a_run_whose_last_rows_meet_a_500_for_ever_ends_at_the_next_start(
    tmp_path: Path, temperature: float
) -> None:
    """Its resume, and `retry`, ask for nothing but these rows, and whether the endpoint is there."""

    def fails_some(asked: Request) -> Answer:
        asks_for_a_row = "row" in (asked.messages[-1].text or "")
        if asks_for_a_row and number_of(asked) in REFUSED:
            return lm15.ServerError("oops", status=500)
        return evolves(asked) if asks_for_a_row else "Yes."

    with pytest.raises(AccessDenied):
        Bulk(tmp_path, denied_after(1900, fails_some)).run(
            numbered(ROWS), temperature=temperature, concurrency=16
        )
    expected = {Outcome.PASSED: ROWS - len(REFUSED), Outcome.UNSCORED: len(REFUSED)}
    tally = Bulk(tmp_path, fails_some).run(numbered(ROWS), temperature=temperature, concurrency=16)
    assert tally.complete
    assert tally.outcomes == expected
    assert Bulk(tmp_path, fails_some).run((), temperature=temperature, retry=True).outcomes == expected


@pytest.mark.parametrize("seed", range(3))
def test_errors_on_six_of_a_hundred_requests_do_not_end_a_run(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)

    def fails_at_times(asked: Request) -> Answer:
        return lm15.ServerError("oops", status=500) if draw.random() < 0.06 else evolves(asked)

    tally = Bulk(tmp_path, fails_at_times).run(numbered(ROWS), concurrency=64)
    assert tally.complete
    assert tally.rows == ROWS


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_forgotten_calls_are_not_paid_twice(tmp_path: Path, temperature: float) -> None:
    """At temperature 0, rows of different parts may make the same request."""

    def same_for_four(asked: Request) -> Answer:
        reply = evolves(asked)
        if is_evolution(asked) and not isinstance(reply, Exception | str):
            row = number_of(asked)
            return evolves_to(f"harder row {row % 25}")
        return reply

    bulk = Bulk(tmp_path, same_for_four)
    bulk.run(numbered(100), temperature=temperature, part_rows=10, forget_calls=True)
    assert len(bulk.kept) == 100
    paid = Counter(str(request.messages) for request in bulk.transport.requests)
    assert len(bulk.transport.requests) == (125 if temperature == 0 else 200)
    if temperature == 0:
        assert set(paid.values()) == {1}


def evolves_to(text: str) -> Answer:
    return f"<final_instruction>{text}</final_instruction>"
