"""What `autoevol quality` found of a run's data set, and the map of its topics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autoevol.dataset.figures import report_file
from autoevol.dataset.quality import Scores, judged_measures
from autoevol.evolution.lineage import End
from autoevol.metrics.topics import TopicMap, topic_map
from autoevol.pages.blocks import Block, Grid, Section, Words
from autoevol.pages.quality_plots import map_chart, score_chart
from autoevol.pages.rows import RowsSeen
from autoevol.reports.folder import read_report
from autoevol.reports.quality import MAPPED, QualityReport

_SCALES = {"complexity": (1.0, 10.0), "gain": (0.0, 3.0)}


def quality_sections(seen: RowsSeen, folder: Path) -> list[Section]:
    """Complexity, gain, tags and difficulty where `quality` was run with models; the map of any data."""
    found = read_report(report_file(folder / "dataset.jsonl"), QualityReport)
    made = [_judged(found) if found else None, _difficulty(found) if found else None]
    made.append(_map(found.topics if found else _drawn_up(seen)))
    return [section for section in made if section]


def _judged(found: QualityReport) -> Section | None:
    head, *rows = judged_measures(found.stages)
    if not rows:
        return None
    grid = Grid.of(f"On {found.looked_at} of {found.seeds} seeds", head, rows, across=True)
    judges = ", ".join(found.judges) or "no judge"
    told = (
        f"Complexity and gain as {judges} said; tags are the demands that a model names in an instruction. "
        "Compare rounds of one data set: another judge, or another set, has another scale."
    )
    return Section("judged", "Complexity, gain and tags", (Words(told), *_charts(found), grid))


def _charts(found: QualityReport) -> Iterator[Block]:
    for name, scale in _SCALES.items():
        told: dict[str, Scores | None] = {one.stage: getattr(one, name) for one in found.stages}
        scores = {stage: of for stage, of in told.items() if of is not None}
        if scores:
            caption = f"Mean {name} by stage with its 95 % interval"
            yield score_chart(f"judged-{name}", scores, scale, caption)


def _difficulty(found: QualityReport) -> Section | None:
    if found.difficulty is None:
        return None
    grid = Grid.of("Pairs as a small model finds them", ("", "found"), found.difficulty_rows())
    told = (
        "IFD is the share of the response's surprise that the instruction leaves: near 0 it says everything, "
        "above 1 it misleads. Much of it is length, so its correlation with length stands beside it."
    )
    return Section("difficulty", "Difficulty for a small model", (Words(told), grid))


def _map(found: TopicMap | None) -> Section | None:
    if found is None:
        return None
    told = (
        "Texts that share words, or meaning where word vectors were given, lie together. The table "
        "below has the words of each topic: one with seeds and no evolved instruction was lost, one without "
        "seeds is new."
    )
    return Section("map", "Map of topics", (Words(told), map_chart(found)))


def _drawn_up(seen: RowsSeen) -> TopicMap | None:
    """The map of the passed rows in the sample, where `quality` has not drawn one."""
    kept = [one for one in seen.samples.get(End.KEPT, []) if one.decisive.evolved][:MAPPED]
    return topic_map([one.row.instruction for one in kept], [one.decisive.evolved or "" for one in kept])
