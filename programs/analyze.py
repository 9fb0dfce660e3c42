"""AnalyzeTrajectory: the optimizer LM reads what happened to a mini-batch and names the failures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dspy

from autoevol.core.context import as_role
from autoevol.core.records import Case, Outcome
from autoevol.programs.adapters import PlainText
from autoevol.signatures.analyze import AnalyzeTrajectories

_LONGEST = 2000


class AnalyzeTrajectory(dspy.Module):
    """cases -> feedback in plain words (Auto Evol-Instruct section 3.1).

    Unlike the paper's, the analysis also sees the response to the last stage and what the
    failure detector found: the failure rate is computed from them, so an optimizer that sees
    only instructions is asked to lower a number that it cannot explain.
    """

    def __init__(self) -> None:
        super().__init__()
        self.predict = dspy.Predict(AnalyzeTrajectories)
        self.adapter = PlainText()

    def forward(self, cases: Sequence[Case], **config: Any) -> dspy.Prediction:  # noqa: ANN401 (sampling)
        """A prediction with `feedback`, '' if the optimizer had nothing to say."""
        with as_role("optimizer"), dspy.context(adapter=self.adapter):
            return self.predict(cases=render_cases(cases), config=config)

    async def aforward(self, cases: Sequence[Case], **config: Any) -> dspy.Prediction:  # noqa: ANN401
        """The same from a coroutine."""
        with as_role("optimizer"), dspy.context(adapter=self.adapter):
            return await self.predict.acall(cases=render_cases(cases), config=config)


def render_cases(cases: Sequence[Case]) -> str:
    """The cases as the optimizer LM reads them; long texts are cut in the middle."""
    return "\n\n".join(_render(number, case) for number, case in enumerate(cases, 1))


def _render(number: int, case: Case) -> str:
    if case.trajectory is None:
        return f"Case {number}\n(no reply: the call failed; ignore this case)"
    trajectory = case.trajectory
    lines = [f"Case {number}"]
    lines += [f"Stage {stage}: {_cut(text)}" for stage, text in enumerate(trajectory.stages)]
    if trajectory.evolved is None:
        reply = trajectory.evolutions[-1].reply or ""
        lines.append(f"The rewriter's last reply marks no instruction: {_cut(reply)}")
    if trajectory.response is not None:
        lines.append(f"Response: {_cut(trajectory.response)}")
    if case.verdict.outcome is Outcome.FAILED:
        kinds = ", ".join(kind.value for kind in case.verdict.kinds)
        lines.append(f"Checker: failed ({kinds}). {case.verdict.reason}")
    return "\n".join(lines)


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]} [... {len(text) - 2 * half} characters ...] {text[-half:]}"
