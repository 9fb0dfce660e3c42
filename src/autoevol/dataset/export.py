"""Writes an export with its companion files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoevol.config import DataConfig, ExportConfig
from autoevol.core.errors import InputError, StoreError
from autoevol.core.records import digest
from autoevol.data.entries import EntryStream, SeedRecord
from autoevol.data.files import snippet_of
from autoevol.data.load import iter_entries
from autoevol.data.seen import SeenIds
from autoevol.data.sources import check_not_inputs, dataset_of, name_of
from autoevol.dataset.examples import Example, read_example
from autoevol.dataset.figures import KnownFigures, record_key
from autoevol.dataset.formats import Format, find_format
from autoevol.dataset.lengths import Lengths
from autoevol.dataset.selection import Range, RowSelection
from autoevol.store.files import LineWriter, read_json, replacing, write_json
from autoevol.store.sealed import check_counts, check_source
from autoevol.store.table import TableWriter, replacing_table

if TYPE_CHECKING:
    from datasets import Features


@dataclass
class ExampleCounts:
    """Counts of examples by feature.

    Attributes:
        repeated_ids: Examples whose id had occurred before; they are kept.
        with_tools: Examples that use tools.
        with_thinking: Examples that include the assistant's thinking.
        dropped: Examples left out because they were too long.
        selection: The selection by gain and complexity, with its counts.
    """

    repeated_ids: int = 0
    with_tools: int = 0
    with_thinking: int = 0
    dropped: int = 0
    selection: RowSelection = field(default_factory=RowSelection)


@dataclass(frozen=True)
class Exported:
    """A finished export.

    Attributes:
        source: What was exported.
        path: The data.
        provenance: One line per example, in the same order.
        companions: Files that trainers need beside the data.
        rejected: Records left out because they could not be used (with `skip_bad`).
        lengths: The lengths of the examples; None if not requested.
        settings: The settings of the export.
    """

    format: Format
    source: str
    path: Path
    provenance: Path
    companions: tuple[Path, ...]
    rows: int
    rejected: int
    counts: ExampleCounts = field(default_factory=ExampleCounts)
    lengths: Lengths | None = None
    settings: ExportConfig = field(default_factory=ExportConfig)

    def features(self) -> Features | None:
        """The types of the columns; None if records differ in them."""
        return None if self.counts.with_tools else self.format.features(self.settings.with_thinking)

    def notes(self) -> list[str]:
        """Notes that a user should read before training, one per line."""
        notes: list[str] = [*self.counts.selection.notes()]
        if self.counts.repeated_ids:
            notes.append(f"{self.counts.repeated_ids} examples have an id that another has too; all are kept")
        if self.settings.with_thinking and not self.counts.with_thinking:
            notes.append("--with-thinking: no example holds what a model thought")
        if self.lengths is not None:
            notes += self.lengths.told(dropped=self.settings.drop_long)
        return notes


def export_file(
    source: str | Path,
    out: Path,
    format_name: str = "messages",
    *,
    data: DataConfig | None = None,
    settings: ExportConfig | None = None,
) -> Exported:
    """Write the pairs of `source` to `out` in a trainer's notation, streaming, in order.

    Every record is exported, even if its id repeats. Also writes `STEM.provenance.jsonl` and
    `STEM.export.json` (counts of what was written and left out); for LLaMA-Factory an entry in
    `dataset_info.json` (other entries are kept); for Axolotl `STEM.axolotl.yaml`.

    Args:
        source: A run folder, a file or a dataset, as `load_rows` takes it.
        out: A file with the suffix of the format.
        format_name: A key of `FORMATS`.
        data: How to read the source.
        settings: How long examples may be, and whether they include thinking.

    Raises:
        InputError: If the source or a record of it cannot be used, a file to be written is an input, or
            `out` has another suffix.
        StoreLost: If the disk refuses.
    """
    chosen, data, settings = find_format(format_name), data or DataConfig(), settings or ExportConfig()
    if settings.with_thinking and chosen.thinking == "nowhere":
        raise InputError(f"--with-thinking: the format {chosen.name} has no place for it; use messages")
    source = whole_dataset(source)
    provenance = out.with_suffix(".provenance.jsonl")
    _check_out(out, chosen)
    check_not_inputs([out, provenance], [source], data.split)
    with (
        iter_entries(
            source, field=data.field, skip_bad=data.skip_bad, split=data.split, encoding=data.encoding
        ) as entries,
        _writer(out, chosen, settings) as rows,
        replacing(provenance) as origins,
    ):
        examples = _Examples(entries, chosen, settings, KnownFigures(Path(source)))
        for record, origin in examples.written(data.limit):
            rows.add(record)
            origins.add(origin)
        if not rows.count:
            raise InputError(f"{entries.source} holds no example: {examples.first_problem()}")
    companions = _companions(out, chosen, bool(examples.counts.with_tools))
    note = {
        "source": str(source),
        "format": chosen.name,
        "rows": rows.count,
        "left_out": {"no_example": entries.rejected, "too_long": examples.counts.dropped},
    }
    write_json(out.with_suffix(".export.json"), note)
    return Exported(
        chosen,
        str(source),
        out,
        provenance,
        companions,
        rows.count,
        entries.rejected,
        examples.counts,
        examples.lengths,
        settings,
    )


def whole_dataset(source: str | Path) -> str | Path:
    """The data set in a run folder, checked to be as the run left it; any other source unchanged.

    Raises:
        InputError: If the run has not written its data set.
        StoreError: If the data set has been damaged or changed since.
    """
    name_of(source)
    made = dataset_of(source)
    if made != source:
        check_counts(Path(made).parent)
    else:
        check_source(source)
    return made


def run_folder_of(source: str | Path) -> Path | None:
    """The run folder that `source` is or lies in; None if neither."""
    for folder in (Path(source), Path(source).parent):
        if (folder / "run.json").is_file():
            return folder
    return None


class _Examples:
    """The examples of a source as records of a format, with counts."""

    def __init__(
        self, entries: EntryStream, chosen: Format, settings: ExportConfig, known: KnownFigures
    ) -> None:
        self.counts = ExampleCounts(selection=_selection(settings))
        self._known = known
        most, tokenizer = settings.max_example_tokens, settings.tokenizer
        self.lengths = None if most is None else Lengths(most, Path(tokenizer) if tokenizer else None)
        self._entries = entries
        self._chosen = chosen
        self._settings = settings
        self._seen = SeenIds()

    def written(self, limit: int | None) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
        """Records with their provenance, at most `limit`."""
        count = 0
        for entry in self._entries:
            try:
                example = self._example(entry)
                record = self._chosen.encode(example)
            except InputError as error:
                self._entries.reject(str(error), snippet_of(entry.value))
                continue
            if not self.counts.selection.takes(example.provenance, example.provenance["round"]):
                continue
            if self.lengths is not None and not self.lengths.fits(example) and self._settings.drop_long:
                self.counts.dropped += 1
                continue
            self._count(example)
            yield record, example.provenance
            count += 1
            if count == limit:
                return

    def _count(self, example: Example) -> None:
        number = int(digest(str(example.provenance["id"])), 16)
        self.counts.repeated_ids += not self._seen.add(number)
        self.counts.with_tools += example.uses_tools
        self.counts.with_thinking += any(turn.thinking is not None for turn in example.turns)

    def _example(self, entry: SeedRecord) -> Example:
        example = read_example(entry)
        if (key := record_key(entry.value)) and len(self._known):
            columns = self._known.of(key, example.provenance)
            example = replace(example, provenance={**example.provenance, **columns})
        return example if self._settings.with_thinking else example.spoken()

    def first_problem(self) -> str:
        """Why there are no examples."""
        if self.counts.selection.dropped:
            return self.counts.selection.why_none()
        if self.counts.dropped:
            return f"all {self.counts.dropped} are longer than --max-example-tokens"
        first = self._entries.rejects[0]
        return f"line {first.line}: {first.reason}"


def _selection(settings: ExportConfig) -> RowSelection:
    ranges = []
    if settings.min_gain is not None:
        ranges.append(Range("gain", "--min-gain", settings.min_gain, of_seeds=False))
    if settings.min_complexity is not None:
        ranges.append(Range("complexity", "--min-complexity", settings.min_complexity))
    return RowSelection(tuple(ranges), settings.keep_unscored)


def _writer(
    out: Path, chosen: Format, settings: ExportConfig
) -> AbstractContextManager[LineWriter | TableWriter]:
    if chosen.suffix == ".parquet":
        return replacing_table(out, chosen.features(settings.with_thinking).arrow_schema)
    return replacing(out)


def _check_out(out: Path, chosen: Format) -> None:
    if out.suffix != chosen.suffix:
        raise InputError(f"{out}: the format {chosen.name} is written to a {chosen.suffix} file")
    if not out.parent.is_dir():
        raise InputError(f"{out}: {out.parent} is no folder; make it first")


def _companions(out: Path, chosen: Format, with_tools: bool) -> tuple[Path, ...]:
    written: list[Path] = []
    if chosen.llamafactory:
        path = out.with_name("dataset_info.json")
        entry = {"file_name": out.name, **chosen.llamafactory}
        if with_tools:
            entry["columns"] = {**entry["columns"], "tools": "tools"}
        write_json(path, {**_others(path), out.stem: entry})
        written.append(path)
    # Axolotl's templates know the roles of tools in the chat notation only.
    if chosen.axolotl and not (with_tools and chosen.llamafactory):
        written.append(_axolotl(out, chosen.axolotl))
    return tuple(written)


def _others(path: Path) -> dict[str, Any]:
    """The entries of an existing `dataset_info.json`: LLaMA-Factory keeps one for all its data."""
    try:
        known = read_json(path)
    except StoreError as error:
        raise InputError(f"{path} is there and cannot be read; move it away: {error}") from error
    if known is not None and not isinstance(known, dict):
        raise InputError(f"{path} is there and is no JSON object; move it away")
    return known or {}


def _axolotl(out: Path, entry: dict[str, Any]) -> Path:
    import yaml

    path = out.with_suffix(".axolotl.yaml")
    kind = "parquet" if out.suffix == ".parquet" else "json"
    text = yaml.safe_dump({"datasets": [{"path": out.name, "ds_type": kind, **entry}]}, sort_keys=False)
    with replacing(path) as file:
        file.write(text.encode())
    return path
