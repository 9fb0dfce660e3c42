"""The LM judge: what is wrong with an evolution, how badly, and how much harder it is, in one prompt.

The two versions stand side by side, because scores given apart come out alike (Deita,
arXiv:2312.15685); which of them comes first is decided by a seeded hash of the pair,
against position bias. A verdict that cannot be read is not scored, never a failure.
"""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

import dspy

from autoevol.core.errors import InputError, JudgeUnreadable
from autoevol.core.fence import fenced
from autoevol.core.records import Assessment, FailureKind, Trajectory, Verdict, digest
from autoevol.metrics.base import UNREADABLE_VERDICT, failed, passed, unscored
from autoevol.metrics.judgement import JUDGED_KINDS, MAX_GAIN, Judgement, read_judgement
from autoevol.metrics.replies import split_reply
from autoevol.metrics.severity import by_severity
from autoevol.metrics.textual import clip, shorten
from autoevol.signatures.judge import JudgeEvolution

SAMPLING_TEMPERATURE = 0.7
"""Temperature of the samples where more than one is asked for; a single one is the LM's own."""

NO_RESPONSE = "(none)"
_HOPELESS = 10


class VerdictAdapter(dspy.ChatAdapter):
    """DSPy's chat adapter that takes a reply in any dress in which the verdict is plain.

    No second try with JSON: a reply that cannot be read is not scored, not paid twice.
    """

    def __init__(self) -> None:
        super().__init__(use_json_adapter_fallback=False)
        self.last_unreadable = ""

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        """The fields of a reply; those that are missing are empty."""
        fields = split_reply(completion)
        if not fields:
            self.last_unreadable = completion
        return {name: fields.get(name, "") for name in signature.output_fields}


class Judge(dspy.Module):
    """Judges one evolution with the LM of the current `dspy.context`.

    One predictor, so that any DSPy optimizer can compile it against labelled data.

    Args:
        seed: Part of the hash that decides which version is shown first.
        adapter: How prompts are written and replies are read, by default a `VerdictAdapter`.
    """

    def __init__(self, seed: int = 0, adapter: dspy.Adapter | None = None) -> None:
        super().__init__()
        self.seed = seed
        self.adapter = adapter or VerdictAdapter()
        self.read = dspy.Predict(JudgeEvolution)

    def prompt(self, original: str, evolved: str, response: str | None = None) -> list[dict[str, Any]]:
        """The messages that would be sent; nobody is asked."""
        inputs = self._inputs(original, evolved, response, (), None)
        signature = self.read.signature
        assert isinstance(signature, type), "dspy.Predict makes it a class"
        return self.adapter.format(signature, self.read.demos, inputs)

    def forward(
        self,
        original: str,
        evolved: str,
        response: str | None = None,
        hints: Sequence[str] = (),
        sample: int | None = None,
    ) -> dspy.Prediction:
        """Ask the judge.

        Args:
            original: The instruction before.
            evolved: The instruction after.
            response: A model's response to the latter, if there is one.
            hints: What text rules found; the judge is told that they may be wrong.
            sample: Number of the sample where several are drawn; odd ones see the versions in the
                other order.

        Returns:
            A prediction with `judgement`: a `Judgement`, or None where it cannot be read.
        """
        with dspy.context(adapter=self.adapter):
            said = self.read(**self._inputs(original, evolved, response, hints, sample))
        return dspy.Prediction(judgement=read_judgement(dict(said.items())))

    async def aforward(
        self,
        original: str,
        evolved: str,
        response: str | None = None,
        hints: Sequence[str] = (),
        sample: int | None = None,
    ) -> dspy.Prediction:
        """As `forward`, without blocking the event loop."""
        with dspy.context(adapter=self.adapter):
            said = await self.read.acall(**self._inputs(original, evolved, response, hints, sample))
        return dspy.Prediction(judgement=read_judgement(dict(said.items())))

    def swapped(self, original: str, evolved: str) -> bool:
        """Whether the rewrite is shown first: a fair coin, the same in every run."""
        return int(digest(str(self.seed), original, evolved), 16) % 2 == 1

    def _inputs(
        self, original: str, evolved: str, response: str | None, hints: Sequence[str], sample: int | None
    ) -> dict[str, Any]:
        first = self.swapped(original, evolved) != bool((sample or 0) % 2)
        names = ("rewrite", "original") if first else ("original", "rewrite")
        shown = {"original": clip(original), "rewrite": clip(evolved)}
        texts = {name: shown[name] for name in names}
        if response is not None:
            texts["response"] = clip(response)
        # A rule quotes what it found, so what it says is fenced like the texts themselves.
        inputs: dict[str, Any] = {
            "material": fenced(texts),
            "hints": fenced({"hints": "\n".join(hints)}) if hints else NO_RESPONSE,
        }
        if sample is not None:
            inputs["config"] = {"temperature": SAMPLING_TEMPERATURE, "rollout_id": sample}
        return inputs


