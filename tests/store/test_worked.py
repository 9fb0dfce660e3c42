"""The time of all starts, whatever ended them."""

from __future__ import annotations

from pathlib import Path

from autoevol.store.worked import EVERY, FILE, WorkClock, Worked, worked_before


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_time_of_earlier_starts_is_added(tmp_path: Path) -> None:
    clock = Clock()
    first = WorkClock(tmp_path, clock)
    clock.now += 7
    first.note()
    second = WorkClock(tmp_path, clock)
    clock.now += 3
    assert second.worked == Worked(2, 10.0)


def test_a_killed_process_leaves_what_it_had_noted(tmp_path: Path) -> None:
    clock = Clock()
    killed = WorkClock(tmp_path, clock)
    clock.now += EVERY - 1
    killed.tick()
    assert worked_before(tmp_path) == Worked()
    clock.now += 1
    killed.tick()
    clock.now += 5
    assert worked_before(tmp_path) == Worked(1, EVERY)


def test_a_damaged_file_says_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"starts": 3, "seconds": 9.0, "check": "wrong"}')
    assert worked_before(tmp_path) == Worked()
