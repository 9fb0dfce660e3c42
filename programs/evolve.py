"""EvolveInstruction: one round. Its one predictor's instructions are the evolving method."""

from __future__ import annotations

from typing import Any

import dspy

from autoevol.context import as_role
from autoevol.programs.adapters import TaggedText
from autoevol.records import Demo, Evolution, Method
from autoevol.signatures.evolve import Evolve

FINAL_TAG = "final_instruction"


class EvolveInstruction(dspy.Module):
    """instruction -> a more complex instruction, by a method that any DSPy optimizer may rewrite.

    The adapter is set here and not taken from the settings: the model sees the method and
    the instruction as one plain message, whatever adapter the optimizer around it uses.

    Args:
        method: The method to start from; by default the paper's idea in one sentence.
    """

    def __init__(self, method: Method | None = None) -> None:
        super().__init__()
        self.predict = dspy.Predict(Evolve)
        self.adapter = TaggedText(
            FINAL_TAG,
            "the final, more complex instruction",
            renamed=True,
            reminder="Rewrite this instruction. Do not solve it.",
        )
        if method is not None:
            self.use(method)

    @property
    def _signature(self) -> type[dspy.Signature]:
        return self.predict.signature  # type: ignore[return-value]

    @property
    def method(self) -> Method:
        """The method in force: the predictor's instructions and demos."""
        demos = tuple(
            Demo(str(demo["instruction"]), str(demo["evolved_instruction"]))
            for demo in self.predict.demos
            if demo.get("instruction") and demo.get("evolved_instruction")
        )
        return Method(self._signature.instructions, demos)

    def use(self, method: Method) -> None:
        """Put `method` in force."""
        self.predict.signature = self._signature.with_instructions(method.text)
        self.predict.demos = [
            {"instruction": demo.instruction, "evolved_instruction": demo.evolved_instruction}
            for demo in method.demos
        ]

    def forward(self, instruction: str, **config: Any) -> dspy.Prediction:  # noqa: ANN401 (sampling keywords)
        """One round; `config` overrides sampling.

        Returns:
            A prediction with `evolved_instruction` ('' if the reply marks none), `reply`,
            `finish_reason` and `marked`.
        """
        with as_role("evol"), dspy.context(adapter=self.adapter):
            return self.predict(instruction=instruction, config=config)

    async def aforward(self, instruction: str, **config: Any) -> dspy.Prediction:  # noqa: ANN401
        """The same from a coroutine."""
        with as_role("evol"), dspy.context(adapter=self.adapter):
            return await self.predict.acall(instruction=instruction, config=config)


def as_evolution(instruction: str, prediction: dspy.Prediction) -> Evolution:
    """What one round's prediction says, as a record."""
    return Evolution(
        instruction=instruction,
        evolved=prediction.evolved_instruction or None,
        reply=prediction.reply,
        finish_reason=prediction.finish_reason,
    )
