"""Elsewhere: which trainer an export is made ready for, and which benchmarks a tuned model is handed to."""

from __future__ import annotations

from dataclasses import dataclass

from autoevol.config.base import at_least, setting
from autoevol.config.choices import Backend, CodeHarness, Preset, Recipe, check_choices
from autoevol.core.errors import InputError


@dataclass(frozen=True)
class RecipeConfig:
    """Training recipe.

    Attributes:
        recipe: Trainer whose files are written beside the export; None for none.
        preset: Settings of a paper, or small ones; None is `small`.
        base_model: Another model than that of the preset.
        gpus: As many as the preset was run on if None; Unsloth has one.
    """

    recipe: Recipe | None = setting(None, "Also write the files that this trainer is started with.")
    preset: Preset | None = setting(None, "Settings of the recipe, small unless given.")
    base_model: str | None = setting(None, "Model to tune (default: that of the preset).")
    gpus: int | None = setting(None, "GPUs to train on (default: as many as the preset had).")

    def __post_init__(self) -> None:
        check_choices(self)
        at_least(1, self, "gpus")
        if self.recipe is None:
            for name in ("preset", "base_model", "gpus"):
                if getattr(self, name) is not None:
                    raise InputError(f"--{name.replace('_', '-')} needs --recipe: which trainer it is for")


@dataclass(frozen=True)
class BenchmarksConfig:
    """Benchmarks.

    Attributes:
        only: Benchmarks to measure; all if empty.
        backend: What runs the model.
        code: Harness that takes HumanEval.
        training: What the model was tuned on, to be held against the items.
        items: `BENCHMARK=FILE`, for benchmarks whose results do not hold their items.
        allow_code: Whether what the model writes may be executed here.
    """

    only: tuple[str, ...] = setting(
        (), "Benchmark to measure, such as gsm8k (default: all). Repeatable.", decides=False
    )
    backend: Backend = setting("hf", "What runs the model.")
    code: CodeHarness = setting("evalplus", "Harness for HumanEval.")
    training: str | None = setting(
        None, "Training data, to count what they share with the items.", decides=False
    )
    items: tuple[str, ...] = setting(
        (), "BENCHMARK=FILE: items of a benchmark whose results do not hold them. Repeatable.", decides=False
    )
    allow_code: bool = setting(
        False, "Execute what the model writes (HumanEval) on this machine.", decides=False
    )

    def __post_init__(self) -> None:
        check_choices(self)
        if self.items and self.training is None:
            raise InputError("--items needs --training: the data to look for them in")
