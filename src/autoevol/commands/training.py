"""`autoevol export --recipe`: the folder that a trainer is started with, beside the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from autoevol.config import ExportConfig
from autoevol.core.errors import InputError
from autoevol.dataset.export import Exported
from autoevol.dataset.formats import FORMATS, find_format
from autoevol.training.folder import warnings_of, write_training_folder
from autoevol.training.plan import TrainingPlan
from autoevol.training.presets import Preset, find_preset
from autoevol.training.recipes import Recipe, find_recipe


@dataclass(frozen=True)
class TrainingFolder:
    """A recipe that was written.

    Attributes:
        path: The folder beside the data.
        notes: Ways in which the training deviates from the preset, or is pointless.
    """

    path: Path
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ChosenRecipe:
    """A recipe with its settings, chosen before the data is written.

    Attributes:
        recipe: Of the trainer.
        preset: The settings.
        model: The model to be tuned.
        gpus: Number of GPUs.
    """

    recipe: Recipe
    preset: Preset
    model: str
    gpus: int

    @classmethod
    def of(cls, config: ExportConfig, format_name: str) -> ChosenRecipe | None:
        """The recipe that `config` asks for; None if none.

        Raises:
            InputError: If the trainer does not read the format, the GPUs cannot share a batch, or thinking
                would be lost.
        """
        asked = config.training
        if asked.recipe is None:
            return None
        recipe, preset = find_recipe(asked.recipe), find_preset(asked.preset or "small")
        if format_name not in recipe.formats:
            raise InputError(
                f"--recipe {recipe.name} does not read the format {format_name}: use --format "
                f"{' or '.join(recipe.formats)}"
            )
        if config.with_thinking and FORMATS[format_name].thinking == "field":
            raise InputError(
                f"--with-thinking: the Vicuna template of --recipe {recipe.name} has no place for "
                "reasoning_content, and it would be lost without a word. Use --format sharegpt, where it is "
                "part of the answer, with --recipe axolotl or llama-factory"
            )
        gpus = asked.gpus or (1 if recipe.one_gpu else preset.gpus)
        if recipe.one_gpu and gpus > 1:
            raise InputError(f"--gpus {gpus}: {recipe.name} trains on one GPU")
        chosen = cls(recipe, preset, asked.base_model or preset.model, gpus)
        chosen._plan("train.jsonl", format_name, 1)  # refuses a batch that the GPUs cannot share
        return chosen

    def watching(self, config: ExportConfig) -> ExportConfig:
        """The export's settings, extended to count the examples that the trainer would cut."""
        if config.max_example_tokens is not None:
            return config
        return replace(config, max_example_tokens=self.preset.max_length)

    def write(self, done: Exported) -> TrainingFolder:
        """Write the folder for a finished export.

        Raises:
            InputError: If its examples use tools, which the Vicuna template cannot hold.
            StoreLost: If the disk refuses.
        """
        if done.counts.with_tools:
            raise InputError(
                f"{done.path} is written, but without a recipe: {done.counts.with_tools} of its examples use "
                "tools, which the Vicuna template cannot hold. Train with the template of a model that knows "
                "tools"
            )
        plan = self._plan(done.path.name, done.format.name, done.rows)
        folder = write_training_folder(done.path, plan, self.recipe)
        return TrainingFolder(folder, tuple(warnings_of(plan, self.recipe)))

    def _plan(self, file: str, format_name: str, rows: int) -> TrainingPlan:
        notation = find_format(format_name).axolotl
        return TrainingPlan(file, format_name, rows, self.preset, self.model, self.gpus, notation)
