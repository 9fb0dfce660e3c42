"""`autoevol clean`, `export` and `quality` as functions: a finished file before anybody trains on it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from autoevol.commands.keywords import take
from autoevol.commands.models import asking, open_session
from autoevol.commands.result import Dataset, as_lines, frame
from autoevol.commands.training import ChosenRecipe, TrainingFolder
from autoevol.config import ExportConfig, PublishConfig, Settings
from autoevol.core import aio
from autoevol.dataset import card, hub
from autoevol.dataset import clean as cleaning
from autoevol.dataset import quality as measuring
from autoevol.dataset.export import Exported, export_file, run_folder_of
from autoevol.metrics.complexity import Tagger, TagStatistics, tag_statistics
from autoevol.metrics.embeddings import model2vec_embedder
from autoevol.metrics.quality import tfidf
from autoevol.store.calls import CallStore

TAGS = Path("runs/quality.sqlite")
"""Where the calls for tags are kept unless the settings name another store."""


@dataclass(frozen=True, repr=False)
class Cleaned:
    """What a cleaning has kept and removed.

    Attributes:
        report: All counts, and the paths of what was kept and what was not.
    """

    report: cleaning.CleanReport

    @property
    def dataset(self) -> Dataset:
        """The records that were kept."""
        return Dataset(Path(self.report.paths["kept"]))

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The report as (label, value) rows."""
        return cleaning.cleaning_rows(self.report)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return asdict(self.report)

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """The records that were kept as a table. Raises InputError without pandas."""
        return self.dataset.to_pandas()

    def __repr__(self) -> str:
        return as_lines(self.rows)


def clean(
    dataset: str | Path,
    out: str | Path,
    *,
    against: Sequence[str | Path] = (),
    settings: Settings | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Cleaned:
    """Remove duplicates, near duplicates and benchmark items from a data set: `autoevol clean`.

    Args:
        dataset: A run folder, a file or the name of a Hugging Face data set.
        out: JSONL file for the records that stay.
        against: Seeds that nothing may repeat.
        settings: How the data set is read and cleaned.
        options: Settings by the names of the command's options.

    Raises:
        InputError: If something cannot be read, or `out` is an input or no .jsonl file.
        StoreLost: If the disk refuses.
    """
    (settings,) = take("clean", settings, options)
    seeds = [str(path) for path in against]
    return Cleaned(
        cleaning.clean_file(dataset, Path(out), against=seeds, settings=settings.clean, data=settings.data)
    )


@dataclass(frozen=True, repr=False)
class Written:
    """What an export has written.

    Attributes:
        exported: Data, provenance and what trainers want beside them.
        card: The dataset card, if one was asked for.
        hub: Where the data set is on the hub, if it was pushed.
        training: What a trainer is started with, if that was asked for.
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
        """The examples; None for a format that is not JSON Lines."""
        path = self.exported.path
        return Dataset(path) if path.suffix == ".jsonl" else None

    @property
    def rows(self) -> list[tuple[str, str]]:
        """What was written, as (label, value) rows."""
        return [(name, str(value)) for name, value in self.to_json().items()]

    def to_json(self) -> dict[str, Any]:
        """What was written, as JSON."""
        done = self.exported
        return {
            "rows": done.rows,
            "rejected": done.rejected,
            **({"dropped": done.counts.dropped} if done.settings.drop_long else {}),
            "data": str(done.path),
            "provenance": str(done.provenance),
            **{path.name: str(path) for path in done.companions},
            **({"card": str(self.card)} if self.card else {}),
            **({"hub": self.hub} if self.hub else {}),
            **({"recipe": str(self.training.path)} if self.training else {}),
        }

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """Where each example comes from, as a table. Raises InputError without pandas."""
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
        examples: How long an example may be, whether what a model thought goes with it, and the recipe.
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


@dataclass(frozen=True, repr=False)
class Quality:
    """Complexity, diversity and length of a data set, stage by stage.

    Attributes:
        rows: Rows that the data set has.
        stages: Seeds, rounds and final instructions.
    """

    rows: int
    stages: tuple[measuring.StageQuality, ...]

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON."""
        return {"rows": self.rows, "stages": [stage.to_json() for stage in self.stages]}

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """The stages as a table, one a line. Raises InputError without pandas."""
        return frame([stage.to_json() for stage in self.stages])

    def __repr__(self) -> str:
        return measuring.render(self.stages, self.rows)


def quality(
    dataset: str | Path,
    *,
    limit: int = 1_000,
    vectors: str | Path | None = None,
    tags: bool = False,
    settings: Settings | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Quality:
    """Compare seeds, rounds and final instructions of a run: `autoevol quality`.

    Args:
        dataset: A dataset.jsonl, or its run folder.
        limit: Look at this many rows at most.
        vectors: Static word vectors of model2vec for the diversity, instead of TF-IDF.
        tags: Also have the evol model name what each instruction asks for, one call each; without it no
            LM is asked.
        settings: Models, requests, budget and call store count here, with `tags`.
        options: Fields of these by the names of the command's options.

    Raises:
        InputError: If the data set cannot be read, or a setting cannot be used.
        StopRun: If access, endpoint, disk or budget fail.
    """
    (settings,) = take("quality", settings, options)
    rows = measuring.read_stages(Path(dataset))
    looked_at = measuring.sample(rows, limit)
    embed = tfidf if vectors is None else model2vec_embedder(Path(vectors))
    stages = measuring.measure_stages(looked_at, embed)
    if tags:
        named = _tagged(measuring.stage_texts(looked_at), settings)
        stages = [replace(stage, tags=named[stage.stage]) for stage in stages]
    return Quality(len(rows), tuple(stages))


def _tagged(texts: Mapping[str, Sequence[str]], settings: Settings) -> dict[str, TagStatistics]:
    """Tags by stage. A text that stands in two stages is asked about once."""
    open_store = partial(CallStore, settings.store.path or TAGS, "quality")
    with open_session(open_store, settings, roles=("evol",)) as session, asking(session, settings.models):
        tagger, slots = Tagger(), asyncio.Semaphore(settings.requests.concurrency)

        async def tags_of(text: str) -> tuple[str, ...] | None:
            async with slots:
                return (await tagger.acall(instruction=text)).tags

        every = list(dict.fromkeys(text for said in texts.values() for text in said))
        found = aio.run_and_wait(aio.gather(tags_of(text) for text in every))
    known = dict(zip(every, found, strict=True))
    return {stage: tag_statistics([known[text] for text in said]) for stage, said in texts.items()}
