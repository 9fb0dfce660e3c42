"""The figures of each stage: by hand on a few seeds, in their ranges on any, a seed counted once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core.schema import build
from autoevol.dataset.figures import Figures, figures_of
from autoevol.dataset.lineages import EvolvedPair, SeedLineage, Stages
from autoevol.dataset.quality import Scores, StageQuality, measure_stages, render, scores_of
from autoevol.metrics.embeddings import Matrix

MORE = "Explain each step and keep the whole answer within two hundred words of plain text."
ROWS: list[Stages] = [
    ("Name a prime.", f"Name a prime. {MORE}", f"Name a prime. {MORE} Avoid the number seven."),
    ("Sort a list.", f"Sort a list. {MORE}"),
]


def of(rows: Sequence[Stages]) -> list[SeedLineage]:
    """A seed for each row, with one line."""
    return [SeedLineage(str(number), (EvolvedPair(None, row),)) for number, row in enumerate(rows)]


def test_the_figures_by_hand() -> None:
    seeds, first, second, final = measure_stages(of(ROWS))
    assert [seeds.stage, first.stage, second.stage, final.stage] == ["seeds", "round 1", "round 2", "final"]
    assert [seeds.rows, first.rows, second.rows, final.rows] == [2, 2, 1, 2]
    assert seeds.added is seeds.in_range is None
    assert seeds.words.mean == 3
    assert first.added is not None
    assert first.added.median == 15
    assert (first.in_range, second.in_range) == (1.0, 0.0)
    assert final.added is not None
    assert (final.added.low, final.added.high) == (15, 19)
    # "within", "each": the rounds demand more, and what they have in common is less diverse.
    assert seeds.constraints < first.constraints < final.constraints
    assert seeds.vendi == pytest.approx(2)
    assert 1 < first.vendi < 2
    assert (seeds.coverage, final.coverage) == (1.0, 1.0)
    assert seeds.distinct_1 > first.distinct_1


def test_one_round_has_no_final_stage_of_its_own() -> None:
    assert [stage.stage for stage in measure_stages(of([row[:2] for row in ROWS]))] == ["seeds", "round 1"]


texts = st.text("abc must each 12?. ", max_size=30)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(texts, min_size=2, max_size=4).map(tuple), min_size=1, max_size=6))
def test_ranges(rows: list[Stages]) -> None:
    stages = measure_stages(of(rows))
    assert stages[0].rows == len(rows)
    for stage in stages:
        assert 1 <= stage.rows <= len(rows)
        assert 1 - 1e-9 <= stage.vendi <= stage.rows + 1e-9
        shares = (stage.distinct_1, stage.distinct_2, stage.coverage, stage.evenness, stage.in_range or 0.0)
        assert all(0 <= share <= 1 for share in shares)
        assert min(stage.constraints, stage.operations, stage.words.low) >= 0
    assert [stage.rows for stage in measure_stages(of(rows[::-1]))] == [stage.rows for stage in stages]
    assert render(stages, len(rows))


def test_a_seed_counts_once_however_many_lines_come_of_it() -> None:
    """As `--keep all` writes it: a line for each round."""
    rows = [row[:size] for row in ROWS for size in range(2, len(row) + 1)]
    every = [
        SeedLineage(row[0], tuple(EvolvedPair(None, way) for way in rows if way[0] == row[0])) for row in ROWS
    ]
    assert sum(len(lineage.pairs) for lineage in every) == 3
    assert measure_stages(every) == measure_stages(of(ROWS))


def test_two_ways_from_one_seed_are_one_seed_and_two_ends() -> None:
    ways = (("Sort.", "Sort twice."), ("Sort.", "Sort quickly."), ("Sort.", "Sort twice.", "Sort thrice."))
    seeds, first, second, final = measure_stages(
        [SeedLineage("s", tuple(EvolvedPair(None, way) for way in ways))]
    )
    assert [stage.rows for stage in (seeds, first, second, final)] == [1, 2, 1, 2]


def test_a_seed_that_was_only_answered_is_in_no_stage() -> None:
    only = SeedLineage("s", (EvolvedPair(None, ("Name a colour.",)),))
    assert measure_stages([*of(ROWS), only]) == measure_stages(of(ROWS))


def test_judged_figures_by_hand() -> None:
    def judged(one: Figures) -> Figures:
        tags = ("sum", "list") if one.round else ("sum",)
        gain = 2.0 if one.pair and one.round == 2 else None
        return replace(one, complexity=[2.0, 4.0, 7.0][one.round], tags=tags, gain=gain)

    lineages = of(ROWS)
    figures = [judged(one) for lineage in lineages for one in figures_of(lineage)]
    seeds, first, second, final = measure_stages(lineages, figures=figures)
    assert (seeds.complexity, seeds.gain) == (Scores(2, 0, 2.0, 0.0), None)
    assert first.complexity == Scores(2, 0, 4.0, 0.0)
    assert second.complexity == Scores(1, 0, 7.0, 0.0)
    assert final.complexity is not None
    # 7 and 4: a standard deviation of 3 / sqrt 2, so a margin of 1.96 x 3 / 2.
    assert final.complexity.mean == 5.5
    assert final.complexity.margin == pytest.approx(2.94)
    assert (second.gain, final.gain) == (Scores(1, 0, 2.0, 0.0), Scores(1, 1, 2.0, 0.0))
    assert first.gain is None, "its one pair is the second row's, which nobody judged"
    assert seeds.tags is not None
    assert first.tags is not None
    assert (seeds.tags.complexity, seeds.tags.unique, first.tags.complexity) == (1, 1, 2)
    shown = render([seeds, first, second, final], 2)
    assert "5.50 ± 2.94" in shown
    assert "gain, not scored" in shown
    assert build(StageQuality, final.to_json()) == final


def test_scores_of_nothing_are_none() -> None:
    assert scores_of([]) is scores_of([None]) is None
    assert scores_of([None, 3]) == Scores(1, 1, 3, 0.0)


def test_diversity_is_measured_on_the_embedding_that_is_given() -> None:
    def all_alike(texts: Sequence[str]) -> Matrix:
        return np.ones((len(texts), 2))

    for stage, usual in zip(measure_stages(of(ROWS), all_alike), measure_stages(of(ROWS)), strict=True):
        assert stage.vendi == pytest.approx(1.0)
        assert (stage.words, stage.distinct_2) == (usual.words, usual.distinct_2)


def test_nothing_to_measure_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no rows"):
        measure_stages([])
