"""AnalyzeTrajectory: the optimizer LM reads what happened to a mini-batch and names the failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import dspy

from autoevol.core.context import as_role
from autoevol.core.fence import fence, mark_for
from autoevol.core.records import Case, Outcome
from autoevol.programs.adapters import PlainText
from autoevol.signatures.analyze import AnalyzeTrajectories

_LONGEST = 2000
_REPLY, _FINDING = "reply", "finding"


class OtherRewrites(NamedTuple):
    """How many other methods were tried on a row, and how many of them failed it."""

    tried: int
    failed: int


Others = Mapping[str, OtherRewrites]
"""By row id."""


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

    def forward(
        self,
        cases: Sequence[Case],
        others: Others | None = None,
        **config: Any,  # noqa: ANN401 (sampling)
    ) -> dspy.Prediction:
        """A prediction with `feedback`, '' if the optimizer had nothing to say.

        `others` tells, by row id, of other methods that were tried on a case.
        """
        with as_role("optimizer"), dspy.context(adapter=self.adapter):
            return self.predict(cases=render_cases(cases, others), config=config)

    async def aforward(
        self,
        cases: Sequence[Case],
        others: Others | None = None,
        **config: Any,  # noqa: ANN401
    ) -> dspy.Prediction:
        """The same from a coroutine."""
        with as_role("optimizer"), dspy.context(adapter=self.adapter):
            return await self.predict.acall(cases=render_cases(cases, others), config=config)


def render_cases(cases: Sequence[Case], others: Others | None = None) -> str:
    """The cases as the optimizer LM reads them; long texts are cut in the middle.

    Seeds, replies and findings, which quote them, are fenced: none can pass for a case or a finding.
    """
    shown = [_texts(case) for case in cases]
    mark = mark_for(text for texts in shown for text in texts.values())
    return "\n\n".join(
        _render(number, case, texts, mark) + _fared(case, (others or {}).get(case.row_id))
        for number, (case, texts) in enumerate(zip(cases, shown, strict=True), 1)
    )


def _fared(case: Case, others: OtherRewrites | None) -> str:
    """A line for a failed case, since rewrites that cured it exist or are still to be found."""
    if others is None or not others.tried or case.verdict.outcome is not Outcome.FAILED:
        return ""
    return f"\nOf {others.tried} rewrites that were tried on this case, {others.failed} failed it too."


def _render(number: int, case: Case, texts: Mapping[str, str], mark: str) -> str:
    if case.trajectory is None:
        return f"Case {number}\n(no reply: the call failed; ignore this case)"
    lines = [f"Case {number}"]
    for name, text in texts.items():
        if name == _REPLY:
            lines.append("The rewriter's last reply marks no instruction:")
        if name == _FINDING:
            lines.append(f"Checker: failed ({', '.join(kind.value for kind in case.verdict.kinds)}).")
        lines.append(fence(name, text, mark))
    return "\n".join(lines)


def _texts(case: Case) -> dict[str, str]:
    """What others wrote in a case, by the name of its fence, in the order shown."""
    trajectory = case.trajectory
    if trajectory is None:
        return {}
    texts = {f"stage {stage}": _cut(text) for stage, text in enumerate(trajectory.stages)}
    if trajectory.evolved is None:
        texts[_REPLY] = _cut(trajectory.evolutions[-1].reply or "")
    if trajectory.response is not None:
        texts["response"] = _cut(trajectory.response)
    if case.verdict.outcome is Outcome.FAILED:
        texts[_FINDING] = _cut(case.verdict.reason)
    return texts


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]} [... {len(text) - 2 * half} characters ...] {text[-half:]}"
