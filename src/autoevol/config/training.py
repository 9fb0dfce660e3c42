"""Training elsewhere: which trainer an export is made ready for, and with which settings."""

from __future__ import annotations

from dataclasses import dataclass

from autoevol.config.base import at_least, setting
from autoevol.config.choices import Preset, Recipe, check_choices
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
