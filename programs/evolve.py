"""EvolveInstruction: one round. Its one predictor's instructions are the evolving method."""

from __future__ import annotations

from typing import Any

import dspy

from autoevol.core.context import as_role
from autoevol.core.records import Demo, Evolution, Method
from autoevol.programs.adapters import TaggedText, watched
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
            A prediction with `evolved_instruction` ('' if the reply marks none), `marked` (whether it
            marks one), `reply`, `finish_reason` and `tokens` (input, output).
        """
        with as_role("evol"), dspy.context(adapter=self.adapter):
            return self.predict(instruction=instruction, config=config)

    async def aforward(self, instruction: str, **config: Any) -> dspy.Prediction:  # noqa: ANN401
        """The same from a coroutine; where nobody watches, past `dspy.Predict` and with equal results."""
        with as_role("evol"):
            lm = self.predict.lm or dspy.settings.lm
            if lm is None or self._watched(lm, config):
                with dspy.context(adapter=self.adapter):
                    return await self.predict.acall(instruction=instruction, config=config)
            given, sampling = {"instruction": instruction}, {**self.predict.config, **config}
            found = await self.adapter.acall(lm, sampling, self._signature, self.predict.demos, given)
            return dspy.Prediction.from_completions(found, signature=self._signature)

    def _watched(self, lm: dspy.BaseLM, config: dict[str, Any]) -> bool:
        """Whether `dspy.Predict` does more for a call than hand it to the adapter."""
        predict = self.predict
        return bool(
            watched(lm)
            or dspy.settings.trace is not None
            or type(predict) is not dspy.Predict
            or predict.callbacks
            or predict.fields  # criteria, which change what is asked
            or "n" in {**lm.kwargs, **predict.config, **config}
            or vars(predict).keys() & {"forward", "aforward", "acall"}  # patched by an optimizer
        )


def as_evolution(instruction: str, prediction: dspy.Prediction) -> Evolution:
    """What one round's prediction says, as a record."""
    return Evolution(
        instruction=instruction,
        evolved=prediction.evolved_instruction or None,
        reply=prediction.reply,
        finish_reason=prediction.finish_reason,
    )
