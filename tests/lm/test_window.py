"""The policies of flow control by a clock that stands still until it is told."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.lm.window import Pace, Window


def full(window: Window, now: float = 0.0) -> int:
    """How many a window lets through at `now`, nothing being under way."""
    under_way = 0
    while window.free_at(under_way, now) <= now:
        under_way += 1
    return under_way


def opening(ceiling: int, until: float) -> Window:
    """A window that has been watched for `until` seconds since its first request."""
    window = Window(ceiling)
    window.sent(0.0)
    for step in range(round(until * 1000) + 1):
        window.limit(step / 1000)
    return window


def opened(ceiling: int) -> Window:
    window = opening(ceiling, 0.31)
    assert full(window, 10.0) == ceiling
    return window


def test_a_window_opens_to_its_ceiling_slowly_at_first() -> None:
    assert full(Window(256), 5.0) == 16
    widths = [full(opening(256, step * 0.06 + 1e-6), step * 0.06) for step in range(6)]
    assert widths == [16, 25, 54, 102, 169, 256]
    assert opened(256).free_at(256, 9.0) == math.inf


def test_a_process_that_was_busy_elsewhere_opens_no_further_for_it() -> None:
    window = Window(256)
    window.sent(0.0)
    assert full(window, 5.0) == 16
    assert full(window, 10.0) == 17


def test_who_waits_for_an_opening_window_asks_again_in_time() -> None:
    window, now, asked = Window(256), 0.0, 0
    window.sent(now)
    while asked < 1000:
        asked += 1
        later = window.free_at(200, now)
        if later == now:
            break
        assert now < later < now + 0.3
        now = later
    assert 0.26 < now < 0.4
    assert asked < 40


@pytest.mark.parametrize("ceiling", [1, 5, 16])
def test_a_low_ceiling_is_open_at_once(ceiling: int) -> None:
    assert full(Window(ceiling)) == ceiling


def test_a_refusal_cuts_to_three_quarters_once_per_round_trip() -> None:
    window = opened(100)
    numbers = [window.sent(10.0) for _ in range(99)]
    assert window.refused(numbers[50], 99, 10.0)
    assert full(window, 10.0) == 75
    assert not window.refused(numbers[80], 98, 10.0), "it was sent before the cut"
    assert full(window, 10.0) == 75
    assert window.refused(window.sent(11.0), 90, 11.0)
    assert full(window, 11.0) == 56
    assert window.cuts == 2


def test_a_burst_of_refusals_leaves_what_is_still_under_way() -> None:
    window = opened(64)
    numbers = [window.sent(10.0) for _ in range(63)]
    for refused, number in enumerate(numbers[20:], 1):
        window.refused(number, 63 - refused, 10.0)
    assert full(window, 10.0) == 20


def test_a_refusal_ends_the_opening() -> None:
    window = Window(256)
    numbers = [window.sent(0.0) for _ in range(30)]
    window.refused(numbers[-1], 29, 0.02)
    assert full(window, 9.0) <= 29


def replies(window: Window, count: int) -> int:
    """The width after `count` replies to a full window."""
    for _ in range(count):
        window.answered(full(window), 10.0)
    return full(window)


def test_a_full_window_grows_by_one_per_round_trip_and_faster_where_it_has_been() -> None:
    window = opened(100)
    window.refused(window.sent(10.0), 30, 10.0)
    assert full(window) == 30
    assert replies(window, 45) == 75
    assert replies(window, 75) == 75
    assert replies(window, 2) == 76


def test_a_small_window_probes_every_twentieth_time() -> None:
    window = opened(100)
    for _ in range(20):
        window.refused(window.sent(10.0), 1, 10.0)
    assert full(window) == 1
    assert replies(window, 19) == 1
    assert replies(window, 2) == 2


def test_a_window_that_is_not_full_does_not_grow() -> None:
    window = opened(100)
    window.refused(window.sent(10.0), 99, 10.0)
    for _ in range(500):
        window.answered(10, 10.0)
    assert full(window) == 75


def test_after_a_pause_a_quarter_is_let_through_at_first_and_soon_as_much_as_before() -> None:
    window = opened(100)
    window.refused(window.sent(10.0), 99, 10.0)
    window.reopen()
    widths = [full(window)]
    for _ in range(3):  # round trips
        for _ in range(full(window)):
            window.answered(full(window), 12.0)
        widths.append(full(window))
    assert widths == [18, 36, 72, 75]


@given(
    ceiling=st.integers(1, 300),
    events=st.lists(
        st.tuples(st.sampled_from(["answered", "refused", "reopen"]), st.integers(0, 300)), max_size=200
    ),
)
def test_a_window_is_never_shut_and_never_over_its_ceiling(
    ceiling: int, events: list[tuple[str, int]]
) -> None:
    window = Window(ceiling)
    for now, (event, under_way) in enumerate(events):
        number = window.sent(float(now))
        if event == "answered":
            window.answered(under_way, float(now))
        elif event == "refused":
            window.refused(number, under_way, float(now))
        else:
            window.reopen()
        assert 1 <= window.limit(float(now)) <= ceiling


@pytest.mark.parametrize(("capacity", "ceiling"), [(20, 64), (20, 256), (5, 100), (1, 50)])
def test_a_server_of_known_capacity_is_kept_busy_and_seldom_refuses(capacity: int, ceiling: int) -> None:
    """By round trips: in each, what the window allows is sent, and the excess is refused."""
    window, served, refused = opened(ceiling), 0, 0
    for trip in range(200):
        now = 100.0 + trip
        width = full(window, now)
        numbers = [window.sent(now) for _ in range(width)]
        for left, number in enumerate(numbers[capacity:], 1):
            window.refused(number, width - left, now)
        refused += max(0, width - capacity)
        accepted = min(width, capacity)
        served += accepted
        for _ in range(accepted):
            window.answered(full(window, now), now)
    # Finding out from the ceiling downwards costs a few refusals, and what was sent at first.
    assert refused <= (ceiling - capacity) + 40 + 0.06 * served
    assert served >= 0.7 * 200 * capacity


def test_a_pace_spreads_evenly() -> None:
    pace, now, sent = Pace(600), 0.0, []
    while now < 60.0:
        now = max(now, pace.ready_at)
        pace.take(1, now)
        sent.append(now)
    assert len(sent) == pytest.approx(600, abs=3)
    assert all(sum(start <= at < start + 10 for at in sent) <= 102 for start in range(50))


def test_a_pace_gives_back_what_was_not_used() -> None:
    pace = Pace(60_000)
    pace.take(2000, 0.0)
    assert pace.ready_at == pytest.approx(1.9)
    pace.take(-1500, 0.5)
    assert pace.ready_at == pytest.approx(0.4)


@given(seed=st.integers(0, 1000), rate=st.floats(1, 10_000))
def test_a_pace_is_kept_over_any_minute(seed: int, rate: float) -> None:
    draw, pace, now, sent = random.Random(seed), Pace(rate), 0.0, []
    for _ in range(300):
        now = max(now, pace.ready_at) + draw.choice([0.0, 0.0, draw.expovariate(rate / 60)])
        pace.take(1, now)
        sent.append(now)
    for first in range(0, 300, 37):
        within = sum(sent[first] <= at < sent[first] + 60 for at in sent)
        assert within <= rate * (60.1 / 60) + 2
