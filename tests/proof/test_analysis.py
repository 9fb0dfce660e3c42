"""The verdict of a proof: hand-computed cases, and simulations of what it may get wrong."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from autoevol.proof.analysis import (
    BASE,
    CONTROL,
    REFERENCE,
    MeasuredStudent,
    conclude,
    gains,
    holm,
    paired_gain,
    recovered_gap,
)
from autoevol.proof.student_t import critical_value, two_sided
from autoevol.reports.proof import PRIMARY, SEEDS, ProofVerdict


def students(arm: str, cells: list[list[float]], measure: str = PRIMARY) -> list[MeasuredStudent]:
    """One student per row of `cells`, measured on items a, b, ..."""
    return [
        MeasuredStudent(
            arm, seed, "p", {measure: {chr(97 + place): value for place, value in enumerate(row)}}
        )
        for seed, row in enumerate(cells)
    ]


SEED_ARM = students(SEEDS, [[2.0, 3.0, 4.0], [2.2, 3.2, 4.2]])
LOSING = students(CONTROL, [[3.0, 4.01, 5.0], [3.21, 4.2, 5.2]])


@pytest.mark.parametrize(
    ("freedom", "t"), [(1, 12.7062), (2, 4.3027), (4, 2.7764), (10, 2.2281), (30, 2.0423), (1e6, 1.9606)]
)
def test_quantiles_are_those_of_the_printed_tables(freedom: float, t: float) -> None:
    assert critical_value(0.95, freedom) == pytest.approx(t, abs=6e-4)
    assert two_sided(t, freedom) == pytest.approx(0.05, abs=1e-4)


def test_holm_by_hand() -> None:
    # Sorted .01 .03 .04: 3 x .01, 2 x .03, then at least what came before.
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_gains_point_upwards_whichever_way_the_measure_points() -> None:
    lower = students("found", [[1.0, 3.0, 4.0], [2.2, 3.2, 3.2]])
    assert gains([*SEED_ARM, *lower], "found", PRIMARY).tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    right = [*students(SEEDS, [[0.0, 1.0]], "choice"), *students("found", [[1.0, 1.0]], "choice")]
    assert gains(right, "found", "choice").tolist() == [[1.0, 0.0]]


def test_only_seeds_and_items_that_both_arms_have_are_compared() -> None:
    fewer = students("found", [[1.0, 2.0]])
    assert gains([*SEED_ARM, *fewer], "found", PRIMARY).tolist() == [[1.0, 1.0]]


def test_interval_of_a_case_that_can_be_computed_by_hand() -> None:
    # Gains differ by item only: 0, 1, 2. The standard error of their mean is sqrt(1/3), and as there
    # is nothing between seeds, Student's t has 2 degrees of freedom.
    gain, p = paired_gain(np.array([[0.0, 1.0, 2.0]] * 4))
    assert gain.value == 1.0
    error = math.sqrt(1 / 3)
    assert (gain.high - gain.low) / 2 == pytest.approx(4.3027 * error, rel=0.03)
    assert p == pytest.approx(two_sided(1 / error, 2), rel=0.1)


def test_no_spread_at_all() -> None:
    assert paired_gain(np.zeros((5, 9))) == ((0.0, 0.0, 0.0), 1.0)
    assert paired_gain(np.full((5, 9), 0.5)) == ((0.5, 0.5, 0.5), 0.0)


@pytest.mark.parametrize("shape", [(1, 9), (9, 1)])
def test_one_seed_or_one_item_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least 2 seeds and 2 items"):
        paired_gain(np.zeros(shape))


def test_recovered_gap_by_hand() -> None:
    assert recovered_gap(2.5, 3.0, 2.0, higher=False) == 0.5
    assert recovered_gap(0.7, 0.5, 0.9, higher=True) == pytest.approx(0.5)
    assert recovered_gap(2.5, 3.0, 3.1, higher=False) is None


def test_a_proof_with_a_reference_tells_the_gap() -> None:
    base, best = students(BASE, [[4.0, 4.0, 4.0]]), students(REFERENCE, [[2.0, 2.0, 2.0]])
    found = students("found", [[3.0, 3.01, 3.0], [3.0, 2.99, 3.0]])
    done = conclude([*SEED_ARM, *LOSING, *base, *best, *found])
    (compared,) = [one for one in done.comparisons if one.arm == "found"]
    assert compared.recovered == pytest.approx(0.5)
    assert done.means[BASE][PRIMARY] == 4.0


def test_verdicts() -> None:
    better = students("found", [[1.5, 2.49, 3.5], [1.7, 2.7, 3.69]])
    worse = students("ops", [[2.5, 3.49, 4.5], [2.7, 3.7, 4.69]])
    same = students("initial", [[1.0, 3.0, 5.0], [2.7, 3.2, 3.7]])
    done = conclude([*SEED_ARM, *LOSING, *better, *worse, *same])
    assert done.verdict("found") is ProofVerdict.BETTER
    assert done.verdict("ops") is ProofVerdict.WORSE
    assert done.verdict("initial") is ProofVerdict.SAME
    assert done.verdict(CONTROL) is ProofVerdict.WORSE


def test_a_proof_without_a_control_or_with_one_that_does_not_lose_is_void() -> None:
    found = students("found", [[1.0, 2.0, 3.0], [1.2, 2.2, 3.2]])
    unguarded = conclude([*SEED_ARM, *found])
    assert "no control" in unguarded.void
    winning = students(CONTROL, [[1.0, 2.0, 3.0], [1.2, 2.2, 3.2]])
    void = conclude([*SEED_ARM, *found, *winning])
    assert "loses to nothing" in void.void
    assert void.verdict("found") is ProofVerdict.VOID


def test_a_control_that_shares_a_helpful_style_must_still_lose_to_its_own_data() -> None:
    found = students("found", [[1.0, 2.0, 3.0], [1.2, 2.2, 3.2]])
    stylish = students(CONTROL, [[1.5, 2.51, 3.5], [1.7, 2.7, 3.71]])
    done = conclude([*SEED_ARM, *found, *stylish])
    assert not done.void
    assert done.verdict("found") is ProofVerdict.BETTER
    told = {one.against: one.verdict for one in done.comparisons if one.arm == CONTROL}
    assert told == {SEEDS: ProofVerdict.BETTER, "found": ProofVerdict.WORSE}


def test_data_that_is_shuffled_itself_loses_to_the_seeds_and_equals_its_control() -> None:
    broken = students("found", [[3.01, 4.0, 5.01], [3.2, 4.21, 5.2]])
    done = conclude([*SEED_ARM, *broken, *LOSING])
    assert not done.void
    assert done.verdict("found") is ProofVerdict.WORSE
    (beside,) = [one for one in done.comparisons if one.against == "found"]
    assert beside.verdict is ProofVerdict.SAME


def test_without_the_seed_arm_there_is_nothing_to_compare_with() -> None:
    with pytest.raises(ValueError, match="seed arm is missing"):
        conclude(LOSING)


def test_what_is_written_is_read_again() -> None:
    one = SEED_ARM[0]
    assert MeasuredStudent.from_json(one.to_json()) == one


def simulated(
    rng: np.random.Generator, effect: float, by_seed: float, by_item: float
) -> list[MeasuredStudent]:
    """Five seeds x 24 items: noise of seeds, of items and of single cells, and a control that loses."""

    def cells(shift: float) -> list[list[float]]:
        noise = (
            rng.normal(0, by_seed, (5, 1)) + rng.normal(0, by_item, (1, 24)) + rng.normal(0, 0.02, (5, 24))
        )
        return (2.5 + shift + noise).tolist()

    return [
        *students(SEEDS, cells(0.0)),
        *students("found", cells(-effect)),
        *students("ops", cells(0.0)),
        *students(CONTROL, cells(1.0)),
    ]


def of_style_alone(rng: np.random.Generator) -> list[MeasuredStudent]:
    """Data whose style helps and whose content does not: data and control gain the same over the seeds."""
    made = simulated(rng, 0.3, 0.02, 0.05)
    twins = [replace(one, arm=CONTROL) for one in simulated(rng, 0.3, 0.02, 0.05) if one.arm == "found"]
    return [one for one in made if one.arm != CONTROL] + twins


@pytest.mark.slow
@pytest.mark.parametrize(("by_seed", "by_item"), [(0.05, 0.0), (0.0, 0.05), (0.03, 0.03)])
def test_without_an_effect_at_most_5_percent_are_called_better(by_seed: float, by_item: float) -> None:
    rng = np.random.default_rng(16)
    runs = [conclude(simulated(rng, 0.0, by_seed, by_item)) for _ in range(120)]
    called = [ProofVerdict.BETTER in (run.verdict("found"), run.verdict("ops")) for run in runs]
    assert sum(called) <= 6
    assert not any(run.void for run in runs)


def test_an_arm_that_equals_its_seeds_shows_no_difference_in_18_of_20_runs() -> None:
    rng = np.random.default_rng(7)
    runs = [conclude(simulated(rng, 0.0, 0.02, 0.05)) for _ in range(20)]
    assert sum(run.verdict("found") is ProofVerdict.SAME for run in runs) >= 18


def test_an_effect_that_is_there_is_found() -> None:
    rng = np.random.default_rng(3)
    runs = [conclude(simulated(rng, 0.1, 0.02, 0.05)) for _ in range(20)]
    assert sum(run.verdict("found") is ProofVerdict.BETTER for run in runs) >= 18


def test_what_style_alone_gains_is_not_called_better() -> None:
    rng = np.random.default_rng(11)
    runs = [conclude(of_style_alone(rng)) for _ in range(40)]
    assert sum(run.verdict("found") is ProofVerdict.BETTER for run in runs) <= 2
