"""What is told while a run goes on."""

from __future__ import annotations

from itertools import pairwise

import pytest

from autoevol.cli import console
from autoevol.core import progress
from autoevol.core.records import Case, Outcome, Verdict


def test_lost_rows_are_not_counted_as_fine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "_EVERY", -1.0)  # a line at every row
    reporter = console.Reporter()
    reporter.phase("evolve", 3)
    for outcome in (Outcome.PASSED, Outcome.FAILED, Outcome.UNSCORED):
        reporter.case(Case("row", Verdict(outcome)))
    reporter.close()
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "evolve: 3 rows",
        "evolve: 1 of 3 rows, 0 failed",
        "evolve: 2 of 3 rows, 1 failed",
        "evolve: 3 of 3 rows, 1 failed, 1 lost",
    ]


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("kind", ["command", "library"])
def test_no_silence_is_longer_than_15_seconds(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, said = Clock(), [0.0]
    monkeypatch.setattr(console.Reporter, "_say", lambda *_: said.append(clock.now))
    monkeypatch.setattr(progress, "say", lambda _: said.append(clock.now))
    listener = console.Reporter(clock) if kind == "command" else progress.Progress(clock)
    listener.phase("evolve", 9)
    for second in range(100):
        clock.now = float(second)
        if second == 20:
            listener.case(Case("row", Verdict(Outcome.PASSED)))
        listener.pulse(lambda: "3 calls under way, 0 paid")
    assert all(later - earlier <= 15 for earlier, later in pairwise([*said, 99.0]))
    assert len(said) <= 2 + 7, "and there is a line only where there was a silence"


def test_a_sign_of_life_says_where_the_rows_and_the_calls_stand(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    reporter = console.Reporter(clock)
    reporter.phase("evolve", 9)
    reporter.case(Case("row", Verdict(Outcome.FAILED)))
    clock.now = 15.0
    reporter.pulse(lambda: "3 calls under way, 7 paid")
    told = capsys.readouterr().err.splitlines()
    assert told == ["evolve: 9 rows", "evolve: 1 of 9 rows, 1 failed; 3 calls under way, 7 paid"]
