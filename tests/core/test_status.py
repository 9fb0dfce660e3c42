"""The words in which a run says where it stands."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.status import (
    CallStatus,
    Pause,
    PhaseStatus,
    RunStatus,
    StepStatus,
    duration,
    in_lines,
    time_of_day,
)


@pytest.mark.parametrize(
    ("seconds", "told"), [(40.2, "40 s"), (89, "89 s"), (420, "7 min"), (12_000, "3 h 20 min")]
)
def test_a_duration_in_words(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_what_is_paid_stands_against_its_caps() -> None:
    assert CallStatus(1340, 1200, 0.416).paid == "1,340 calls paid, 1,200 tokens, $0.42"
    capped = CallStatus(1340, 1200, 0.416, 2000, 5000, 2.0).paid
    assert capped == "1,340 of 2,000 calls paid, 1,200 of 5,000 tokens, $0.42 of 2.00"
    assert CallStatus().paid == "0 calls paid, 0 tokens", "no price, no money"


def test_what_is_on_its_way_stands_against_the_window() -> None:
    assert CallStatus().on_their_way == "0 requests in flight"
    assert CallStatus(in_flight=1, queued=3, window=1).on_their_way == (
        "1 request in flight (at most 1 now), 3 waiting"
    )


def test_retries_are_told_by_reason_and_pauses_with_their_end() -> None:
    until = time.time() + 60
    pauses = (Pause("http://host/v1", 12, until),)
    calls = CallStatus(retries={"timeout": 1, "rate_limited": 11}, pauses=pauses)
    assert calls.sentences()[2:] == [
        "12 retries (11 rate limited, 1 timeout)",
        f"12 calls wait until {time_of_day(until)}: http://host/v1 says 429 (too many requests)",
    ]
    assert str(Pause("e", 1, until)).startswith("1 call waits until ")


@pytest.mark.parametrize(
    ("failed", "of_reason", "told"),
    [(0, 0, ""), (1, 1, " (lost information)"), (3, 2, " (mostly lost information)"),
     (4, 2, " (most often lost information)")],
)  # fmt: skip
def test_the_most_frequent_reason_is_named_for_what_it_is(failed: int, of_reason: int, told: str) -> None:
    reason = "lost_information" if failed else ""
    phase = PhaseStatus("evolve", 9, failed=failed, reason=reason, of_reason=of_reason)
    assert phase.outcomes == f"0 passed, {failed} failed{told}"


def test_a_time_of_another_day_has_its_date_and_one_that_cannot_be_is_unknown() -> None:
    assert len(time_of_day(time.time())) == len("14:03:20")
    assert time_of_day(86_400.0 * 365).startswith("197")
    assert {time_of_day(moment) for moment in (1e300, float("nan"), float("inf"))} == {"an unknown time"}


@given(st.lists(st.text(max_size=200), max_size=8), st.integers(10, 120))
def test_lines_fit_and_lose_nothing_that_fits(sentences: list[str], width: int) -> None:
    lines = in_lines(sentences, width)
    assert all(len(line) <= width for line in lines)
    if all(len(one) <= width for one in sentences):
        assert lines == sentences


def test_a_sentence_that_is_too_long_is_broken_between_its_parts() -> None:
    assert in_lines(["3 of 9 rows; 1 passed, 2 failed (mostly stagnant)"], 36) == [
        "3 of 9 rows",
        "1 passed, 2 failed (mostly stagnant)",
    ]
    assert in_lines(["x" * 50], 10) == ["xxxxxxx..."]


def test_a_status_reads_back_as_itself() -> None:
    phase = PhaseStatus("optimize", 9, True, step=StepStatus(1, 2, "score", 1, 3), per_second=1.0, left=2.5)
    calls = CallStatus(1, 2, 3.0, 4, 5, 6.0, 7, 8, 9, {"timeout": 1}, (Pause("e", 1, 2.0),))
    status = RunStatus(1, "host", "born", 1.0, 2.0, phase, calls, "budget", "why", "note")
    assert RunStatus.from_json(json.loads(json.dumps(status.to_json()))) == status
