"""A proof: which student is tuned on how much of which data, and what it is measured on."""

from __future__ import annotations

from dataclasses import dataclass

from autoevol.config.base import at_least, setting
from autoevol.config.choices import Tune, check_choices
from autoevol.core.errors import InputError


@dataclass(frozen=True)
class ProveConfig:
    """Proof. Settings of the student, its training and its measures; the plan freezes them.

    Attributes:
        student: `smollm2` (the embedded weights), a .gguf file, or a Hugging Face name or folder.
        tune: `lora`, the `last` quarter of the layers, or `full`.
        step_tokens: Supervised tokens of one optimizer step, the same for every arm.
        max_length: Tokens of an instruction and its response; responses are cut there.
        rates: Learning rates to choose from, on the seed arm alone.
        heldout: Seeds that no arm sees; a quarter as many more choose the learning rate.
    """

    student: str = setting("smollm2", "Model to tune: smollm2, a .gguf file, or a Hugging Face model.")
    reference: str | None = setting(None, "Better model, against which the gap recovered is told.")
    tune: Tune = setting("lora", "What is tuned.")
    seeds: int = setting(5, "Random seeds of every arm.")
    steps: int = setting(12, "Optimizer steps.")
    step_tokens: int = setting(128, "Response tokens that each step learns from.")
    max_length: int = setting(160, "Tokens of an instruction and its response; responses are cut there.")
    rates: tuple[float, ...] = setting(
        (2e-4, 1e-3), "Learning rate to try on the seed arm (default: 2e-4 and 1e-3). Repeatable."
    )
    heldout: int = setting(24, "Seeds to set aside for the measures.")
    heldout_file: str | None = setting(None, "Natural pairs to measure on, instead of seeds set aside.")
    arm_rows: int = setting(200, "Seeds for which arms that are missing are made.")
    exact: int = setting(0, "Held-out items whose final answer is generated and compared.")

    def __post_init__(self) -> None:
        check_choices(self)
        at_least(2, self, "seeds", "heldout")
        at_least(1, self, "steps", "step_tokens")
        at_least(16, self, "max_length", "arm_rows")
        at_least(0, self, "exact")
        if not self.rates or not all(0 < rate < 1 for rate in self.rates):
            raise InputError(f"--rates must be between 0 and 1, got {', '.join(map(str, self.rates))}")
