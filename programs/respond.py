"""RespondToInstruction: what a model answers to a bare instruction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dspy
from dspy.lm15 import Response

from autoevol.core.context import THINKING, as_role
from autoevol.core.records import Message
from autoevol.programs.adapters import Turn, chat_request, reply_to, tokens_of


class RespondToInstruction(dspy.Module):
    """instruction -> response, with nothing of DSPy's in between.

    The instruction is the only user message, or the last of a conversation, and the reply is kept
    untouched, as these pairs become training data. There is no predictor here on purpose: how
    answers are asked for is not for an optimizer to change.

    The LM is that of `answering_with`, or else the one in `dspy.context`.

    Args:
        system: Optional system prompt; a context with one of its own has that instead.
    """

    def __init__(self, system: str | None = None) -> None:
        super().__init__()
        self.system = system

    def forward(self, instruction: str, context: Sequence[Message] = ()) -> dspy.Prediction:
        """A prediction with `response`, `finish_reason`, `tokens` (input, output) and `thinking` or None."""
        lm = _language_model()
        with as_role("respond"):
            return _prediction(lm(request=chat_request(lm, self._turns(instruction, context), {})))

    async def aforward(self, instruction: str, context: Sequence[Message] = ()) -> dspy.Prediction:
        """The same from a coroutine."""
        lm = _language_model()
        with as_role("respond"):
            return _prediction(await reply_to(lm, chat_request(lm, self._turns(instruction, context), {})))

    def _turns(self, instruction: str, context: Sequence[Message]) -> list[Turn]:
        turns: list[Turn] = [{"role": message.role, "content": message.text} for message in context]
        if self.system and not any(message.role == "system" for message in context):
            turns.insert(0, {"role": "system", "content": self.system})
        return [*turns, {"role": "user", "content": instruction}]


# A setting of DSPy's and no context variable of our own: optimizers that work in threads carry those over.
_SETTING = "autoevol_respond_lm"


@contextmanager
def answering_with(lm: dspy.LM | None) -> Iterator[None]:
    """Inside, responses come from `lm`, whatever else does the evolving; None changes nothing."""
    with dspy.context(**({_SETTING: lm} if lm else {})):
        yield


def _language_model() -> dspy.BaseLM:
    lm = dspy.settings.get(_SETTING) or dspy.settings.lm
    if lm is None:
        raise ValueError("no language model: call this inside `with dspy.context(lm=...)`")
    return lm


def _prediction(reply: Response) -> dspy.Prediction:
    return dspy.Prediction(
        response=reply.message.text or "",
        finish_reason=reply.finish_reason,
        tokens=tokens_of(reply),
        # No part of the response: it is there for who wants to train on it.
        thinking=(reply.provider_data or {}).get(THINKING),
    )
