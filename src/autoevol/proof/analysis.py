"""From the measures of tuned students to a verdict: hierarchical bootstrap, Holm, recovered gap.

Every arm is tuned with the same random seeds and measured on the same items, so an arm and the seed arm
are compared cell by cell. The bootstrap resamples both seeds and items, so that one lucky seed or one odd
item does not make a difference significant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoevol.core.schema import Document
from autoevol.metrics.paired import PointEstimate
from autoevol.proof.student_t import critical_value, two_sided
from autoevol.reports.proof import PRIMARY, SEEDS, ArmComparison, ProofConclusion, ProofVerdict

MEASURES = {PRIMARY: False, "evolved_nll": False, "choice": True, "exact": True}
"""Every measure, and whether higher is better. NLL is in nats per supervised token."""
LEVEL = 0.05
BASE, FOUND, CONTROL = "base", "found", "shuffled"
REFERENCE = "reference"
_RESAMPLES = 2_000

Cells = NDArray[np.float64]
"""Gains over the seed arm, one row per random seed and one column per item."""


@dataclass(frozen=True)
class MeasuredStudent(Document, schema="autoevol.measured/1"):
    """One student after its training, on every item.

    Attributes:
        arm: Its data; `base` and `reference` are models without tuning.
        seed: Of the training; 0 without tuning.
        plan: Id of the plan under which it was tuned.
        values: measure -> item id -> value; NLL in nats per token, otherwise 0 or 1.
        tokens: Supervised tokens that it was tuned on.
        steps: Optimizer steps.
        rate: Learning rate.
    """

    arm: str
    seed: int
    plan: str
    values: Mapping[str, Mapping[str, float]]
    tokens: int = 0
    steps: int = 0
    rate: float = 0.0


def conclude(measured: Sequence[MeasuredStudent], seed: int = 0) -> ProofConclusion:
    """Compare every arm with the seed arm, on each measure.

    Args:
        measured: All students; arms may lack measures, but not seeds.
        seed: Of the bootstrap.

    Raises:
        ValueError: If the seed arm is missing, or there are fewer than 2 seeds or items.
    """
    arms = list(dict.fromkeys(one.arm for one in measured))
    if SEEDS not in arms:
        raise ValueError("the seed arm is missing, and all others are compared with it")
    means = {arm: _means([one for one in measured if one.arm == arm]) for arm in arms}
    compared: list[ArmComparison] = []
    for measure in MEASURES:
        rivals = [arm for arm in arms if arm not in (BASE, SEEDS, REFERENCE) and measure in means[arm]]
        if measure in means[SEEDS]:
            compared += _compared(measured, rivals, measure, seed, means)
        if measure == PRIMARY:
            compared += _control_against_its_data(measured, seed)
    control = [one for one in compared if one.arm == CONTROL and one.measure == PRIMARY]
    return ProofConclusion(tuple(compared), _why_void(control), means)


def paired_gain(cells: Cells, seed: int = 0) -> tuple[PointEstimate, float]:
    """Mean gain with its 95 % interval, and the two-sided p-value of no gain.

    The standard error is that of a bootstrap over seeds and items which draws one fewer of each than there
    are, so that its variance is unbiased (Rao and Wu 1988). With few seeds the variance itself is
    uncertain, so the quantile is Student's, with Satterthwaite's degrees of freedom.

    Args:
        cells: At least 2 x 2.
        seed: Of the generator.

    Raises:
        ValueError: If there are fewer than 2 seeds or 2 items.
    """
    seeds, items = cells.shape
    if seeds < 2 or items < 2:
        raise ValueError(f"need at least 2 seeds and 2 items, got {seeds} and {items}")
    mean = float(cells.mean())
    error = float(_draws(cells, seed).std())
    if error < 1e-12:
        return PointEstimate(mean, mean, mean), 1.0 if abs(mean) < 1e-12 else 0.0
    by_seed = float(cells.mean(axis=1).var(ddof=1)) / seeds
    by_item = float(cells.mean(axis=0).var(ddof=1)) / items
    freedom = _satterthwaite((by_seed, seeds - 1), (by_item, items - 1))
    reach = critical_value(1 - LEVEL, freedom) * error
    return PointEstimate(mean, mean - reach, mean + reach), two_sided(mean / error, freedom)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Holm 1979): adjusted p-values in the order given, at most 1."""
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def gains(measured: Sequence[MeasuredStudent], arm: str, measure: str, against: str = SEEDS) -> Cells:
    """Gains of one arm over another: sorted seeds x sorted items, as far as both have them."""
    first, second = _by_seed(measured, against, measure), _by_seed(measured, arm, measure)
    seeds = sorted(first.keys() & second.keys())
    shared = [first[seed].keys() & second[seed].keys() for seed in seeds]
    items = sorted(set.intersection(*map(set, shared))) if shared else []
    sign = 1.0 if MEASURES[measure] else -1.0
    rows = [[sign * (second[seed][item] - first[seed][item]) for item in items] for seed in seeds]
    return np.asarray(rows, float).reshape(len(seeds), len(items))


