"""The rule of the WizardLM eliminator that takes an LM: a round without information gain.

Source: "WizardLM: Empowering Large Language Models to Follow Complex Instructions"
(arXiv:2304.12244), section on elimination evolving: an LM is asked whether the instruction
before and after the round are equal in constraints, depth and breadth. In our own words.
"""

from __future__ import annotations

import dspy

from autoevol.core.fence import fenced
from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed, unscored
from autoevol.metrics.cascade import Cascade
from autoevol.metrics.eliminator import Eliminator
from autoevol.metrics.textual import clip
from autoevol.signatures.judge import SameDemand


class InformationGain:
    """Fails a round whose result demands no more than what went into it.

    One LM call, with the LM of the current `dspy.context`. A verdict that says neither
    "equal" nor "not equal", and a call that fails, leave the case unscored.
    """

    name = "information-gain"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.STAGNANT})
    calls = 1

    def __init__(self) -> None:
        self.compare = dspy.Predict(SameDemand)
        # A reply that cannot be read is not scored, so it is not asked for twice either.
        self.adapter = dspy.ChatAdapter(use_json_adapter_fallback=False)

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Compare the last round's result with what went into it."""
        texts = _last_round(trajectory)
        if texts is None:
            return unscored(self.name, "There is no evolved instruction to compare.")
        try:
            with dspy.context(adapter=self.adapter):
                return self._read(self.compare(**_inputs(texts)).verdict)
        except (dspy.LMError, dspy.AdapterParseError) as error:
            return unscored(self.name, f"{type(error).__name__}: {error}"[:200])

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """As `judge`, without blocking the event loop."""
        texts = _last_round(trajectory)
        if texts is None:
            return unscored(self.name, "There is no evolved instruction to compare.")
        try:
            with dspy.context(adapter=self.adapter):
                said = await self.compare.acall(**_inputs(texts))
        except (dspy.LMError, dspy.AdapterParseError) as error:
            return unscored(self.name, f"{type(error).__name__}: {error}"[:200])
        return self._read(said.verdict)

    def _read(self, said: object) -> Verdict:
        words = str(said).lower().strip(" .!*\"'")
        if words in ("not equal", "unequal", "different"):
            return passed(self.name)
        if words in ("equal", "same"):
            return failed(self.name, FailureKind.STAGNANT, "The round adds no demand.")
        return unscored(self.name, f"The verdict cannot be read: {words[:60]!r}.")


def _inputs(texts: tuple[str, str]) -> dict[str, str]:
    return {name: fenced({name: text}) for name, text in zip(("first", "second"), texts, strict=True)}


def full_eliminator() -> Cascade:
    """All four rules: the three that text decides, then the LM's for what they let pass."""
    rules = Eliminator()
    return Cascade(rules, InformationGain(), name="eliminator+gain", facts=rules)


def _last_round(trajectory: Trajectory) -> tuple[str, str] | None:
    last = trajectory.evolutions[-1]
    return None if last.evolved is None else (clip(last.instruction), clip(last.evolved))
