"""`autoevol clean` and `export` as functions: prepare a finished file for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autoevol.commands.keywords import take
from autoevol.commands.result import Dataset, as_lines
from autoevol.commands.training import ChosenRecipe, TrainingFolder
from autoevol.config import ExportConfig, PublishConfig, SelectConfig, Settings
from autoevol.dataset import card, hub
from autoevol.dataset import clean as cleaning
from autoevol.dataset.export import Exported, export_file, run_folder_of


@dataclass(frozen=True, repr=False)
class Cleaned:
    """The result of a cleaning.

    Attributes:
        report: All counts, and the paths of the kept and the removed records.
    """

    report: cleaning.CleanReport

    @property
    def dataset(self) -> Dataset:
        """The kept records."""
        return Dataset(Path(self.report.paths["kept"]))

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The report as (label, value) rows."""
        return cleaning.cleaning_rows(self.report)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return asdict(self.report)

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """The kept records as a table. Raises InputError without pandas."""
        return self.dataset.to_pandas()

    def __repr__(self) -> str:
        return as_lines(self.rows)


def clean(
    dataset: str | Path,
    out: str | Path,
    *,
    against: str | Path | Sequence[str | Path] = (),
    select: SelectConfig | None = None,
    settings: Settings | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Cleaned:
    """Remove duplicates, near duplicates and benchmark items from a data set: `autoevol clean`.

    Args:
        dataset: A run folder, a file or the name of a Hugging Face data set.
        out: JSONL file for the kept records.
        against: Seeds that no record may repeat.
        select: Which records to keep by the figures of `quality`.
        settings: How the data set is read and cleaned.
        options: Settings by the names of the command's options.

    Raises:
        InputError: If something cannot be read, or `out` is an input or not a .jsonl file.
        StoreLost: If the disk refuses.
    """
    settings, select = take("clean", settings, options, select or SelectConfig())
    seeds = [str(path) for path in ([against] if isinstance(against, str | Path) else against)]
    report = cleaning.clean_file(
        dataset, Path(out), against=seeds, settings=settings.clean, data=settings.data, select=select
    )
    return Cleaned(report)


@dataclass(frozen=True, repr=False)
class Written:
    """The result of an export.

    Attributes:
        exported: Data, provenance and the files that trainers need beside them.
        card: The dataset card, if requested.
        hub: URL of the data set on the hub, if it was pushed.
        training: The folder that a trainer is started with, if requested.
    """

    exported: Exported
    card: Path | None = None
    hub: str | None = None
    training: TrainingFolder | None = None

    def notes(self) -> list[str]:
        """What a user should know before training, a line each."""
        return [*self.exported.notes(), *(self.training.notes if self.training else ())]

    @property
    def dataset(self) -> Dataset | None:
        """The examples; None if the format is not JSON Lines."""
        path = self.exported.path
        return Dataset(path) if path.suffix == ".jsonl" else None

    @property
    def rows(self) -> list[tuple[str, str]]:
        """What was written, as (label, value) rows."""
        labels = {path.name: "for a trainer" for path in self.exported.companions}
        return [(labels.get(name, name), str(value)) for name, value in self.to_json().items()]

    def to_json(self) -> dict[str, Any]:
        """What was written, as JSON."""
        done, picked = self.exported, self.exported.counts.selection
        return {
            "rows": done.rows,
            "rejected": done.rejected,
            **({"dropped": done.counts.dropped} if done.settings.drop_long else {}),
            **({"left_out": picked.dropped} if picked.ranges else {}),
            "data": str(done.path),
            "provenance": str(done.provenance),
            **{path.name: str(path) for path in done.companions},
            **({"card": str(self.card)} if self.card else {}),
            **({"hub": self.hub} if self.hub else {}),
            **({"recipe": str(self.training.path)} if self.training else {}),
        }

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """The provenance of each example, as a table. Raises InputError without pandas."""
        return Dataset(self.exported.provenance).to_pandas()

    def __repr__(self) -> str:
        return as_lines(self.rows)


def export(
    dataset: str | Path,
    out: str | Path,
    *,
    format: str = "messages",
    examples: ExportConfig | None = None,
    publish: PublishConfig | None = None,
    settings: Settings | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Written:
    """Write a data set in the format of a trainer, with its provenance beside it: `autoevol export`.

    Args:
        dataset: A run folder, a file or the name of a Hugging Face data set.
        out: File to write.
        format: `messages`, `prompt-completion`, `sharegpt`, `alpaca`, `openai` or `parquet`.
        examples: Maximum length of an example, whether it includes the model's thinking, and the recipe.
        publish: The card, and the hub.
        settings: How the data set is read.
        options: Fields of these by the names of the command's options.

    Raises:
        InputError: If the data set or a record of it cannot be used, `out` has another suffix, or the
            trainer of the recipe does not read the format.
        StoreLost: If the disk refuses.
    """
    settings, examples, publish = take(
        "export", settings, options, examples or ExportConfig(), publish or PublishConfig()
    )
    folder = Path(publish.run) if publish.run else run_folder_of(dataset)
    chosen = ChosenRecipe.of(examples, format)
    if chosen is not None:
        examples = chosen.watching(examples)
    done = export_file(dataset, Path(out), format, data=settings.data, settings=examples)
    training = None if chosen is None else chosen.write(done)
    if not (publish.card or publish.push_to_hub):
        return Written(done, training=training)
    licences = card.Licences(publish.license, publish.seed_license)
    readme = card.write_card(done, folder, licences, title=publish.push_to_hub or done.path.stem)
    if not publish.push_to_hub:
        return Written(done, readme, training=training)
    url = hub.push_to_hub(done, readme, publish.push_to_hub, private=not publish.public)
    return Written(done, readme, url, training)
