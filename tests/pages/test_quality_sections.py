"""What `quality` found, on the page: the figures of its file, a table with each chart, any text as text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from autoevol.core.errors import StoreError
from autoevol.dataset.figures import Figures, figures_of, report_file
from autoevol.dataset.lineages import EvolvedPair, SeedLineage
from autoevol.dataset.quality import Scores, measure_stages
from autoevol.metrics.difficulty import Difficulty, difficulty_table
from autoevol.metrics.topics import topic_map
from autoevol.pages.blocks import Grid, Plot, Section
from autoevol.pages.quality_sections import quality_sections
from autoevol.pages.rows import RowsSeen
from autoevol.reports.quality import QualityReport
from autoevol.reports.rates import Ledger
from autoevol.store.files import write_json

HOSTILE = "</title><script>alert(1)</script>"
WAYS = [
    (f"Sort {n} lists.", f"Sort {n} lists and say why.", f"Sort {n} lists, say why {HOSTILE}")
    for n in range(6)
]
LINEAGES = [SeedLineage(str(n), (EvolvedPair(None, way, "Yes."),)) for n, way in enumerate(WAYS)]


def judged(one: Figures) -> Figures:
    complexity = [2.0, 4.0, 8.0][one.round] + int(one.seed_id) % 2
    hard = Difficulty("m", 1.0 + int(one.seed_id), 4.0, 2.0, 9) if one.pair else None
    tags = ("sorting", HOSTILE)[: 1 + one.round]
    return replace(
        one, complexity=complexity, gain=2.0 if one.pair else None, tags=tags, judge=HOSTILE, difficulty=hard
    )


def written(folder: Path) -> QualityReport:
    """The report of six seeds, in the folder of their run."""
    figures = [judged(one) for lineage in LINEAGES for one in figures_of(lineage)]
    report = QualityReport(
        rows=6,
        seeds=6,
        looked_at=6,
        stages=tuple(measure_stages(LINEAGES, figures=figures)),
        judges=(HOSTILE,),
        ledger=Ledger({}),
        versions={},
        difficulty=difficulty_table([one.difficulty for one in figures if one.pair]),
        predictors=("m",),
        topics=topic_map([way[0] for way in WAYS], [way[-1] for way in WAYS]),
    )
    write_json(report_file(folder / "dataset.jsonl"), report.to_json())
    return report


def sections(folder: Path) -> dict[str, Section]:
    return {section.id: section for section in quality_sections(RowsSeen(), folder)}


def grids(section: Section) -> list[Grid]:
    return [block for block in section.blocks if isinstance(block, Grid)]


def test_the_figures_are_those_of_the_file(tmp_path: Path) -> None:
    report = written(tmp_path)
    told = sections(tmp_path)
    assert list(told) == ["judged", "difficulty", "map"]
    (complexity, gain) = (block for block in told["judged"].blocks if isinstance(block, Plot))
    assert [row[0] for row in complexity.grid.rows] == [stage.stage for stage in report.stages]
    for row, stage in zip(complexity.grid.rows, report.stages, strict=True):
        assert isinstance(stage.complexity, Scores)
        assert row[1:] == (f"{stage.complexity.mean:.2f}", f"{stage.complexity.margin:.2f}", "6", "0")
    assert [row[0] for row in gain.grid.rows] == ["round 2", "final"]
    (table,) = grids(told["judged"])
    assert {row[0]: row[1] for row in table.rows}["different tags"] == "1"
    assert report.difficulty is not None
    (hard,) = grids(told["difficulty"])
    assert ("IFD", report.difficulty_rows()[1][1]) in hard.rows
    assert "length does not vary" in hard.rows[1][1]


def test_the_map_counts_what_was_before_and_after(tmp_path: Path) -> None:
    report = written(tmp_path)
    (plot,) = (block for block in sections(tmp_path)["map"].blocks if isinstance(block, Plot))
    assert report.topics is not None
    assert [row[2:] for row in plot.grid.rows] == [
        (str(t.before), str(t.after)) for t in report.topics.topics
    ]
    assert sum(int(row[2]) for row in plot.grid.rows) == 6
    assert plot.svg.count("<circle") == 6
    assert plot.svg.count("l4 4l-4 4") == 6


def test_no_text_is_markup(tmp_path: Path) -> None:
    written(tmp_path)
    for section in sections(tmp_path).values():
        for block in section.blocks:
            assert not isinstance(block, Plot) or "<script" not in block.svg


def test_without_the_file_there_is_nothing_to_show_and_a_damaged_one_is_said(tmp_path: Path) -> None:
    assert quality_sections(RowsSeen(), tmp_path) == []
    report_file(tmp_path / "dataset.jsonl").write_bytes(orjson.dumps({"schema": "autoevol.quality/1"}))
    with pytest.raises(StoreError, match=r"quality\.json cannot be read"):
        quality_sections(RowsSeen(), tmp_path)


def test_where_nobody_was_asked_only_the_map_is_there(tmp_path: Path) -> None:
    report = written(tmp_path)
    plain = tuple(measure_stages(LINEAGES))
    bare = replace(report, stages=plain, judges=(), difficulty=None, predictors=())
    write_json(report_file(tmp_path / "dataset.jsonl"), bare.to_json())
    assert list(sections(tmp_path)) == ["map"]
