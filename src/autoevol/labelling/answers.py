"""Labelling two models' answers side by side: which is better, blind, sides swapped at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autoevol.answers.files import AnswerPair, pair_up, read_answers, read_questions
from autoevol.answers.standing import HeadToHead, Winner, standings_by
from autoevol.core.errors import InputError
from autoevol.core.schema import Document
from autoevol.core.seeds import derived_fraction, derived_random
from autoevol.core.text import printable, storable
from autoevol.labelling.form import Labels, by_item, note_of


@dataclass(frozen=True)
class AnswerForm(Document, schema="autoevol.label-answers/1"):
    """Pairs of answers to be compared; see `Form`.

    Attributes:
        source: The two files, A first.
        seed: See `Form`.
        items: In the order of file A.
        sample: How many were asked for; None for all.
    """

    source: tuple[str, str]
    seed: int
    items: tuple[AnswerPair, ...]
    sample: int | None = None

    kind = "answers"
    file = "preferences.jsonl"

    @property
    def ids(self) -> tuple[str, ...]:
        """See `Form`."""
        return tuple(item.question.id for item in self.items)

    def shown(self, item: str, rater: str) -> dict[str, Any]:
        """See `Form`."""
        one = next(pair for pair in self.items if pair.question.id == item)
        left, right = (one.b, one.a) if self.swapped(item, rater) else (one.a, one.b)
        return {
            "id": item,
            "instruction": printable(one.question.text),
            "left": printable(left),
            "right": printable(right),
        }

    def swapped(self, item: str, rater: str) -> bool:
        """Whether B stands at the left for this rater."""
        return derived_fraction(self.seed, "side", rater, item) < 0.5

    def checked(self, item: str, rater: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """See `Form`: `better` is left, right or tie, and is kept as the `winner` A, B or tie."""
        side = said.get("better")
        if side not in ("left", "right", "tie"):
            raise InputError("say first which is better: left, right, or a tie")
        swapped = self.swapped(item, rater)
        winner = Winner.TIE if side == "tie" else Winner.B if (side == "left") == swapped else Winner.A
        a_was = "right" if swapped else "left"
        return {"winner": winner.value, "side": side, "a_was": a_was, "note": note_of(said)}

    def records(self, labels: Labels) -> Iterator[dict[str, Any]]:
        """See `Form`."""
        for item in self.items:
            if raters := by_item(item.question.id, labels):
                winner = _winner([label["winner"] for label in raters.values()])
                yield {**item.to_json(), "winner": winner.value, "raters": raters}

    def answers(self, labels: Labels) -> dict[str, list[list[Hashable]]]:
        """See `Form`."""
        rated = [list(by_item(name, labels).values()) for name in self.ids]
        return {"which is better": [[label["winner"] for label in said] for said in rated if len(said) > 1]}

    def standings(self, labels: Labels) -> dict[str, HeadToHead]:
        """How A stands against B: over all, by skill and by difficulty."""
        verdicts = {record["question"]["id"]: Winner(record["winner"]) for record in self.records(labels)}
        questions = [item.question for item in self.items if item.question.id in verdicts]
        parts = {
            "skill": standings_by(questions, verdicts, lambda question: question.skill),
            "difficulty": standings_by(questions, verdicts, lambda question: question.level),
        }
        named = {f"{part} {name}": one for part, groups in parts.items() for name, one in groups.items()}
        return {"all": HeadToHead.of(verdicts.values()), **named}


def _winner(said: Sequence[str]) -> Winner:
    """What more than half say, else a tie."""
    word, votes = Counter(said).most_common(1)[0]
    return Winner(word) if 2 * votes > len(said) else Winner.TIE


def read_pairs(a: Path, b: Path, seed: int, sample: int | None) -> AnswerForm:
    """Pair two models' answers; the questions are those of the first file, skill and difficulty too.

    Args:
        a: Questions with the answers of A, in a format of `answers.files`.
        b: The answers of B, by id or by the question's text.
        seed: Decides the sample, the order and the sides.
        sample: At most so many; None takes all.

    Raises:
        InputError: If a file cannot be used, or no question is answered in both.
    """
    questions = read_questions(a)
    pairs = pair_up(questions, read_answers(a, questions), read_answers(b, questions))
    if sample is not None and sample < len(pairs):
        pairs = derived_random(seed, "sample").sample(pairs, sample)
    return AnswerForm((str(a), str(b)), seed, tuple(map(_storable, pairs)), sample)


def _storable(pair: AnswerPair) -> AnswerPair:
    question = replace(pair.question, text=storable(pair.question.text))
    return AnswerPair(question, storable(pair.a), storable(pair.b))
