"""The status of a run: small records that a terminal, a log and another process show in the same words."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from autoevol.core.schema import Document, Record
from autoevol.core.wording import plain

RunOutcome = Literal["done", "budget", "stopped", "refused", "interrupted"]
"""How a command ended: complete, at a cap, by a `StopRun`, by bad input, or by its user."""

_JOINT = "; "


@dataclass(frozen=True, slots=True)
class Pause(Record):
    """Calls that wait because their endpoint answered 429.

    Attributes:
        endpoint: Its URL or other identity.
        calls: Number of waiting calls.
        until: When the next one is sent, in seconds of `time.time()`.
    """

    endpoint: str
    calls: int
    until: float

    def __str__(self) -> str:
        """`12 calls wait until 14:03:20: http://host:8000/v1 says 429 (too many requests)`."""
        many = "1 call waits" if self.calls == 1 else f"{self.calls:,} calls wait"
        return f"{many} until {time_of_day(self.until)}: {self.endpoint} says 429 (too many requests)"


@dataclass(frozen=True, slots=True)
class CallStatus(Record):
    """Calls paid so far, resumes included, and calls in flight.

    Attributes:
        calls: LM calls paid.
        tokens: Input and output tokens of these.
        usd: Dollars, for models that have a price.
        max_calls, max_tokens, max_usd: The caps; None for none.
        in_flight: Requests that were sent and have no answer yet.
        queued: Further calls waiting to be sent.
        window: Current limit on concurrent requests; 0 before the first.
        retries: Requests that this process sent again, by reason.
        pauses: Endpoints that answered 429 and are waited for.
    """

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0
    max_calls: int | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    in_flight: int = 0
    queued: int = 0
    window: int = 0
    retries: Mapping[str, int] = field(default_factory=dict)
    pauses: tuple[Pause, ...] = ()

    @property
    def paid(self) -> str:
        """`340 of 2,000 calls paid, 1,204,000 tokens, $0.42 of 2.00`; money where it has a price or a cap."""
        told = [f"{_against(self.calls, self.max_calls, ',')} calls paid"]
        told.append(f"{_against(self.tokens, self.max_tokens, ',')} tokens")
        if self.usd or self.max_usd is not None:
            told.append(f"${_against(self.usd, self.max_usd, ',.2f')}")
        return ", ".join(told)

    @property
    def on_their_way(self) -> str:
        """`12 requests in flight (at most 16 now), 30 waiting`."""
        many = "1 request" if self.in_flight == 1 else f"{self.in_flight:,} requests"
        window = f" (at most {self.window:,} now)" if self.window else ""
        return f"{many} in flight{window}" + (f", {self.queued:,} waiting" if self.queued else "")

    def sentences(self) -> list[str]:
        """The status in sentences."""
        told = [self.paid, self.on_their_way]
        if self.retries:
            ordered = sorted(self.retries.items(), key=lambda item: (-item[1], item[0]))
            reasons = ", ".join(f"{count:,} {_in_words(reason)}" for reason, count in ordered)
            total = sum(self.retries.values())
            told.append(f"{total:,} {'retry' if total == 1 else 'retries'} ({reasons})")
        return [*told, *map(str, self.pauses)]

    def __str__(self) -> str:
        return _JOINT.join(self.sentences())


@dataclass(frozen=True, slots=True)
class StepStatus(Record):
    """The progress of an optimisation step.

    Attributes:
        step: 0 for the starting methods.
        steps: Maximum number of steps.
        at: `batch` while a mini-batch is evolved, `rewrite` while methods are rewritten, `score` while
            methods are scored, `confirm` while the last method is compared with the first; '' if unknown.
        method: Which method of the step the last row belonged to, from 1; 0 before the first.
        methods: Maximum number of methods that the step scores.
    """

    step: int
    steps: int
    at: Literal["", "batch", "rewrite", "score", "confirm"] = ""
    method: int = 0
    methods: int = 0

    def __str__(self) -> str:
        """`step 3 of at most 20, scoring method 2 of at most 5`."""
        if self.at == "confirm":
            return "confirming the last method"
        which = f"method {self.method} of at most {self.methods}" if self.method else "methods"
        doing = {
            "": "",
            "batch": ", evolving a mini-batch",
            "rewrite": ", rewriting the method",
            "score": f", scoring {which}",
        }[self.at]
        return f"step {self.step} of at most {self.steps}{doing}" if self.step else f"starting methods{doing}"


@dataclass(frozen=True, slots=True)
class PhaseStatus(Record):
    """The progress of a phase: its rows, their outcomes, and the pace.

    Attributes:
        name: Of the phase.
        rows: Rows that it will have; None if unknown.
        at_most: Whether the phase may end before all its rows are done.
        before: Rows that an earlier process finished.
        passed, failed, unscored: Rows of this process by outcome.
        reason: The most frequent reason for failure; '' if none failed.
        of_reason: How many rows failed for that reason.
        per_second: Recent rows per second; None while unknown.
        left: Seconds left at this pace, an upper bound where `at_most`; None while unknown.
        step: The progress of the optimisation step, in the optimisation's phase.
    """

    name: str
    rows: int | None = None
    at_most: bool = False
    before: int = 0
    passed: int = 0
    failed: int = 0
    unscored: int = 0
    reason: str = ""
    of_reason: int = 0
    per_second: float | None = None
    left: float | None = None
    step: StepStatus | None = None

    @property
    def done(self) -> int:
        """Finished rows, those of earlier processes included."""
        return self.before + self.passed + self.failed + self.unscored

    @property
    def heading(self) -> str:
        """`evolve: 900 rows`: announces the phase."""
        if not self.rows:
            return self.name
        most = "at most " if self.at_most else ""
        begun = f", {self.before:,} of them finished before" if self.before else ""
        return f"{self.name}: {most}{self.rows:,} rows{begun}"

    @property
    def counted(self) -> str:
        """`42 of 900 rows`, `312 of at most 1,652 rows`."""
        if self.rows is None:
            return f"{self.done:,} row{'' if self.done == 1 else 's'} tried so far"
        return f"{self.done:,} of {'at most ' if self.at_most else ''}{self.rows:,} rows"

    @property
    def outcomes(self) -> str:
        """`38 passed, 3 failed (mostly no harder), 1 not scored`."""
        told = f"{self.passed:,} passed, {self.failed:,} failed{self._why()}"
        return f"{told}, {self.unscored:,} not scored" if self.unscored else told

    @property
    def speed(self) -> str:
        """`2.1 rows/s, 7 min left`; '' while the pace is unknown."""
        if self.per_second is None:
            return ""
        pace = self.per_second
        shown = f"{pace:.1f} rows/s" if pace >= 1 else f"{60 * pace:.1f} rows/min"
        if self.left is None:
            return shown
        return f"{shown}, {'at most ' if self.at_most else ''}{duration(self.left)} left"

    def sentences(self) -> list[str]:
        """The progress in sentences, without the name."""
        told = [str(self.step)] if self.step else []
        if self.rows is not None or self.done:  # else the phase may not consist of rows
            told.append(f"{self.counted}{_JOINT}{self.outcomes}")
        return [*told, self.speed] if self.speed else told

    def _why(self) -> str:
        if not self.reason:
            return ""
        # "Mostly" makes no sense for a single failure.
        often = "" if self.failed == 1 else "mostly " if 2 * self.of_reason > self.failed else "most often "
        return f" ({often}{plain(self.reason)})"


@dataclass(frozen=True)
class RunStatus(Document, schema="autoevol.progress/1"):
    """The status of a run, and the process that reported it.

    Attributes:
        pid: Of the process.
        host: Its machine.
        born: Tells the process from a later one with the same pid, where the system can; else ''.
        began: When it began, in seconds of `time.time()`.
        wrote: When it wrote this status.
        phase: The current phase; None before the first.
        calls: The state of its calls; None before a model was asked.
        outcome: How it ended; None while it runs.
        why: What it ended with, in a sentence.
        note: The last thing it said besides figures.
    """

    pid: int
    host: str
    born: str
    began: float
    wrote: float
    phase: PhaseStatus | None = None
    calls: CallStatus | None = None
    outcome: RunOutcome | None = None
    why: str = ""
    note: str = ""

    def sentences(self) -> list[str]:
        """Rows and calls in sentences."""
        return sentences_of(self.phase, self.calls)


def sentences_of(phase: PhaseStatus | None, calls: CallStatus | None) -> list[str]:
    """A phase and its calls in sentences, the first one introduced by the phase's name."""
    told = phase.sentences() if phase else []
    if phase and phase.name:
        told = [f"{phase.name}: {told[0]}", *told[1:]] if told else [phase.name]
    return told + (calls.sentences() if calls else [])


def in_a_line(sentences: Iterable[str]) -> str:
    """Sentences joined into one log line."""
    return _JOINT.join(sentences)


def in_lines(sentences: Iterable[str], width: int) -> list[str]:
    """Sentences as lines of at most `width` characters; one that is too long is broken between its parts.

    A part that is still too long is cut, marked by an ellipsis: a block that is redrawn again and again
    must not wrap.
    """
    lines: list[str] = []
    for sentence in sentences:
        parts = [sentence] if len(sentence) <= width else sentence.split(_JOINT)
        lines += [part if len(part) <= width else f"{part[: width - 3]}..." for part in parts]
    return lines


def duration(seconds: float) -> str:
    """`40 s`, `7 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def time_of_day(moment: float) -> str:
    """`14:03:20`, with the date if it is not today; `moment` in seconds of `time.time()`."""
    try:
        then = time.localtime(moment)
    except (OverflowError, ValueError, OSError):  # the file may have been written by anyone
        return "an unknown time"
    today = then[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", then)


def _in_words(reason: str) -> str:
    return reason.replace("_", " ")


def _against(used: float, cap: float | None, form: str) -> str:
    return f"{used:{form}}" if cap is None else f"{used:{form}} of {cap:{form}}"
