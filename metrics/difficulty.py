"""How hard a pair is for a small model: the likelihood of its texts, with and without the instruction.

Pure arithmetic of mean negative log-likelihoods per token (NLL, in nats). IFD is that of Li et al.
(arXiv:2308.12032): L(A|Q) / L(A), the share of the response's surprise that the instruction leaves.
Superfiltering (arXiv:2402.00530) has the same ratio of perplexities, which orders pairs of one length alike.
IC-IFD (arXiv:2412.11231), L(A|Q) / (L(Q) L(A)), also asks that the instruction itself surprises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autoevol.core.schema import Record
from autoevol.metrics.intervals import spearman


@dataclass(frozen=True, slots=True)
class Difficulty(Record):
    """The figures of one pair from a local model.

    Attributes:
        model: Whose likelihoods these are.
        nll: Mean NLL of a token of the response after the instruction, >= 0.
        nll_alone: The same after an empty instruction, >= 0.
        nll_instruction: Mean NLL of a token of the instruction, >= 0.
        tokens: Tokens of the response that were read, >= 1.
        cut: Whether the response has more of them.
    """

    model: str
    nll: float
    nll_alone: float
    nll_instruction: float
    tokens: int
    cut: bool = False

    @property
    def ifd(self) -> float | None:
        """Above 0; above 1 where the instruction makes the response less likely. None if 0 / 0."""
        return self.nll / self.nll_alone if self.nll_alone > 0 else None

    @property
    def ic_ifd(self) -> float | None:
        """IFD by the NLL of the instruction; None where that is 0."""
        return None if self.ifd is None or self.nll_instruction <= 0 else self.ifd / self.nll_instruction


@dataclass(frozen=True, slots=True)
class DifficultyTable(Record):
    """A summary of many pairs.

    Attributes:
        pairs: Pairs with figures.
        unscored: Pairs without: no response, or one that the model could not be given.
        cut: Pairs of which the response was read in part.
        ifd: Median IFD, and its quartiles.
        ic_ifd: The same of IC-IFD.
        nll: The same of the NLL of the response after the instruction.
        nll_alone: The same without it.
        above_1: Share of pairs with an IFD above 1, 0..1: the instruction is of no help.
        with_length: Spearman's correlation of IFD with the tokens read, -1..1; None where one does not vary.
        ic_with_length: The same of IC-IFD.
    """

    pairs: int
    unscored: int
    cut: int
    ifd: tuple[float, float, float]
    ic_ifd: tuple[float, float, float]
    nll: tuple[float, float, float]
    nll_alone: tuple[float, float, float]
    above_1: float
    with_length: float | None
    ic_with_length: float | None


def difficulty_table(found: Sequence[Difficulty | None]) -> DifficultyTable | None:
    """The figures of many pairs; None stands for one that has none. None if none has any."""
    known = [one for one in found if one is not None and one.ifd is not None]
    if not known:
        return None
    ratios = [(one.ifd or 0.0, one.ic_ifd, one.tokens) for one in known]
    with_ic = [(ic, tokens) for _, ic, tokens in ratios if ic is not None]
    return DifficultyTable(
        pairs=len(known),
        unscored=len(found) - len(known),
        cut=sum(one.cut for one in known),
        ifd=quartiles([ifd for ifd, _, _ in ratios]),
        ic_ifd=quartiles([ic for ic, _ in with_ic]),
        nll=quartiles([one.nll for one in known]),
        nll_alone=quartiles([one.nll_alone for one in known]),
        above_1=sum(ifd > 1 for ifd, _, _ in ratios) / len(known),
        with_length=_correlation([(ifd, tokens) for ifd, _, tokens in ratios]),
        ic_with_length=_correlation(with_ic),
    )


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median and third quartile by linear interpolation; zeros for none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0, 0.0, 0.0
    first, median, third = (_at(ordered, share * (len(ordered) - 1)) for share in (0.25, 0.5, 0.75))
    return first, median, third


def _at(ordered: Sequence[float], place: float) -> float:
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _correlation(pairs: Sequence[tuple[float, int]]) -> float | None:
    rho = spearman([value for value, _ in pairs], [float(length) for _, length in pairs])
    return None if math.isnan(rho) else rho
