"""What a detector is worth on the whole from which a stratified sample was labelled.

Half of such a sample is what the run's detector refused, however rare that is in the run, so plain
counts say nothing of the run. Here every pair counts as many times as it stands for (Horvitz and
Thompson 1952). Intervals are Bayesian: in every stratum the shares of right and wrong have a Jeffreys
prior, so that a stratum without a single error still leaves doubt, which a bootstrap would not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

_DRAWS = 4_000
_Ratio = Callable[[Any], tuple[Any, Any]]
"""Part and whole out of the cells by label and decision, the last two axes."""


class WeightedCase(NamedTuple):
    """One labelled pair: its stratum, how many pairs it stands for, the label, and the decision."""

    stratum: str
    weight: float
    label: bool
    decided: bool


@dataclass(frozen=True, slots=True)
class ShareEstimate:
    """A share of the whole, 0..1, and its 95 % interval; nan where it is not defined."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "-"
        return f"{self.value:.0%} [{self.low:.0%}, {self.high:.0%}]".replace("%", " %")


@dataclass(frozen=True, slots=True)
class Worth:
    """Estimates for all pairs of the run; positive is what the question names.

    Attributes:
        pairs: Pairs that were labelled.
        whole: Pairs that they stand for.
        prevalence: Share of the pairs that are positive.
        recall: Share of the positives that the detector finds.
        precision: Share of what it finds that is positive.
        false_alarms: Share of the negatives that it flags.
    """

    pairs: int
    whole: float
    prevalence: ShareEstimate
    recall: ShareEstimate
    precision: ShareEstimate
    false_alarms: ShareEstimate

    def to_json(self) -> dict[str, object]:
        """As JSON; what is not defined is null."""
        return {
            name: {key: None if math.isnan(number) else number for key, number in value.items()}
            if isinstance(value, dict)
            else value
            for name, value in asdict(self).items()
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Worth:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError."""
        told = (data[name] for name in ("prevalence", "recall", "precision", "false_alarms"))
        ends = ("value", "low", "high")
        estimates = [
            ShareEstimate(*(math.nan if one[end] is None else float(one[end]) for end in ends))
            for one in told
        ]
        return Worth(int(data["pairs"]), float(data["whole"]), *estimates)


def worth_of(cases: Sequence[WeightedCase], seed: int = 0) -> Worth:
    """What the decisions are worth on the whole.

    Args:
        cases: All labelled pairs. Within a stratum they are a simple random sample, of one weight.
        seed: Of the draws.
    """
    generator = np.random.default_rng(seed)
    shape = (_DRAWS, 2, 2)  # label, decided
    drawn, point = np.zeros(shape), np.zeros(shape[1:])
    for stratum in sorted({case.stratum for case in cases}):
        members = [case for case in cases if case.stratum == stratum]
        size = sum(case.weight for case in members)
        counts = np.zeros(shape[1:])
        for case in members:
            counts[int(case.label), int(case.decided)] += 1
        point += size * counts / len(members)
        # A decision that no pair of the stratum has is impossible there: strata are made of decisions.
        prior = np.where(counts.sum(axis=0) > 0, 0.5, 0.0)
        cells = (counts + prior).ravel()
        possible = cells > 0
        shares = np.zeros((_DRAWS, 4))
        shares[:, possible] = generator.dirichlet(cells[possible], _DRAWS)
        # What was labelled is known; only the rest of the stratum is drawn.
        rest = max(size - len(members), 0.0)
        drawn += counts + rest * shares.reshape(shape)
    return Worth(
        len(cases),
        sum(case.weight for case in cases),
        _estimate(point, drawn, lambda cell: (cell[..., 1, :].sum(-1), cell.sum((-1, -2)))),
        _estimate(point, drawn, lambda cell: (cell[..., 1, 1], cell[..., 1, :].sum(-1))),
        _estimate(point, drawn, lambda cell: (cell[..., 1, 1], cell[..., :, 1].sum(-1))),
        _estimate(point, drawn, lambda cell: (cell[..., 0, 1], cell[..., 0, :].sum(-1))),
    )


def _estimate(point: Any, drawn: Any, ratio: _Ratio) -> ShareEstimate:  # noqa: ANN401 (arrays)
    part, whole = ratio(point)
    if not whole:
        return ShareEstimate(math.nan, math.nan, math.nan)
    parts, wholes = ratio(drawn)
    low, high = np.quantile(parts / wholes, (0.025, 0.975))
    value = float(part / whole)
    # A ratio at its end lies outside of an equal-tailed interval.
    return ShareEstimate(value, min(float(low), value), max(float(high), value))
