"""What a judge said of pairs of answers, asked in both orders, and what the order did to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoevol.answers.files import AnswerPair, Question
from autoevol.answers.standing import Winner
from autoevol.core.schema import Document, Record
from autoevol.metrics.paired import mcnemar_exact


@dataclass(frozen=True, slots=True)
class Vote(Record):
    """The verdict on one order.

    Attributes:
        winner: None where the call failed or the reply cannot be read: not scored.
        reason: Of the judge; with no winner, what went wrong.
    """

    winner: Winner | None
    reason: str = ""


@dataclass(frozen=True)
class JudgedPair(Document, schema="autoevol.judged-answers/1"):
    """One question, and the votes in both orders: a line of `judged.jsonl`.

    Attributes:
        question: What was asked.
        a_chars: Length of A's answer in characters.
        b_chars: Length of B's answer.
        a_first: The vote where A was shown first.
        b_first: The vote where B was.
    """

    question: Question
    a_chars: int
    b_chars: int
    a_first: Vote
    b_first: Vote

    @classmethod
    def of(cls, pair: AnswerPair, a_first: Vote, b_first: Vote) -> JudgedPair:
        """The votes on a pair."""
        return cls(pair.question, len(pair.a), len(pair.b), a_first, b_first)

    @property
    def scored(self) -> bool:
        """Whether there is a vote in both orders."""
        return self.a_first.winner is not None and self.b_first.winner is not None

    @property
    def winner(self) -> Winner | None:
        """Who wins in both orders; a tie where the orders disagree; None where it is not scored."""
        if not self.scored:
            return None
        return self.a_first.winner if self.a_first.winner is self.b_first.winner else Winner.TIE


@dataclass(frozen=True, slots=True)
class PositionBias(Record):
    """What the order did.

    Attributes:
        scored: Questions with a vote in both orders.
        dependent: Those on which the votes differ.
        first: Those on which the answer shown first won both times, whoever gave it.
        second: Those on which the answer shown second did.
        p_value: Two-sided exact sign test of `first` against `second`, (0, 1].
    """

    scored: int
    dependent: int
    first: int
    second: int
    p_value: float

    @classmethod
    def of(cls, judged: Sequence[JudgedPair]) -> PositionBias:
        """Count how often the order decided."""
        votes = [(one.a_first.winner, one.b_first.winner) for one in judged if one.scored]
        first, second = votes.count((Winner.A, Winner.B)), votes.count((Winner.B, Winner.A))
        dependent = sum(a is not b for a, b in votes)
        return cls(len(votes), dependent, first, second, mcnemar_exact(first, second))

    @property
    def favoured(self) -> str | None:
        """`first` or `second` where the judge is shown to favour one, at 5 %."""
        if self.p_value >= 0.05:
            return None
        return "first" if self.first > self.second else "second"

    @property
    def decides(self) -> bool:
        """Whether the order decided on half of the questions or more."""
        return self.scored > 0 and 2 * self.dependent >= self.scored

    def __str__(self) -> str:
        """`verdict depends on the order for 12 of 20 questions (first wins 11, second 1)`."""
        sides = f"the first wins both times on {self.first}, the second on {self.second}"
        return f"the verdict depends on the order for {self.dependent} of {self.scored} questions ({sides})"
