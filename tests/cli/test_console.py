"""What is told while a run goes on."""

from __future__ import annotations

from io import StringIO
from itertools import pairwise

import pytest
from rich.console import Console

from autoevol.cli import console
from autoevol.core import progress
from autoevol.core.records import Case, FailureKind, Outcome, Step, Verdict


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_rows_are_told_with_their_total_their_reasons_and_the_time_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    reporter = console.Reporter(clock)
    reporter.phase("evolve", 20)
    verdicts = [
        Verdict(Outcome.PASSED),
        Verdict(Outcome.FAILED, (FailureKind.LOST_INFORMATION,)),
        Verdict(Outcome.FAILED, (FailureKind.LOST_INFORMATION, FailureKind.STAGNANT)),
        Verdict(Outcome.UNSCORED),
    ]
    for verdict in verdicts:
        clock.now += 10.0
        reporter.case(Case("row", verdict))
    reporter.close()
    assert capsys.readouterr().err.splitlines() == [
        "evolve: 20 rows",
        "evolve: 2 of 20 rows, 1 passed, 1 failed; 6.0 rows/min, 3 min left",
        "evolve: 4 of 20 rows, 1 passed, 2 failed (mostly lost information), 1 not scored; "
        "6.0 rows/min, 3 min left",
    ]


def test_a_phase_of_unknown_length_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    reporter = console.Reporter(clock)
    reporter.phase("optimize", None)
    clock.now = 15.0
    reporter.case(Case("row", Verdict(Outcome.FAILED)))
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "optimize: 1 row tried so far, 0 passed, 1 failed; 4.0 rows/min"


@pytest.mark.parametrize(
    ("seconds", "told"), [(40.2, "40 s"), (89, "89 s"), (420, "7 min"), (12_000, "3 h 20 min")]
)
def test_a_duration_in_words(seconds: float, told: str) -> None:
    assert progress.duration(seconds) == told


@pytest.mark.parametrize("kind", ["command", "library"])
def test_silences_grow_from_15_seconds_to_a_minute(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, said = Clock(), [0.0]
    monkeypatch.setattr(console.Reporter, "_say", lambda *_: said.append(clock.now))
    monkeypatch.setattr(progress, "say", lambda _: said.append(clock.now))
    listener = console.Reporter(clock) if kind == "command" else progress.Progress(clock)
    listener.phase("evolve", 9)
    for second in range(600):
        clock.now = float(second)
        listener.pulse(lambda: "3 calls under way, 0 calls paid")
    silences = [later - earlier for earlier, later in pairwise(said)]
    assert silences[:7] == [0, 15, 15, 15, 30, 30, 60]
    assert set(silences[7:]) == {60}
    listener.phase("again", 9)
    clock.now += 15
    listener.case(Case("row", Verdict(Outcome.PASSED)))
    assert said[-1] == clock.now, "a new phase begins with short silences"


def test_a_sign_of_life_says_where_the_rows_and_the_calls_stand(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    reporter = console.Reporter(clock)
    reporter.phase("evolve", 9)
    reporter.case(Case("row", Verdict(Outcome.FAILED)))
    clock.now = 15.0
    reporter.pulse(lambda: "3 calls under way, 7 calls paid")
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "evolve: 9 rows",
        "evolve: 1 of 9 rows, 0 passed, 1 failed; 4.0 rows/min, 2 min left; 3 calls under way, 7 calls paid",
    ]


def test_a_terminal_has_one_block_of_rows_outcomes_and_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, clock = StringIO(), Clock()
    reporter = console.Reporter(clock)
    reporter.console = Console(file=screen, force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr(reporter, "_live", True)
    reporter.phase("evolve", 40)
    clock.now = 10.0
    for kinds in ((), (FailureKind.STAGNANT,), (FailureKind.STAGNANT,)):
        reporter.case(Case("row", Verdict(Outcome.FAILED if kinds else Outcome.PASSED, kinds)))
    reporter.pulse(lambda: "3 calls under way, 7 of 90 calls paid, 1,200 tokens")
    reporter.close()
    block = screen.getvalue().split("evolve")[-1].split("\n")[:3]
    bar, outcomes, calls = (" ".join(line.split()) for line in block)
    assert "3/40 rows" in bar
    assert outcomes == "1 passed, 2 failed (mostly stagnant); 18.0 rows/min, 2 min left"
    assert calls.startswith("3 calls under way, 7 of 90 calls paid, 1,200 tokens")


def test_the_optimisation_says_which_step_it_has_done(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    reporter = console.Reporter(clock)
    reporter.phase("optimize in at most 20 steps", None)
    reporter.step(Step(3, (), (), (), "m", improved=False, note="no better one"), 2)
    clock.now = 15.0
    reporter.case(Case("row", Verdict(Outcome.PASSED)))
    assert "optimize in at most 20 steps, 3 done: 1 row tried so far" in capsys.readouterr().err
