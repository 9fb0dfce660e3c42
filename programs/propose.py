"""ProposeMethod: the optimizer LM rewrites the evolving method. Unusable rewrites are refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import dspy

from autoevol.core.context import as_role
from autoevol.core.errors import MethodError
from autoevol.core.fence import fenced, without_fences
from autoevol.core.records import Method
from autoevol.programs.adapters import TaggedText
from autoevol.programs.track_record import NOTHING_TOLD, TrackRecord
from autoevol.signatures.propose import CombineMethods, ImproveMethod, ImproveWithRecord

# A method much longer than this crowds out the instruction it is to rewrite; the paper sees
# quality fall as text accumulates (section 5.3).
MOST_CHARS = 8000
FEWEST_CHARS = 20


class ProposeMethod(dspy.Module):
    """method, feedback and, if there is one, track record -> another method (Auto Evol-Instruct section 3.2).

    The proposal keeps the parent's demos. It is checked for form here and for novelty by
    `check_new`, both before anything is spent on scoring it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.predict = dspy.Predict(ImproveMethod)
        self.predict_with_record = dspy.Predict(ImproveWithRecord)
        self.adapter = TaggedText("improved_method", "the complete improved method")

    def forward(
        self,
        method: Method,
        feedback: str,
        record: TrackRecord = NOTHING_TOLD,
        **config: Any,  # noqa: ANN401
    ) -> dspy.Prediction:
        """A prediction with `method`.

        Raises:
            MethodError: If the reply holds no usable method.
        """
        predict, inputs = self._asked(method, feedback, record)
        with as_role("optimizer"), dspy.context(adapter=self.adapter):
            return _proposal(predict(**inputs, config=config), method)

    async def aforward(
        self,
        method: Method,
        feedback: str,
        record: TrackRecord = NOTHING_TOLD,
        **config: Any,  # noqa: ANN401
    ) -> dspy.Prediction:
        """The same from a coroutine."""
        predict, inputs = self._asked(method, feedback, record)
        with as_role("optimizer"), dspy.context(adapter=self.adapter):
            return _proposal(await predict.acall(**inputs, config=config), method)

    def _asked(
        self, method: Method, feedback: str, record: TrackRecord
    ) -> tuple[dspy.Predict, dict[str, str]]:
        inputs = {"method": fenced({"method": method.text}), "feedback": fenced({"feedback": feedback})}
        told = record.render()
        return (self.predict_with_record, {**inputs, "record": told}) if told else (self.predict, inputs)


class CombineTwo(dspy.Module):
    """Two methods -> one that has the strengths of both, with the demos of the first (our addition)."""

    def __init__(self) -> None:
        super().__init__()
        self.predict = dspy.Predict(CombineMethods)
        self.adapter = TaggedText("improved_method", "the complete combined method")

    async def aforward(self, method: Method, other: Method, **config: Any) -> dspy.Prediction:  # noqa: ANN401
        """A prediction with `method`.

        Raises:
            MethodError: If the reply holds no usable method.
        """
        inputs = {
            "method": fenced({"method": method.text}),
            "other_method": fenced({"other method": other.text}),
        }
        with as_role("optimizer"), dspy.context(adapter=self.adapter):
            return _proposal(await self.predict.acall(**inputs, config=config), method)


def check_new(method: Method, known: Iterable[Method]) -> None:
    """Refuse a method that says the same as one of `known`, spacing and case apart.

    Raises:
        MethodError: Naming the method that it repeats.
    """
    for other in known:
        if says_the_same(method, other):
            raise MethodError(f"repeats the method {other.name or other.id}")


def says_the_same(method: Method, other: Method) -> bool:
    """Whether two methods differ in spacing and case at most."""
    return _normal(method.text) == _normal(other.text) and method.demos == other.demos


def usable(proposal: str, parent: Method, *, cut: bool = False) -> Method:
    """The method that `proposal` says, with the demos of `parent`, checked for form.

    Args:
        proposal: What a reply marks as the method; '' if it marks none.
        parent: The method that was rewritten.
        cut: Whether the reply was cut off.

    Raises:
        MethodError: Saying why it cannot be used.
    """
    text = _unfenced(proposal)
    if not text:
        raise MethodError(f"the reply marks no method{' (the reply was cut off)' if cut else ''}")
    if len(text) < FEWEST_CHARS:
        raise MethodError(f"only {len(text)} characters long: {text!r}")
    if len(text) > MOST_CHARS:
        raise MethodError(f"{len(text)} characters long, more than {MOST_CHARS}")
    if text.count("```") % 2:
        raise MethodError("a code fence is opened and not closed")
    return Method(text, parent.demos)


def _proposal(reply: dspy.Prediction, parent: Method) -> dspy.Prediction:
    cut = reply.finish_reason == "length"
    return dspy.Prediction(method=usable(reply.improved_method, parent, cut=cut))


def _unfenced(text: str) -> str:
    """The method without a fence around the whole of it: the paper's prompt asks for one, ours shows one."""
    text = without_fences(text.strip())
    lines = text.strip().splitlines()
    if len(lines) >= 2 and lines[0].startswith("```") and lines[-1].strip() == "```":
        inner = "\n".join(lines[1:-1])
        if "```" not in inner:
            return inner.strip()
    return text.strip()


def _normal(text: str) -> str:
    return " ".join(text.casefold().split())
