"""The LM judge: kinds, severity and complexity of an evolution, in one prompt.

The two versions stand side by side, because scores given apart come out alike (Deita,
arXiv:2312.15685); which of them comes first is decided by a seeded hash of the pair,
against position bias. A verdict that cannot be read is not scored, never a failure.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import dspy

from autoevol.core.records import FailureKind, Outcome, Trajectory, Verdict, digest
from autoevol.metrics.base import UNREADABLE_VERDICT, AsyncDetector, Detector, failed, passed, unscored
from autoevol.metrics.severity import by_severity
from autoevol.metrics.textual import clip, shorten
from autoevol.signatures.judge import JudgeEvolution

JUDGED_KINDS: frozenset[FailureKind] = frozenset(FailureKind) - {
    FailureKind.EMPTY,
    FailureKind.UNPARSED,
    FailureKind.TRUNCATED,
    FailureKind.UNCHANGED,
}
"""Kinds that take reading; the others are facts of the record."""


class Judgement(NamedTuple):
    """What a judge said about one evolution.

    Attributes:
        kinds: Failure kinds, worst first; empty where it found none.
        severity: 0 no fault, 1 minor, 2 unusable.
        reason: One or two sentences.
        before: Complexity of the original, 1..10.
        after: Complexity of the rewrite, 1..10.
    """

    kinds: tuple[FailureKind, ...]
    severity: int
    reason: str
    before: float
    after: float


class Judge(dspy.Module):
    """Judges one evolution with the LM of the current `dspy.context`.

    One predictor, so that any DSPy optimizer can compile it against labelled data.

    Args:
        seed: Part of the hash that decides which version is shown first.
        adapter: How prompts are written and replies are read. By default DSPy's chat adapter
            without its second try: a reply that cannot be read is not scored, not paid twice.
    """

    def __init__(self, seed: int = 0, adapter: dspy.Adapter | None = None) -> None:
        super().__init__()
        self.seed = seed
        self.adapter = adapter or dspy.ChatAdapter(use_json_adapter_fallback=False)
        self.read = dspy.Predict(JudgeEvolution)

    def forward(self, original: str, evolved: str, response: str | None = None) -> dspy.Prediction:
        """Ask the judge.

        Returns:
            A prediction with `judgement`: a `Judgement`, or None where it cannot be read.
        """
        swapped = self.swapped(original, evolved)
        with dspy.context(adapter=self.adapter):
            said = self.read(**self._inputs(original, evolved, response, swapped))
        return dspy.Prediction(judgement=read_judgement(said, swapped))

    async def aforward(self, original: str, evolved: str, response: str | None = None) -> dspy.Prediction:
        """As `forward`, without blocking the event loop."""
        swapped = self.swapped(original, evolved)
        with dspy.context(adapter=self.adapter):
            said = await self.read.acall(**self._inputs(original, evolved, response, swapped))
        return dspy.Prediction(judgement=read_judgement(said, swapped))

    def swapped(self, original: str, evolved: str) -> bool:
        """Whether the rewrite is shown first: a fair coin, the same in every run."""
        return int(digest(str(self.seed), original, evolved), 16) % 2 == 1

    @staticmethod
    def _inputs(original: str, evolved: str, response: str | None, swapped: bool) -> dict[str, str]:
        first, second = (evolved, original) if swapped else (original, evolved)
        return {
            "version_1": clip(first),
            "version_2": clip(second),
            "original_is": "version_2" if swapped else "version_1",
            "response": "(none)" if response is None else clip(response),
        }


class LMDetector:
    """A judge as a detector: fails what it calls faulty, or no harder than the original.

    `judge` blocks, `ajudge` does not. An LM error or an unreadable verdict is unscored.

    Args:
        judge: The module to ask; compiled ones are welcome.
        min_severity: Faults of less severity than this do not fail (1 or 2).
    """

    kinds = JUDGED_KINDS
    calls = 1

    def __init__(self, judge: Judge | None = None, min_severity: int = 1, name: str = "lm-judge") -> None:
        self.module = judge or Judge()
        self.min_severity = min_severity
        self.name = name

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Judge the seed against the last stage."""
        if trajectory.evolved is None:
            return unscored(self.name, "There is no evolved instruction to read.")
        try:
            said = self.module(
                original=trajectory.seed, evolved=trajectory.evolved, response=trajectory.response
            )
        except (dspy.LMError, dspy.AdapterParseError) as error:
            return unscored(self.name, _problem(error))
        return self.verdict(said.judgement)

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """As `judge`, without blocking the event loop."""
        if trajectory.evolved is None:
            return unscored(self.name, "There is no evolved instruction to read.")
        try:
            said = await self.module.acall(
                original=trajectory.seed, evolved=trajectory.evolved, response=trajectory.response
            )
        except (dspy.LMError, dspy.AdapterParseError) as error:
            return unscored(self.name, _problem(error))
        return self.verdict(said.judgement)

    def verdict(self, judgement: Judgement | None) -> Verdict:
        """The verdict that a judgement amounts to."""
        return decide(judgement, self.min_severity, self.name)


