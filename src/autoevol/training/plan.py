"""What one training is: the data, the preset, and how a batch is divided."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoevol.core.errors import InputError
from autoevol.training.presets import Preset


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """One data set, one model, one set of settings.

    Attributes:
        file: Name of the data file, which lies in the folder above that of the recipe.
        format: Name of the format that it is written in.
        rows: Examples in it, >= 1.
        preset: The settings.
        model: Name on the Hugging Face hub or a folder; of the preset, or another.
        gpus: Processes, one GPU each.
        axolotl: How Axolotl reads the format, None where it does not.
    """

    file: str
    format: str
    rows: int
    preset: Preset
    model: str
    gpus: int
    axolotl: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.preset.batch % self.gpus:
            raise InputError(
                f"--gpus {self.gpus}: a batch of {self.preset.batch} ({self.preset.name}) cannot be divided "
                f"evenly; {self.gpus} is no divisor of it"
            )

    @property
    def stem(self) -> str:
        """The name of the data file without its suffix."""
        return self.file.rpartition(".")[0]

    @property
    def at_once(self) -> int:
        """Examples of one GPU at a time."""
        share = self.preset.batch // self.gpus
        return next(size for size in range(self.preset.most_at_once, 0, -1) if share % size == 0)

    @property
    def accumulated(self) -> int:
        """Forward passes of each GPU before an optimizer step."""
        return self.preset.batch // (self.gpus * self.at_once)

    @property
    def steps(self) -> int:
        """Optimizer steps in all. Where examples are packed into one another there are fewer."""
        return self.preset.epochs * math.ceil(self.rows / self.preset.batch)

    @property
    def warmup_steps(self) -> int:
        """Steps in which the learning rate rises; never all of them."""
        wanted = self.preset.warmup if self.preset.warmup >= 1 else self.preset.warmup * self.steps
        return min(math.ceil(wanted), self.steps // 2)

    @property
    def divided(self) -> bool:
        """Whether the weights are divided among the GPUs (ZeRO-3), as the papers did."""
        return self.gpus > 1 and self.preset.tune == "full"