def recovered_gap(arm: float, base: float, reference: float, *, higher: bool) -> float | None:
    """(arm - base) / (reference - base); None if the reference is not better than the base."""
    gap = (reference - base) if higher else (base - reference)
    return ((arm - base) if higher else (base - arm)) / gap if gap > 0 else None


def _compared(
    measured: Sequence[MeasuredStudent],
    arms: Sequence[str],
    measure: str,
    seed: int,
    means: Mapping[str, Mapping[str, float]],
) -> list[ArmComparison]:
    cells = {arm: gains(measured, arm, measure) for arm in arms}
    tested = {arm: paired_gain(cells[arm], seed) for arm in arms if min(cells[arm].shape) >= 2}
    if measure == PRIMARY and (lacking := [arm for arm in arms if arm not in tested]):
        raise ValueError(f"{', '.join(lacking)}: fewer than 2 seeds or 2 items to compare on {measure}")
    # The control is not corrected along with the hypotheses: it guards all of them.
    rivals = [arm for arm in tested if arm != CONTROL]
    corrected = dict(zip(rivals, holm([tested[arm][1] for arm in rivals]), strict=True))
    made = []
    for arm, (gain, p_value) in tested.items():
        p_holm = corrected.get(arm, p_value)
        rows, columns = cells[arm].shape
        shown: dict[str, Any] = {"recovered": _recovered(arm, measure, means)}
        verdict = _verdict(gain.value, p_holm)
        made.append(ArmComparison(arm, measure, gain, p_value, p_holm, rows, columns, verdict, **shown))
    return made


def _recovered(arm: str, measure: str, means: Mapping[str, Mapping[str, float]]) -> float | None:
    known = [means.get(name, {}).get(measure) for name in (arm, BASE, REFERENCE)]
    if any(value is None for value in known):
        return None
    mine, base, reference = (float(value) for value in known if value is not None)
    return recovered_gap(mine, base, reference, higher=MEASURES[measure])


def _verdict(gain: float, p_value: float) -> ProofVerdict:
    if p_value >= LEVEL:
        return ProofVerdict.SAME
    return ProofVerdict.BETTER if gain > 0 else ProofVerdict.WORSE


def _control_against_its_data(measured: Sequence[MeasuredStudent], seed: int) -> list[ArmComparison]:
    """The control against the arm with the same responses: the texts are the same, the pairing is not."""
    cells = gains(measured, CONTROL, PRIMARY, FOUND)
    if not cells.size or min(cells.shape) < 2:
        return []
    gain, p_value = paired_gain(cells, seed)
    verdict, (rows, columns) = _verdict(gain.value, p_value), cells.shape
    return [ArmComparison(CONTROL, PRIMARY, gain, p_value, p_value, rows, columns, verdict, against=FOUND)]


def _why_void(control: Sequence[ArmComparison]) -> str:
    """Why the measure cannot be trusted: shuffled responses teach as much as matching ones. None if it can.

    The control has the style of the data, not of the seeds. If style alone helps, it beats the seeds, so it
    is enough that it loses to one of the two; Holm corrects the p-values for both comparisons.
    """
    if not control:
        return "there is no control: without shuffled responses nobody knows whether the measure sees data"
    corrected = holm([one.p_value for one in control])
    if any(p < LEVEL and one.gain.value < 0 for one, p in zip(control, corrected, strict=True)):
        return ""
    beside = ", ".join(
        f"{one.gain.value:+.4f} [{one.gain.low:+.4f}, {one.gain.high:+.4f}] against {one.against}"
        for one in control
    )
    return (
        f"the control with shuffled responses loses to nothing ({beside}): "
        "train on more tokens, or measure more items"
    )


def _draws(cells: Cells, seed: int) -> NDArray[np.float64]:
    seeds, items = cells.shape
    rng = np.random.default_rng(seed)
    by_seed = rng.multinomial(seeds - 1, [1 / seeds] * seeds, _RESAMPLES) / (seeds - 1)
    by_item = rng.multinomial(items - 1, [1 / items] * items, _RESAMPLES) / (items - 1)
    return ((by_seed @ cells) * by_item).sum(axis=1)


def _satterthwaite(*parts: tuple[float, int]) -> float:
    whole = sum(variance for variance, _ in parts)
    return whole**2 / sum(variance**2 / freedom for variance, freedom in parts)


def _by_seed(measured: Sequence[MeasuredStudent], arm: str, measure: str) -> dict[int, Mapping[str, float]]:
    return {one.seed: one.values[measure] for one in measured if one.arm == arm and measure in one.values}


def _means(students: Sequence[MeasuredStudent]) -> dict[str, float]:
    means = {}
    for measure in MEASURES:
        values = [value for one in students for value in one.values.get(measure, {}).values()]
        if values:
            means[measure] = float(np.mean(values))
    return means
