"""How well gains agree with the raters', and the samples of a judge with each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from autoevol.core.records import Verdict
from autoevol.metrics.harder import judged_gain, proxy_gain
from autoevol.metrics.intervals import spearman
from autoevol.metrics.labels import Labelled

Judged = Sequence[tuple[Labelled, Verdict]]


@dataclass(frozen=True, slots=True)
class GainFit:
    """How well a gain agrees with the raters' on usable pairs.

    Attributes:
        by: `judge`, or `proxy` where no judge said anything.
        pairs: Usable pairs with a gain by the raters and one to compare.
        correlation: Spearman's rank correlation, -1..1; nan if either side does not vary.
        error: Mean absolute difference, 0..3.
    """

    by: str
    pairs: int
    correlation: float
    error: float

    def sentence(self) -> str:
        """One sentence for a table."""
        fit = "undefined" if math.isnan(self.correlation) else f"{self.correlation:.2f}"
        return (
            f"gain by {self.by}: rank correlation {fit} with the raters', "
            f"mean difference {self.error:.2f} of 3, on {self.pairs} usable pairs"
        )

    def to_json(self) -> dict[str, object]:
        """A JSON object that `from_json` reads back."""
        return {**asdict(self), "correlation": None if math.isnan(self.correlation) else self.correlation}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> GainFit:
        """Read what `to_json` wrote; raises KeyError, TypeError or ValueError if it is not that."""
        correlation = math.nan if data["correlation"] is None else float(data["correlation"])
        return GainFit(str(data["by"]), int(data["pairs"]), correlation, float(data["error"]))


def gain_fit(judged: Judged) -> GainFit | None:
    """Gains against the raters', on usable pairs only: what is not usable has no gain to be told."""
    known = [(p, v, p.gain) for p, v in judged if p.usable and p.gain is not None]
    said = [(gain, told) for _, v, gain in known if (told := judged_gain(v)) is not None]
    by = "judge"
    if not said:
        by, said = "proxy", [(gain, proxy_gain(p.trajectory)) for p, _, gain in known]
    if not said:
        return None
    labels, told = zip(*said, strict=True)
    error = sum(abs(a - b) for a, b in said) / len(said)
    return GainFit(by, len(said), spearman(labels, told), error)


def unanimous(judged: Judged) -> float | None:
    """Share of the pairs on which all samples of a judge gave one severity; None without samples."""
    sampled = [v.assessment.votes for _, v in judged if v.assessment and v.assessment.votes]
    return sum(len(set(votes)) == 1 for votes in sampled) / len(sampled) if sampled else None
