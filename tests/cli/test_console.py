"""What is told while a run goes on."""

from __future__ import annotations

import io
import re
import sys
from itertools import pairwise

import pytest
from rich.console import Console

from autoevol.cli import progress as telling
from autoevol.core import progress
from autoevol.core.records import Case, FailureKind, Outcome, Step, Verdict
from autoevol.core.status import CallStatus, Pause, StepStatus

PASSED, STAGNANT = Verdict(Outcome.PASSED), Verdict(Outcome.FAILED, (FailureKind.STAGNANT,))


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """Takes what is printed, and says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error on a terminal of 80 columns, from now on."""
    for name in ("CI", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    return made


def last_frame(terminal: Terminal) -> list[str]:
    """The lines of the block as it was drawn last."""
    drawn = re.split("\x1b\\[2K", terminal.getvalue())[-1] if "\x1b[2K" in terminal.getvalue() else ""
    text = re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", drawn or terminal.getvalue())
    return [line.rstrip() for line in text.replace("\r", "").split("\n") if line.strip()]


def test_rows_are_told_with_their_total_their_reasons_and_the_time_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    reporter = telling.Reporter(clock)
    reporter.phase("evolve", 20)
    verdicts = [
        PASSED,
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
        "evolve: 2 of 20 rows; 1 passed, 1 failed (lost information); 6.0 rows/min",
        "evolve: 4 of 20 rows; 1 passed, 2 failed (mostly lost information), 1 not scored; "
        "6.0 rows/min, 3 min left",
    ]


def test_rows_that_were_finished_before_count_in_the_total_and_not_in_the_speed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    reporter = telling.Reporter(clock)
    reporter.phase("evolve", 9000, before=8400)
    for _ in range(30):
        clock.now += 1.0
        reporter.case(Case("row", PASSED))
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first == "evolve: 9,000 rows, 8,400 of them finished before"
    assert last == "evolve: 8,430 of 9,000 rows; 30 passed, 0 failed; 1.0 rows/s, 10 min left"


def test_where_only_a_bound_is_known_the_time_left_is_one() -> None:
    counts = progress.PhaseCounts("optimize", 1652, 0.0, at_most=True)
    for second in range(1, 11):
        counts.add(Case("row", PASSED), float(second))
    told = counts.status(10.0).sentences()
    assert told == ["10 of at most 1,652 rows; 10 passed, 0 failed", "1.0 rows/s, at most 27 min left"]


def test_the_speed_is_that_of_late() -> None:
    """Rows whose calls were stored come at once, and say nothing of the others."""
    counts = progress.PhaseCounts("evolve", 10_000, 0.0)
    for row in range(5000):
        counts.add(Case("row", PASSED), row / 1000)
    for second in range(6, 400):
        counts.add(Case("row", PASSED), float(second))
    assert counts.status(399.0).speed == "1.0 rows/s, 77 min left"
    assert counts.status(600.0).per_second == pytest.approx(120 / 320, abs=0.01), "a pause slows it down"


def test_a_phase_of_unknown_length_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    reporter = telling.Reporter(clock)
    reporter.phase("optimize", None)
    clock.now = 15.0
    reporter.case(Case("row", Verdict(Outcome.FAILED)))
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "optimize: 1 row tried so far; 0 passed, 1 failed; 4.0 rows/min"


@pytest.mark.parametrize("kind", ["command", "library"])
def test_silences_grow_from_15_seconds_to_a_minute(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, said = Clock(), [0.0]
    monkeypatch.setattr(telling.Reporter, "_print", lambda *_: said.append(clock.now))
    monkeypatch.setattr(progress, "say", lambda _: said.append(clock.now))
    listener = telling.Reporter(clock) if kind == "command" else progress.Progress(clock)
    listener.phase("evolve", 9)
    for second in range(600):
        clock.now = float(second)
        listener.pulse(CallStatus)
    silences = [later - earlier for earlier, later in pairwise(said)]
    assert silences[:7] == [0, 15, 15, 15, 30, 30, 60]
    assert set(silences[7:]) == {60}
    listener.phase("again", 9)
    clock.now += 15
    listener.case(Case("row", PASSED))
    assert said[-1] == clock.now, "a new phase begins with short silences"


def test_a_line_says_where_the_rows_and_the_calls_stand(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    reporter = telling.Reporter(clock)
    reporter.phase("evolve", 9)
    reporter.case(Case("row", STAGNANT))
    clock.now = 15.0
    reporter.pulse(lambda: CallStatus(7, 900, max_calls=90, in_flight=3, queued=2, window=16))
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "evolve: 9 rows",
        "evolve: 1 of 9 rows; 0 passed, 1 failed (no harder); 4.0 rows/min; 7 of 90 calls paid, 900 tokens; "
        "3 requests in flight (at most 16 now), 2 waiting",
    ]


def test_a_terminal_has_one_block_of_all_that_there_is_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    clock = Clock()
    reporter = telling.Reporter(clock)
    reporter.phase("optimize", 1652, at_most=True)
    reporter.at(StepStatus(3, 20, "score", 2, 5))
    for verdict in (PASSED, STAGNANT, STAGNANT):
        clock.now += 10.0
        reporter.case(Case("row", verdict))
    paused = (Pause("http://localhost:8000/v1", 12, 0.0),)
    calls = CallStatus(340, 1_204_000, 0.42, 2000, None, 2.0, 12, 30, 16, {"rate_limited": 11}, paused)
    reporter.pulse(lambda: calls)
    reporter.close()
    bar, *told = last_frame(terminal)
    assert "optimize" in bar
    assert told[:6] == [
        "  step 3 of at most 20, scoring method 2 of at most 5",
        "  3 of at most 1,652 rows; 1 passed, 2 failed (mostly no harder)",
        "  6.0 rows/min, at most 4 h 35 min left",
        "  340 of 2,000 calls paid, 1,204,000 tokens, $0.42 of 2.00",
        "  12 requests in flight (at most 16 now), 30 waiting",
        "  11 retries (11 rate limited)",
    ]
    assert told[6].startswith("  12 calls wait until ")
    assert max(map(len, [bar, *told])) < 80
    assert "optimize: at most" not in terminal.getvalue(), "the block says it"


@pytest.mark.parametrize("columns", [20, 40, 80, 300])
def test_no_line_of_the_block_is_wider_than_the_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = on_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", str(columns))
    reporter = telling.Reporter(Clock())
    reporter.phase("trial 3: " + "x" * 200, 40)
    reporter.pulse(lambda: CallStatus(1, 2, pauses=(Pause("http://" + "h" * 300, 3, 0.0),)))
    reporter.close()
    assert max(map(len, last_frame(terminal))) <= min(columns, 80)


def test_the_block_follows_a_terminal_that_is_made_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = on_terminal(monkeypatch)
    reporter = telling.Reporter(Clock())
    reporter.phase("evolve", 40)
    reporter.pulse(lambda: CallStatus(1_000_000, 2_000_000_000, in_flight=100, queued=1000, window=256))
    monkeypatch.setattr(Console, "width", 40)
    reporter.close()
    assert max(map(len, last_frame(terminal))) <= 40


@pytest.mark.parametrize("said", [{"TERM": "dumb"}, {"CI": "true"}, {"CI": "1"}])
def test_a_terminal_that_cannot_draw_and_a_ci_job_get_lines(
    said: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = on_terminal(monkeypatch)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    clock = Clock()
    reporter = telling.Reporter(clock)
    reporter.phase("evolve", 40)
    clock.now = 15.0
    reporter.case(Case("row", PASSED))
    reporter.close()
    assert terminal.getvalue() == "evolve: 40 rows\nevolve: 1 of 40 rows; 1 passed, 0 failed; 4.0 rows/min\n"


def test_colours_asked_for_do_not_make_a_file_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    reporter = telling.Reporter(Clock())
    reporter.phase("evolve", 40)
    reporter.close()
    assert capsys.readouterr().err == "evolve: 40 rows\n"


def test_no_color_draws_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    reporter = telling.Reporter(Clock())
    reporter.phase("evolve", 40)
    reporter.close()
    assert "0 of 40 rows" in terminal.getvalue()
    assert not re.search("\x1b\\[(?:3[0-7]|9[0-7]|38;)", terminal.getvalue())


def test_a_stream_that_knows_ascii_only_is_told_the_rest_as_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding="ascii"))
    reporter = telling.Reporter(Clock())
    reporter.phase("trial of modèle-β", 40)
    reporter.note("再见 \ud800")
    sys.stderr.flush()
    assert raw.getvalue().decode("ascii").splitlines() == [
        "trial of mod\\xe8le-\\u03b2: 40 rows",
        "\\u518d\\u89c1 \\ud800",
    ]


def test_the_optimisation_says_what_a_step_came_to(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = telling.Reporter(Clock())
    reporter.phase("optimize", 1652, at_most=True)
    reporter.step(Step(3, (), (), (), "m", improved=False, note="no better one"), 2)
    assert capsys.readouterr().err.splitlines() == [
        "optimize: at most 1,652 rows",
        "step 3: 2 scored; kept: no better one",
    ]
