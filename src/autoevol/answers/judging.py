"""An LM as the judge of two answers: blind, and asked in both orders.

Judges favour the answer that they see first (Zheng et al., arXiv:2306.05685, section 3.3). So each question
is asked twice, with the answers swapped, and an answer wins only if it wins both times.
"""

from __future__ import annotations

import re
from typing import Any

import dspy

from autoevol.answers.files import AnswerPair
from autoevol.answers.judged import JudgedPair, Vote
from autoevol.answers.standing import Winner
from autoevol.core import aio
from autoevol.core.fence import fenced
from autoevol.metrics.textual import clip, shorten
from autoevol.signatures.answers import ChooseAnswer

_MARKER = re.compile(r"\[\[ *## *better *## *\]\]")
_LABEL = re.compile(r"^[ \t>#*_-]*better[*_]*[ \t]*[:：=][ \t*_]*", re.MULTILINE | re.IGNORECASE)
_SAID = re.compile(r"(?:the )?(first|second|tie)(?: answer| one)?(?: is better)?", re.IGNORECASE)


class ChoiceAdapter(dspy.ChatAdapter):
    """DSPy's chat adapter that takes the last verdict of a reply: an earlier one may be a quotation.

    No second try with JSON: a reply that cannot be read is not scored, not paid twice.
    """

    def __init__(self) -> None:
        super().__init__(use_json_adapter_fallback=False)

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        """The fields of a reply; `better` is empty where there is no verdict."""
        for mark in (_MARKER, _LABEL):
            *before, last = mark.split(completion)
            if before:
                reason = re.sub(r"\[\[ *## *\w+ *## *\]\]", "", "".join(before)).strip()
                return {"reason": reason, "better": last.partition("[[")[0].strip()}
        return {"reason": completion.strip(), "better": ""}


class AnswerJudge(dspy.Module):
    """Judges pairs of answers with the LM of the current `dspy.context`, two calls each."""

    def __init__(self) -> None:
        super().__init__()
        self.adapter = ChoiceAdapter()
        self.choose = dspy.Predict(ChooseAnswer)

    def forward(self, pair: AnswerPair) -> dspy.Prediction:
        """As `aforward`, from where no event loop runs."""
        return aio.run_and_wait(self.aforward(pair))

    async def aforward(self, pair: AnswerPair) -> dspy.Prediction:
        """Ask in both orders. A prediction with `judged`, a `JudgedPair`."""
        votes = await aio.gather(self._vote(pair, a_first=order) for order in (True, False))
        return dspy.Prediction(judged=JudgedPair.of(pair, *votes))

    async def _vote(self, pair: AnswerPair, *, a_first: bool) -> Vote:
        shown = (pair.a, pair.b) if a_first else (pair.b, pair.a)
        names = ("question", "first answer", "second answer")
        texts = dict(zip(names, (pair.question.text, *shown), strict=True))
        try:
            with dspy.context(adapter=self.adapter):
                said = await self.choose.acall(
                    material=fenced({name: clip(text) for name, text in texts.items()})
                )
        except (dspy.LMError, dspy.AdapterParseError) as error:
            return Vote(None, f"{type(error).__name__}: {shorten(str(error), 120)}")
        word = read_choice(str(said.better))
        if word is None:
            return Vote(
                None, f"no verdict that can be read: {shorten(str(said.better) or said.reason, 120)!r}"
            )
        return Vote(_winner(word, a_first=a_first), shorten(str(said.reason), 400))


def read_choice(text: str) -> str | None:
    """`first`, `second` or `tie`; None where the text is no such word alone."""
    bare = text.strip(" \t\n\"'`*_.[]()")
    match = _SAID.fullmatch(bare)
    return match[1].lower() if match else None


def _winner(word: str, *, a_first: bool) -> Winner:
    if word == "tie":
        return Winner.TIE
    return Winner.A if (word == "first") == a_first else Winner.B
