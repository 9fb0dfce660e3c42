"""Agreement of raters beyond chance, with intervals. Pure functions of their answers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from random import Random

from autoevol.metrics.intervals import Interval

_DRAWS = 1_000


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far raters agree on one question.

    Attributes:
        items: Items that at least two of them have answered.
        observed: Share of the pairs of answers to one item that are the same, 0..1.
        kappa: Cohen's for two raters, Fleiss's for more, -1..1; nan without items.
        interval: 95 %, by drawing the items again and again; None where that cannot tell, with
            fewer than two items or where every answer is the same.
    """

    items: int
    observed: float
    kappa: float
    interval: tuple[float, float] | None


def agreement_of(answers: Sequence[Sequence[Hashable]], seed: int = 0) -> Agreement:
    """Agreement on one question.

    Args:
        answers: By item, what the raters said, always in the same order; with other than two
            answers to some item, who said what does not count.
        seed: Of the bootstrap.
    """
    statistic = cohen_kappa if all(len(said) == 2 for said in answers) else fleiss_kappa
    value = statistic(answers)
    varies = len({answer for said in answers for answer in said}) > 1
    draws: list[float] = []
    if len(answers) > 1 and varies:
        generator = Random(seed)
        drawn = (statistic(generator.choices(answers, k=len(answers))) for _ in range(_DRAWS))
        draws = sorted(drawn)
    ends = (draws[round(0.025 * _DRAWS)], draws[round(0.975 * _DRAWS) - 1]) if draws else None
    same = [_same(said) for said in answers]
    return Agreement(len(answers), sum(same) / len(same) if same else math.nan, value, ends)


def cohen_kappa(answers: Sequence[Sequence[Hashable]]) -> float:
    """Cohen's kappa (1960) of two raters on any number of categories; 1 where all answers are one, nan
    without items.
    """
    if not answers:
        return math.nan
    first, second = (Counter(said[rater] for said in answers) for rater in (0, 1))
    expected = sum(first[name] * second[name] for name in first) / len(answers) ** 2
    return _beyond(sum(said[0] == said[1] for said in answers) / len(answers), expected)


def fleiss_kappa(answers: Sequence[Sequence[Hashable]]) -> float:
    """Fleiss's kappa (1971); items may have different numbers of answers, two at least."""
    if not answers:
        return math.nan
    total = Counter(answer for said in answers for answer in said)
    expected = sum((count / total.total()) ** 2 for count in total.values())
    return _beyond(sum(map(_same, answers)) / len(answers), expected)


def _same(said: Sequence[Hashable]) -> float:
    """Share of the pairs of answers that agree."""
    number = len(said)
    return sum(count * (count - 1) for count in Counter(said).values()) / (number * (number - 1))


def _beyond(observed: float, expected: float) -> float:
    return 1.0 if expected == 1.0 else (observed - expected) / (1 - expected)


def share_interval(interval: Interval | tuple[float, float] | None) -> str:
    """An interval as it is printed; "-" where there is none."""
    return "-" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"
