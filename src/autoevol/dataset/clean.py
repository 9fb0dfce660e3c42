"""Cleans a finished file: kept, removed and rejected records go to separate files, with the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from autoevol.config import CleanConfig, DataConfig, SelectConfig
from autoevol.core.errors import InputError
from autoevol.core.records import digest
from autoevol.data.entries import SeedRecord
from autoevol.data.files import snippet_of
from autoevol.data.load import iter_entries
from autoevol.data.sources import check_not_inputs
from autoevol.dataset.cleaner import Cleaner
from autoevol.dataset.examples import exchanges_of
from autoevol.dataset.export import whole_dataset
from autoevol.dataset.figures import KnownFigures, record_key
from autoevol.dataset.selection import Range, RowSelection
from autoevol.store.files import replacing
from autoevol.store.sealed import check_source, write_sealed


@dataclass(frozen=True)
class CleanReport:
    """The report of a cleaning. Every record read is kept, removed or rejected.

    Attributes:
        removed: Records removed, by reason.
        rejected: Records that could not be used (with `skip_bad`).
        seeds: Seeds that no record may repeat.
        benchmark_texts: Texts of the benchmarks.
        overlaps: Records that share words with a benchmark, by kind, removed or not.
    """

    source: str
    rows: int
    kept: int
    rejected: int
    seeds: int
    benchmark_texts: int
    settings: dict[str, Any]
    removed: dict[str, int] = field(default_factory=dict)
    overlaps: dict[str, int] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)


def clean_file(
    source: str | Path,
    out: Path,
    *,
    against: Iterable[str] = (),
    settings: CleanConfig | None = None,
    data: DataConfig | None = None,
    select: SelectConfig | None = None,
) -> CleanReport:
    """Write the records of `source` that are kept to `out`, unchanged, in order, as JSONL.

    Also writes `STEM.removed.jsonl` (each removed record with the reason and its match),
    `STEM.rejects.jsonl` (unusable records, with `skip_bad`) and `STEM.clean.json` (the report). Each file
    is written whole or not at all.

    Args:
        source: A run folder, a file or a dataset, as `load_rows` takes it.
        out: A .jsonl file.
        against: Seed files whose instructions no record may repeat.
        settings: Thresholds and benchmarks.
        data: How to read the source.
        select: Which records to keep by the figures of `autoevol quality`. This comes first, so no record
            is removed as a duplicate of an unselected one.

    Raises:
        InputError: If something cannot be read, `select` needs figures that are missing, a file to be
            written is an input, or `out` is not a .jsonl file.
        StoreLost: If the disk refuses.
    """
    settings, data = settings or CleanConfig(), data or DataConfig()
    source, against = whole_dataset(source), list(against)
    for file in against:
        check_source(file)
    paths = {name: out.with_suffix(f".{name}.jsonl") for name in ("removed", "rejects")}
    _check_out(out)
    check_not_inputs([out, *paths.values()], [source, *against, *settings.decontaminate], data.split)
    chosen = select or SelectConfig()
    selection, known = _selection(chosen), KnownFigures(Path(source))
    if selection.ranges and not len(known):
        raise InputError(selection.why_none() or f"{source}: nothing is measured of it")
    cleaner = Cleaner(settings)
    seeds = sum(cleaner.remember_seeds(_seeds(file, data)) for file in against)
    rows = kept = 0
    with (
        iter_entries(
            source, field=data.field, skip_bad=data.skip_bad, split=data.split, encoding=data.encoding
        ) as entries,
        replacing(out) as kept_file,
        replacing(paths["removed"]) as removed_file,
    ):
        for entry in entries:
            if (problem := _unwritable(entry.value)) is not None:
                entries.reject(problem, snippet_of(entry.value))
                continue
            rows += 1
            columns = known.of(record_key(entry.value) or "")
            if selection.takes(columns):
                *_, asked = exchanges_of(entry)
                finding = cleaner.admit(_key(entry), asked.instruction, asked.response, asked.context)
                why = None if finding is None else asdict(finding)
            else:
                why = {"reason": _reason(columns), "ifd": columns["ifd"], "range": chosen.keep_ifd}
            if why is None:
                kept += 1
                kept_file.add(_record(entry))
            else:
                removed_file.add({**why, "place": entry.place, "row": entry.value})
            if rows == data.limit:
                break
    with replacing(paths["rejects"]) as rejects_file:
        for reject in entries.rejects:
            rejects_file.add(asdict(reject))
    report = CleanReport(
        source=entries.source,
        rows=rows,
        kept=kept,
        rejected=entries.rejected,
        seeds=seeds,
        benchmark_texts=len(cleaner.benchmarks),
        settings={
            **asdict(settings),
            "against": list(against),
            **({"select": asdict(chosen)} if chosen.keep_ifd else {}),
        },
        removed={
            **_unselected(selection),
            **{reason.value: count for reason, count in cleaner.removed.most_common()},
        },
        overlaps={kind.value: count for kind, count in sorted(cleaner.overlaps.items())},
        paths={"kept": str(out), **{name: str(path) for name, path in paths.items()}},
    )
    write_sealed(out.with_suffix(".clean.json"), asdict(report))
    return report


_OUTSIDE, _WITHOUT = "ifd_out_of_range", "without_ifd"


def _selection(select: SelectConfig) -> RowSelection:
    ends = select.ifd_range
    ranges = (Range("ifd", "--keep-ifd", *ends),) if ends else ()
    return RowSelection(ranges, select.keep_unscored)


def _reason(columns: Mapping[str, Any]) -> str:
    return _WITHOUT if columns["ifd"] is None else _OUTSIDE


def _unselected(selection: RowSelection) -> dict[str, int]:
    missing = 0 if selection.keep_unscored else selection.unscored.total()
    counts = {_OUTSIDE: selection.outside.total(), _WITHOUT: missing}
    return {reason: count for reason, count in counts.items() if count}


def _check_out(out: Path) -> None:
    if out.suffix != ".jsonl":
        raise InputError(f"{out}: records are written as JSONL; name a .jsonl file")
    if not out.parent.is_dir():
        raise InputError(f"{out}: {out.parent} is no folder; make it first")


def _seeds(source: str, data: DataConfig) -> Iterable[tuple[str, str]]:
    with iter_entries(source, skip_bad=data.skip_bad, split=data.split, encoding=data.encoding) as entries:
        for entry in entries:
            for exchange in exchanges_of(entry):
                yield f"{entries.source}, {entry.place}", exchange.instruction


def _key(entry: SeedRecord) -> str:
    """The key of a record in reports: its own id if it has one."""
    own = entry.value.get("id") if isinstance(entry.value, Mapping) else None
    name = own if isinstance(own, str) and own else digest(entry.seed.instruction)
    return f"{entry.place} ({name})"


def _record(entry: SeedRecord) -> Mapping[str, Any]:
    return entry.value if isinstance(entry.value, Mapping) else {"text": entry.value}


def _unwritable(value: object) -> str | None:
    """Why a record cannot be written as JSON: a lone surrogate, bytes of a Parquet file."""
    try:
        orjson.dumps(value)
    except TypeError as error:
        return f"cannot be written as JSON: {error}"
    return None


def cleaning_rows(report: CleanReport) -> list[tuple[str, str]]:
    """The report as (label, value) rows."""
    rows = [
        ("records", f"{report.rows} read, {report.kept} kept, {report.rejected} unusable"),
        *((f"removed: {reason.replace('_', ' ')}", str(count)) for reason, count in report.removed.items()),
    ]
    if report.benchmark_texts:
        counts = ", ".join(f"{count} {kind}" for kind, count in report.overlaps.items()) or "none"
        rows.append(("overlap with benchmarks", f"{counts} (of {report.benchmark_texts} benchmark texts)"))
    return rows + [(name, path) for name, path in report.paths.items()]