def decide(judgement: Judgement | None, min_severity: int = 1, name: str = "lm-judge") -> Verdict:
    """The verdict that a judgement amounts to; None, an unreadable reply, is unscored."""
    if judgement is None:
        return unscored(name, f"The judge's reply {UNREADABLE_VERDICT}.")
    kinds = judgement.kinds
    if not kinds and judgement.after <= judgement.before:
        seen = f"Complexity {judgement.before:g} before, {judgement.after:g} after."
        return failed(name, FailureKind.STAGNANT, seen)
    if not kinds or judgement.severity < min_severity:
        return passed(name)
    return failed(name, kinds[0], judgement.reason, *kinds[1:])


class Cascade:
    """A text detector first, an LM detector only for what passes it.

    The text detector is cheap; what it fails costs no call.
    """

    def __init__(self, first: Detector, then: AsyncDetector, name: str | None = None) -> None:
        self.first = first
        self.then = then
        self.name = name or f"{first.name}+{then.name}"
        self.kinds: frozenset[FailureKind] = first.kinds | then.kinds
        self.calls = first.calls + then.calls

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Ask in order; the first failure decides."""
        return self._first(trajectory) or self._named(self.then.judge(trajectory))

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """As `judge`, without blocking the event loop."""
        return self._first(trajectory) or self._named(await self.then.ajudge(trajectory))

    def _first(self, trajectory: Trajectory) -> Verdict | None:
        verdict = self.first.judge(trajectory)
        return None if verdict.outcome is Outcome.PASSED else self._named(verdict)

    def _named(self, verdict: Verdict) -> Verdict:
        return Verdict(verdict.outcome, verdict.kinds, verdict.reason, self.name)


_NAMES = {str(kind): kind for kind in JUDGED_KINDS}
_NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,2})?")
_NO_FAULT = frozenset(("", "none", "no", "n/a", "no fault", "no faults", "[]", "-"))


def read_judgement(said: dspy.Prediction, swapped: bool) -> Judgement | None:
    """Read a judge's reply; None where a part is missing, out of range or unknown.

    Args:
        said: The outputs of `JudgeEvolution`.
        swapped: Whether the rewrite was version 1.
    """
    kinds = _read_kinds(str(said.get("kinds") or ""))
    severity = _read_number(said.get("severity"), 0, 2)
    first, second = (_read_number(said.get(name), 1, 10) for name in ("complexity_1", "complexity_2"))
    if kinds is None or severity is None or first is None or second is None:
        return None
    before, after = (second, first) if swapped else (first, second)
    return Judgement(kinds, int(severity), shorten(str(said.get("reason") or ""), 300), before, after)


def _read_kinds(text: str) -> tuple[FailureKind, ...] | None:
    bare = text.strip().strip(".").lower()
    if bare in _NO_FAULT:
        return () if bare else None
    found: list[FailureKind] = []
    for part in re.split(r"[,;\n]", bare):
        name = part.strip(" \t-*[]'\"`.").replace(" ", "_").replace("-", "_")
        if not name or name in _NO_FAULT:
            continue
        if name not in _NAMES:
            return None
        found.append(_NAMES[name])
    return by_severity(found)


def _read_number(value: object, low: float, high: float) -> float | None:
    found = _NUMBER.search(str(value if value is not None else ""))
    if not found:
        return None
    number = float(found.group())
    return number if low <= number <= high else None


def _problem(error: Exception) -> str:
    seen = f"the reply {UNREADABLE_VERDICT}; " if isinstance(error, dspy.AdapterParseError) else ""
    return f"{type(error).__name__}: {seen}{shorten(str(error), 120)}"
