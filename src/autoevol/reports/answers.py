"""The report of a comparison of answers: `answers.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoevol.answers.judged import JudgedPair, PositionBias
from autoevol.answers.length import LengthControl, control_length
from autoevol.answers.standing import HeadToHead, Winner, span, standings_by
from autoevol.core.schema import Document, Record
from autoevol.reports.rates import Ledger
from autoevol.reports.text import TableRows, cost_rows

FILE = "answers.json"
PAIRS = "judged.jsonl"


@dataclass(frozen=True, slots=True)
class Sides(Record):
    """Who was compared, and by whom.

    Attributes:
        a: Name of the first model.
        b: Name of the second.
        judge: The judge's model.
    """

    a: str
    b: str
    judge: str

    @property
    def own(self) -> Winner | None:
        """The side whose model is the judge itself, as far as the names tell."""
        same = [_bare(name) == _bare(self.judge) for name in (self.a, self.b)]
        return {(True, False): Winner.A, (False, True): Winner.B}.get((same[0], same[1]))


@dataclass(frozen=True)
class AnswersReport(Document, schema="autoevol.answers/1"):
    """How A stands against B.

    Attributes:
        run_id: Of its folder.
        sides: Who was compared.
        questions: In the file of questions.
        pairs: Questions that both have answered.
        total: All pairs; `unscored` holds those that the budget did not reach, too.
        by_skill: The same for each skill that the questions name.
        by_level: The same for each level of difficulty.
        length: The win rate at equal length; None where nothing is scored.
        position: What the order of the answers did.
        ledger: Costs by role, resumes included.
        versions: Of autoevol, DSPy and Python.
        seconds: Wall-clock time of this process.
    """

    run_id: str
    sides: Sides
    questions: int
    pairs: int
    total: HeadToHead
    by_skill: Mapping[str, HeadToHead]
    by_level: Mapping[str, HeadToHead]
    length: LengthControl | None
    position: PositionBias
    ledger: Ledger
    versions: Mapping[str, str]
    seconds: float

    @property
    def winner(self) -> Winner:
        """Who is shown to be better; a tie where the figures do not show it.

        The sign test over all verdicts has to say it, and the win rate at equal length has to agree. Where
        the order decides most verdicts, they say nothing of the answers.
        """
        leader = self.total.leader
        if self.length is None or self.position.decides or leader is Winner.TIE:
            return Winner.TIE
        rate = self.length.win_rate
        agrees = rate.low > 0.5 if leader is Winner.A else rate.high < 0.5
        return leader if agrees else Winner.TIE

    @property
    def conclusion(self) -> str:
        """The verdict in a sentence."""
        if self.winner is not Winner.TIE:
            name = self.sides.a if self.winner is Winner.A else self.sides.b
            return f"{self.winner.value} ({name}) is better"
        if self.position.decides:
            return "no winner: the order of the answers decided most verdicts; take another judge"
        if self.total.leader is not Winner.TIE:
            return f"no winner: {self.total.leader.value} wins more often, but not at equal length"
        return "no winner: neither is shown to be better"

    def warnings(self) -> list[str]:
        """What makes the verdict doubtful."""
        said = []
        if favoured := self.position.favoured:
            said.append(f"position bias: the judge favours the answer that it sees {favoured}")
        if own := self.sides.own:
            said.append(
                f"self-preference: the judge is {own.value}'s own model, and its choice may be for its like; "
                "judge again with another model"
            )
        if 2 * self.total.unscored > self.pairs:
            said.append("most questions are not scored")
        return said

    def table_rows(self) -> TableRows:
        """(label, value) rows, in the order in which they are printed."""
        control = self.length
        return [
            ("A", self.sides.a),
            ("B", self.sides.b),
            ("questions", f"{self.pairs} of {self.questions} answered by both"),
            ("verdicts", str(self.total)),
            *([("at equal length", _controlled(control))] if control else []),
            ("order", str(self.position)),
            *((f"skill {name}", str(one)) for name, one in self.by_skill.items()),
            *((f"level {name}", str(one)) for name, one in self.by_level.items()),
            ("judge", self.sides.judge),
            *cost_rows(self.ledger),
            *(("warning", text) for text in self.warnings()),
            ("verdict", self.conclusion),
        ]


@dataclass(frozen=True, slots=True)
class AnswerFigures(Record):
    """What follows from the judged pairs alone: fields of `AnswersReport`."""

    total: HeadToHead
    by_skill: Mapping[str, HeadToHead]
    by_level: Mapping[str, HeadToHead]
    length: LengthControl | None
    position: PositionBias

    @classmethod
    def of(cls, judged: Sequence[JudgedPair], unreached: int = 0) -> AnswerFigures:
        """The figures; `unreached` pairs were not judged."""
        questions = [one.question for one in judged]
        verdicts = {one.question.id: one.winner for one in judged}
        told = [(one, one.winner) for one in judged]
        scored = [(one.a_chars - one.b_chars, winner.points) for one, winner in told if winner is not None]
        return cls(
            total=HeadToHead.of([*verdicts.values(), *[None] * unreached]),
            by_skill=standings_by(questions, verdicts, lambda one: one.skill),
            by_level=standings_by(questions, verdicts, lambda one: one.level),
            length=control_length([points for _, points in scored], [gap for gap, _ in scored]),
            position=PositionBias.of(judged),
        )


def _controlled(control: LengthControl) -> str:
    if control.longer is None:
        return span(control.win_rate)
    return f"{span(control.win_rate)}; the longer answer wins {control.longer:.0%} of the verdicts"


def _bare(model: str) -> str:
    return model.rpartition("/")[2].lower()
