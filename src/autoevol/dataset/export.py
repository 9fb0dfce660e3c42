"""Writes an export with everything that belongs beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoevol.config import DataConfig
from autoevol.core.errors import InputError, StoreError
from autoevol.core.records import digest
from autoevol.data.entries import EntryStream
from autoevol.data.files import snippet_of
from autoevol.data.load import iter_entries
from autoevol.data.sources import dataset_of
from autoevol.dataset.examples import Example, read_example
from autoevol.dataset.formats import Format, find_format
from autoevol.store.files import LineWriter, read_json, replacing, write_json
from autoevol.store.table import TableWriter, replacing_table


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        source: What was exported.
        path: The data.
        provenance: One line for each example, in the same order.
        companions: What trainers want beside the data.
        rejected: Records left out because they could not be used (with `skip_bad`).
    """

    format: Format
    source: str
    path: Path
    provenance: Path
    companions: tuple[Path, ...]
    rows: int
    rejected: int


def export_file(
    source: str | Path, out: Path, format_name: str = "messages", *, data: DataConfig | None = None
) -> Exported:
    """Write the pairs of `source` to `out` in a trainer's notation, streaming, in order.

    Ids are distinct, or the provenance would be worthless. Beside the file appear
    `STEM.provenance.jsonl`; for LLaMA-Factory an entry in `dataset_info.json` (other entries
    stay); for Axolotl `STEM.axolotl.yaml`.

    Args:
        source: A run folder, a file or a dataset, as `load_rows` takes it.
        out: A file with the suffix of the format.
        format_name: A key of `FORMATS`.
        data: How to read the source.

    Raises:
        InputError: If the source or a record of it cannot be used, or `out` has another suffix.
        StoreLost: If the disk refuses.
    """
    chosen, data = find_format(format_name), data or DataConfig()
    source = dataset_of(source)
    _check_out(out, chosen, source)
    provenance = out.with_suffix(".provenance.jsonl")
    with (
        iter_entries(source, field=data.field, skip_bad=data.skip_bad, split=data.split) as entries,
        _writer(out, chosen) as rows,
        replacing(provenance) as origins,
    ):
        for example in _examples(entries, data.limit):
            rows.add(chosen.encode(example))
            origins.add(example.provenance)
        if not rows.count:
            first = entries.rejects[0]
            raise InputError(f"{entries.source} holds no example; line {first.line}: {first.reason}")
    companions = _companions(out, chosen)
    return Exported(chosen, str(source), out, provenance, companions, rows.count, len(entries.rejects))


def run_folder_of(source: str | Path) -> Path | None:
    """The run folder that `source` is, or lies in; None if it does neither."""
    for folder in (Path(source), Path(source).parent):
        if (folder / "run.json").is_file():
            return folder
    return None


def _examples(entries: EntryStream, limit: int | None) -> Iterator[Example]:
    count = 0
    # Integers, as there may be millions: 64 bits of a hash of each id.
    seen: set[int] = set()
    for entry in entries:
        try:
            example = read_example(entry)
            key = int(digest(str(example.provenance["id"])), 16)
            if key in seen:
                raise InputError(f"the id {example.provenance['id']!r} has been there before")
            seen.add(key)
        except InputError as error:
            entries.reject(entry.line, str(error), snippet_of(entry.value))
            continue
        yield example
        count += 1
        if count == limit:
            return


def _writer(out: Path, chosen: Format) -> AbstractContextManager[LineWriter | TableWriter]:
    if chosen.suffix == ".parquet":
        return replacing_table(out, chosen.features().arrow_schema)
    return replacing(out)


def _check_out(out: Path, chosen: Format, source: str | Path) -> None:
    if out.suffix != chosen.suffix:
        raise InputError(f"{out}: the format {chosen.name} is written to a {chosen.suffix} file")
    if not out.parent.is_dir():
        raise InputError(f"{out}: {out.parent} is no folder; make it first")
    if out.exists() and Path(source).exists() and out.samefile(source):
        raise InputError(f"{out} is the input as well; write to another file")


def _companions(out: Path, chosen: Format) -> tuple[Path, ...]:
    written: list[Path] = []
    if chosen.llamafactory:
        path = out.with_name("dataset_info.json")
        write_json(path, {**_others(path), out.stem: {"file_name": out.name, **chosen.llamafactory}})
        written.append(path)
    if chosen.axolotl:
        written.append(_axolotl(out, chosen.axolotl))
    return tuple(written)


def _others(path: Path) -> dict[str, Any]:
    """Entries of a `dataset_info.json` that is there: LLaMA-Factory keeps one for all its data."""
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
