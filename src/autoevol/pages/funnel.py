"""The way from seeds to what a trainer reads: how many are left after each stage, and why not more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoevol.core.wording import plain
from autoevol.evolution.lineage import End
from autoevol.pages import plots
from autoevol.pages.blocks import Grid, Section
from autoevol.pages.rows import RowsSeen
from autoevol.reports.run import RunReport
from autoevol.store.files import read_json


@dataclass(frozen=True)
class LaterStage:
    """What `autoevol clean` or `autoevol export` made of the data set of a run, as it noted beside its file.

    Attributes:
        name: `clean (NAME)` or `export (NAME)`.
        kept: Records written.
        left_out: The others by reason.
        removed: The file of the removed records; None where there is none.
    """

    name: str
    kept: int
    left_out: Mapping[str, int]
    removed: Path | None = None


def funnel_section(seen: RowsSeen, report: RunReport | None, folder: Path) -> Section:
    """How many rows are left after each stage."""
    steps = {
        "seeds requested": report.seeds.here if report else seen.rows,
        "rows finished": seen.rows,
        "with a rewrite": seen.evolved,
        "with a response": seen.answered,
        "passed": seen.ends[End.KEPT],
    }
    if report and report.evolution:
        steps["in dataset.jsonl"] = report.evolution.dataset.lines
    later = later_stages(folder)
    steps |= {stage.name: stage.kept for stage in later}
    lost = [*_lost(report), *_left_out(later)]
    reasons = Grid.of(
        "Where rows were left, and why",
        ("where", "reason", "rows"),
        [one for one in lost if one[2]],
        across=True,
    )
    plot = plots.bar_chart(
        "funnel",
        {name: (count,) for name, count in steps.items()},
        ("rows",),
        "stage",
        "Rows that are left after each stage",
    )
    return Section("funnel", "From seeds to data", (plot, reasons) if reasons.rows else (plot,))


def _lost(report: RunReport | None) -> Iterator[tuple[str, str, int]]:
    if report is None:
        return
    yield "not read from the seeds", "could not be used", report.seeds.rejected
    yield "not read from the seeds", "same instruction twice", report.seeds.duplicates
    if done := report.evolution:
        for kind, count in done.kinds.items():
            yield "rejected", plain(kind), count
        unkinded = done.failed - sum(done.kinds.values())
        yield "rejected", "turned away by a check, or no pair of the wanted round passed", unkinded
        for word, count in done.losses.items():
            yield "lost", plain(word), count


def _left_out(stages: Iterable[LaterStage]) -> Iterator[tuple[str, str, int]]:
    for stage in stages:
        for why, count in stage.left_out.items():
            yield stage.name, why.replace("_", " "), count


def later_stages(folder: Path) -> list[LaterStage]:
    """What was cleaned and exported of this folder's data set, by the notes in it or beside it."""
    sources, stages = {folder.resolve(), (folder / "dataset.jsonl").resolve()}, list[LaterStage]()
    for kind in ("clean", "export"):  # what was exported may have been cleaned before
        for path in sorted({*folder.glob(f"*.{kind}.json"), *folder.parent.glob(f"*.{kind}.json")}):
            note = read_json(path)
            if not isinstance(note, dict) or Path(str(note.get("source"))).resolve() not in sources:
                continue
            stage = _stage(kind, path, note)
            stages.append(stage)
            sources.add(path.with_name(f"{path.name.removesuffix(f'.{kind}.json')}.jsonl").resolve())
    return stages


def _stage(kind: str, path: Path, note: Mapping[str, Any]) -> LaterStage:
    name = path.name.removesuffix(f".{kind}.json")
    if kind == "export":
        return LaterStage(f"export ({name})", note["rows"], note["left_out"])
    return LaterStage(
        f"clean ({name})", note["kept"], note["removed"], path.with_name(f"{name}.removed.jsonl")
    )
