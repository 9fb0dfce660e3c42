"""RespondToInstruction: what a model answers to a bare instruction."""

from __future__ import annotations

import dspy
from dspy.lm15 import Response

from autoevol.context import as_role
from autoevol.programs.adapters import Turn, chat_request, reply_to


class RespondToInstruction(dspy.Module):
    """instruction -> response, with nothing of DSPy's in between.

    The instruction is the only user message and the reply is kept untouched, as these pairs
    become training data. There is no predictor here on purpose: how answers are asked for is
    not for an optimizer to change.

    Args:
        system: Optional system prompt.
    """

    def __init__(self, system: str | None = None) -> None:
        super().__init__()
        self.system = system

    def forward(self, instruction: str) -> dspy.Prediction:
        """A prediction with `response` and `finish_reason`."""
        lm = _language_model()
        with as_role("respond"):
            return _prediction(lm(request=chat_request(lm, self._turns(instruction), {})))

    async def aforward(self, instruction: str) -> dspy.Prediction:
        """The same from a coroutine."""
        lm = _language_model()
        with as_role("respond"):
            return _prediction(await reply_to(lm, chat_request(lm, self._turns(instruction), {})))

    def _turns(self, instruction: str) -> list[Turn]:
        system: list[Turn] = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": instruction}]


def _language_model() -> dspy.BaseLM:
    lm = dspy.settings.lm
    if lm is None:
        raise ValueError("no language model: call this inside `with dspy.context(lm=...)`")
    return lm


def _prediction(reply: Response) -> dspy.Prediction:
    return dspy.Prediction(response=reply.message.text or "", finish_reason=reply.finish_reason)
