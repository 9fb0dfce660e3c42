"""Agreement beyond chance, and estimates from stratified samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.metrics.intervals import kappa
from autoevol.metrics.kappa import agreement_of, cohen_kappa, fleiss_kappa
from autoevol.metrics.weighted import WeightedCase, Worth, worth_of

ANSWERS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30)


@given(ANSWERS)
def test_cohen_is_that_of_yes_and_no(answers: list[tuple[bool, bool]]) -> None:
    counts = [answers.count(cell) for cell in ((True, True), (True, False), (False, True), (False, False))]
    assert cohen_kappa(answers) == pytest.approx(kappa(*counts))


# Fleiss (1971), the example of fourteen raters and ten subjects that is copied everywhere.
_FLEISS = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]  # fmt: skip


def test_fleiss_is_that_of_the_worked_example() -> None:
    answers = [[name for name, n in enumerate(counts) for _ in range(n)] for counts in _FLEISS]
    assert fleiss_kappa(answers) == pytest.approx(0.210, abs=5e-4)


def test_agreement_says_where_it_knows_nothing() -> None:
    assert math.isnan(agreement_of([]).kappa)
    assert agreement_of([(True, True)] * 5).interval is None
    found = agreement_of([(True, True), (False, False), (True, False), (False, False)] * 10)
    assert found.interval is not None
    assert found.interval[0] < found.kappa < found.interval[1]


def draw(
    generator: np.random.Generator, sizes: tuple[int, int], broken: tuple[float, float]
) -> list[WeightedCase]:
    """Sixty of a run: half of what passed (stratum 0), half of what was refused (stratum 1)."""
    return [
        WeightedCase(
            str(stratum), sizes[stratum] / 30, bool(generator.random() < broken[stratum]), bool(stratum)
        )
        for stratum in (0, 1)
        for _ in range(30)
    ]


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    sizes, broken = (900, 100), (0.05, 0.7)
    truth = 100 * 0.7 / (100 * 0.7 + 900 * 0.05)
    generator = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        recall = worth_of(draw(generator, sizes, broken)).recall
        held += recall.low <= truth <= recall.high
    assert held >= 180


def test_counts_that_are_not_weighted_would_tell_something_else() -> None:
    cases = [WeightedCase("passed", 30.0, n < 3, False) for n in range(30)]
    cases += [WeightedCase("failed", 2.0, n < 20, True) for n in range(30)]
    found = worth_of(cases)
    assert found.recall.value == pytest.approx(40 / (40 + 90))
    assert found.prevalence.value == pytest.approx(130 / 960)
    assert Worth.from_json(found.to_json()) == found


def test_a_stratum_without_errors_leaves_doubt_and_one_labelled_whole_does_not() -> None:
    def clean(weight: float) -> list[WeightedCase]:
        return [WeightedCase("passed", weight, False, False)] * 10 + [
            WeightedCase("failed", 1.0, True, True)
        ] * 10

    assert worth_of(clean(50.0)).recall.low < 0.9
    assert worth_of(clean(1.0)).recall.low == 1
    assert math.isnan(worth_of([WeightedCase("passed", 1.0, False, False)]).recall.value)
