"""Win, tie and lose: what verdicts on pairs of answers amount to, whoever gave them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from autoevol.answers.files import Question
from autoevol.core.schema import Record
from autoevol.metrics.paired import PointEstimate, bootstrap_mean, mcnemar_exact


class Winner(Enum):
    """Whose answer is the better one."""

    A = "A"
    B = "B"
    TIE = "tie"

    @property
    def points(self) -> float:
        """What A gets: 1 for a win, half for a tie."""
        return {Winner.A: 1.0, Winner.B: 0.0, Winner.TIE: 0.5}[self]


@dataclass(frozen=True, slots=True)
class HeadToHead(Record):
    """How A stands against B.

    Attributes:
        wins: Questions on which A is better.
        ties: Questions on which neither is.
        losses: Questions on which B is better.
        unscored: Questions without a verdict; they count nowhere else.
        win_rate: Mean points of A, 0..1, a tie being half, with the 95 % bootstrap interval over
            questions; None where nothing is scored.
        p_value: Two-sided exact sign test of wins against losses, (0, 1]; ties say nothing.
    """

    wins: int
    ties: int
    losses: int
    unscored: int
    win_rate: PointEstimate | None
    p_value: float

    @classmethod
    def of(cls, verdicts: Iterable[Winner | None]) -> HeadToHead:
        """Count verdicts; None is a question that is not scored."""
        every = list(verdicts)
        scored = [one for one in every if one is not None]
        wins, ties, losses = (scored.count(one) for one in (Winner.A, Winner.TIE, Winner.B))
        rate = bootstrap_mean([one.points for one in scored]) if scored else None
        return cls(wins, ties, losses, len(every) - len(scored), rate, mcnemar_exact(losses, wins))

    @property
    def scored(self) -> int:
        """Questions with a verdict."""
        return self.wins + self.ties + self.losses

    @property
    def leader(self) -> Winner:
        """Who is shown to be better, at 5 %; a tie where neither is."""
        if self.p_value >= 0.05:
            return Winner.TIE
        return Winner.A if self.wins > self.losses else Winner.B

    def __str__(self) -> str:
        """`A wins 12, ties 3, loses 5 of 20: 67.5% [47.5%, 85.0%], not shown to differ`."""
        counted = f"A wins {self.wins}, ties {self.ties}, loses {self.losses} of {self.scored}"
        lost = f", {self.unscored} not scored" if self.unscored else ""
        if self.win_rate is None:
            return f"{counted}{lost}"
        shown = "not shown to differ" if self.leader is Winner.TIE else f"{self.leader.value} wins more often"
        return f"{counted}{lost}: {span(self.win_rate)}, {shown}"


def span(rate: PointEstimate) -> str:
    """`67.5% [47.5%, 85.0%]`."""
    return f"{rate.value:.1%} [{rate.low:.1%}, {rate.high:.1%}]"


def standings_by(
    questions: Sequence[Question],
    verdicts: Mapping[str, Winner | None],
    group: Callable[[Question], str | int | None],
) -> dict[str, HeadToHead]:
    """A standing for each group, in the order of their names; numbers stand in the order of their size.

    Args:
        questions: Those that were judged.
        verdicts: By the id of the question.
        group: Of a question, such as its skill; None belongs to no group.
    """
    groups: dict[str | int, list[Winner | None]] = {}
    for question in questions:
        if (name := group(question)) is not None:
            groups.setdefault(name, []).append(verdicts[question.id])
    ordered = sorted(groups, key=lambda name: (isinstance(name, str), name))
    return {str(name): HeadToHead.of(groups[name]) for name in ordered}