class _Streak:
    """Replies in a row that hold no verdict; shared by the copies of a detector."""

    def __init__(self) -> None:
        self._length = 0

    def add(self, judgements: Sequence[Judgement | None], shown: str) -> None:
        for judgement in judgements:
            self._length = 0 if judgement is not None else self._length + 1
        if self._length >= _HOPELESS:
            raise JudgeUnreadable(self._length, shorten(shown, 200))


class LMDetector:
    """A judge as a detector. The severity decides: `min_severity` and more is a failure.

    A pair whose response refuses or asks back fails as well: the instruction may be sound, but
    the pair teaches nothing. `judge` blocks, `ajudge` does not. An LM error or an unreadable
    verdict is unscored; ten unreadable ones in a row raise JudgeUnreadable, which ends the run.

    Args:
        judge: The module to ask; compiled ones are welcome.
        min_severity: Faults of less severity than this do not fail (1 or 2).
        samples: Replies asked for, >= 1; the majority decides.
    """

    kinds = JUDGED_KINDS

    def __init__(
        self,
        judge: Judge | None = None,
        min_severity: int = 1,
        name: str = "lm-judge",
        samples: int = 1,
    ) -> None:
        if samples < 1:
            raise InputError(f"a judge needs at least one sample, got {samples}")
        self.module = judge or Judge()
        self.min_severity = min_severity
        self.name = name
        self.calls = samples
        self._numbers: list[int | None] = [None] if samples == 1 else list(range(samples))
        self._hints: tuple[str, ...] = ()
        self._streak = _Streak()

    def informed(self, hints: Sequence[str]) -> LMDetector:
        """This detector for one trajectory of which something is known already."""
        other = copy.copy(self)
        other._hints = tuple(hints)
        return other

    def repeated(self, number: int) -> LMDetector:
        """This detector with fresh samples, for the measurement with this number; 0 is itself."""
        other = copy.copy(self)
        if number:
            other._numbers = [number * self.calls + n for n in range(self.calls)]
        return other

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Judge the seed against the last stage."""
        if trajectory.evolved is None:
            return unscored(self.name, "There is no evolved instruction to read.")
        try:
            said = [self.module(**self._asked(trajectory), sample=number) for number in self._numbers]
        except (dspy.LMError, dspy.AdapterParseError) as error:
            return unscored(self.name, _problem(error))
        return self._counted([one.judgement for one in said])

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """As `judge`, without blocking the event loop."""
        if trajectory.evolved is None:
            return unscored(self.name, "There is no evolved instruction to read.")
        asked = self._asked(trajectory)
        try:
            said = await asyncio.gather(
                *(self.module.acall(**asked, sample=number) for number in self._numbers)
            )
        except (dspy.LMError, dspy.AdapterParseError) as error:
            return unscored(self.name, _problem(error))
        return self._counted([one.judgement for one in said])

    def _counted(self, judgements: Sequence[Judgement | None]) -> Verdict:
        self._streak.add(judgements, getattr(self.module.adapter, "last_unreadable", ""))
        return self.verdict(judgements)

    def verdict(self, judgements: Sequence[Judgement | None]) -> Verdict:
        """The verdict that the samples of one pair amount to."""
        return decide(agreed(judgements), self.min_severity, self.name, votes(judgements))

    def _asked(self, trajectory: Trajectory) -> dict[str, Any]:
        return {
            "original": trajectory.seed,
            "evolved": trajectory.evolved or "",
            "response": trajectory.response,
            "hints": self._hints,
        }


def votes(judgements: Sequence[Judgement | None]) -> tuple[int, ...]:
    """The severities that the samples gave, in order; empty for a single sample."""
    return tuple(one.severity for one in judgements if one is not None) if len(judgements) > 1 else ()


def agreed(judgements: Sequence[Judgement | None]) -> Judgement | None:
    """What the majority of the samples says; None if not even half of them can be read.

    Of severities that are named equally often the worse one counts. Kinds are those that at least
    half of the samples with this severity name; gain and complexities are their medians.
    """
    read = [one for one in judgements if one is not None]
    if not read or 2 * len(read) < len(judgements):
        return None
    if len(judgements) == 1:
        return read[0]
    counts = Counter(one.severity for one in read)
    severity = max(counts, key=lambda value: (counts[value], value))
    siding = [one for one in read if one.severity == severity]
    gain = _middle([one.gain for one in siding])
    right = sum({True: 1, False: -1, None: 0}[one.response_right] for one in read)
    return Judgement(
        kinds=_majority([one.kinds for one in siding]),
        severity=severity,
        reason=siding[0].reason,
        before=_middle([one.before for one in siding]),
        after=_middle([one.after for one in siding]),
        gain=None if gain is None else int(gain + 0.5),
        answer=siding[0].answer,
        response_faults=_majority([one.response_faults for one in read]),
        response_right=right > 0 if right else None,
    )


def decide(
    judgement: Judgement | None,
    min_severity: int = 1,
    name: str = "lm-judge",
    votes: tuple[int, ...] = (),
) -> Verdict:
    """The verdict that a judgement amounts to; None, an unreadable reply, is unscored."""
    if judgement is None:
        return unscored(name, f"The judge's reply {UNREADABLE_VERDICT}.")
    assessment = Assessment(
        judgement.severity,
        _gain(judgement),
        judgement.response_right,
        votes,
        judgement.before,
        judgement.after,
    )
    reason = judgement.reason + (f" (severities given: {', '.join(map(str, votes))})" if votes else "")
    idle = tuple(kind for kind in judgement.response_faults if kind is not FailureKind.HEDGED)
    if judgement.severity >= min_severity:
        named = judgement.kinds or (_UNNAMED[judgement.severity],)
        verdict = failed(name, *_ordered((*named, *judgement.response_faults), reason))
    elif idle:
        verdict = failed(name, *_ordered(judgement.response_faults, reason))
    else:
        verdict = passed(name)
    return Verdict(verdict.outcome, verdict.kinds, verdict.reason, name, assessment)


def _gain(judgement: Judgement) -> float | None:
    """The gain that was said, else the difference of the complexities that were."""
    if judgement.gain is not None or judgement.before is None or judgement.after is None:
        return judgement.gain
    return min(float(MAX_GAIN), max(0.0, judgement.after - judgement.before))


_UNNAMED = {0: FailureKind.STAGNANT, 1: FailureKind.STAGNANT, 2: FailureKind.UNSOLVABLE}


def _ordered(kinds: Sequence[FailureKind], reason: str) -> tuple[Any, ...]:
    worst, *more = by_severity(kinds)
    return (worst, reason, *more)


def _majority(named: Sequence[tuple[FailureKind, ...]]) -> tuple[FailureKind, ...]:
    counts = Counter(kind for kinds in named for kind in kinds)
    return by_severity(kind for kind, count in counts.items() if 2 * count >= len(named))


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _problem(error: Exception) -> str:
    seen = f"the reply {UNREADABLE_VERDICT}; " if isinstance(error, dspy.AdapterParseError) else ""
    return f"{type(error).__name__}: {seen}{shorten(str(error), 120)}"
