"""Labelling two models' answers side by side: which is better, blind, sides swapped at random."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoevol.core.errors import InputError
from autoevol.core.records import digest
from autoevol.core.schema import Document
from autoevol.core.seeds import derived_fraction, derived_random
from autoevol.core.text import printable
from autoevol.labelling.form import Labels, by_item, note_of, storable
from autoevol.metrics.intervals import wilson


@dataclass(frozen=True, slots=True)
class AnswerItem:
    """Two answers to one instruction.

    Attributes:
        id: Unique in its task.
        instruction: What both were asked.
        a: The answer of the first file.
        b: That of the second.
        skill: What the instruction asks for; "" if the files do not say.
        difficulty: 1..10 in WizardLM's test set; "" if the files do not say.
    """

    id: str
    instruction: str
    a: str
    b: str
    skill: str = ""
    difficulty: str = ""


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
    items: tuple[AnswerItem, ...]
    sample: int | None = None

    kind = "answers"
    file = "preferences.jsonl"

    @property
    def ids(self) -> tuple[str, ...]:
        """See `Form`."""
        return tuple(item.id for item in self.items)

    def shown(self, item: str, rater: str) -> dict[str, Any]:
        """See `Form`."""
        one = self._item(item)
        left, right = (one.b, one.a) if self.swapped(item, rater) else (one.a, one.b)
        return {
            "id": one.id,
            "instruction": printable(one.instruction),
            "left": printable(left),
            "right": printable(right),
        }

    def swapped(self, item: str, rater: str) -> bool:
        """Whether B stands at the left for this rater."""
        return derived_fraction(self.seed, "side", rater, item) < 0.5

    def checked(self, item: str, rater: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """See `Form`: `better` is left, right or tie, and is kept as a, b or tie."""
        side = said.get("better")
        if side not in ("left", "right", "tie"):
            raise InputError("say first which is better: left, right, or a tie")
        swapped = self.swapped(item, rater)
        winner = "tie" if side == "tie" else "b" if (side == "left") == swapped else "a"
        return {
            "winner": winner,
            "side": side,
            "a_was": "right" if swapped else "left",
            "note": note_of(said),
        }

    def records(self, labels: Labels) -> Iterator[dict[str, Any]]:
        """See `Form`."""
        for item in self.items:
            if raters := by_item(item.id, labels):
                yield {
                    "id": item.id,
                    "instruction": item.instruction,
                    "a": item.a,
                    "b": item.b,
                    "skill": item.skill,
                    "difficulty": item.difficulty,
                    "winner": _winner([label["winner"] for label in raters.values()]),
                    "raters": raters,
                }

    def answers(self, labels: Labels) -> dict[str, list[list[Hashable]]]:
        """See `Form`."""
        rated = [list(by_item(item.id, labels).values()) for item in self.items]
        return {"which is better": [[label["winner"] for label in said] for said in rated if len(said) > 1]}

    def standings(self, labels: Labels) -> list[AnswerStanding]:
        """Wins, ties and losses of A: over all, then by skill and by difficulty."""
        groups: dict[str, Counter[str]] = {"all": Counter()}
        for record in self.records(labels):
            names = ["all"]
            names += [f"skill {record['skill']}"] if record["skill"] else []
            names += [f"difficulty {record['difficulty']}"] if record["difficulty"] else []
            for name in names:
                groups.setdefault(name, Counter())[record["winner"]] += 1
        first, *others = groups
        return [
            AnswerStanding(name, groups[name]["a"], groups[name]["tie"], groups[name]["b"])
            for name in (first, *sorted(others))
        ]

    def _item(self, name: str) -> AnswerItem:
        return next(item for item in self.items if item.id == name)


@dataclass(frozen=True, slots=True)
class AnswerStanding:
    """How A does against B in one group; an item whose raters disagree is a tie."""

    group: str
    win: int
    tie: int
    lose: int

    def sentence(self) -> str:
        """One line, with a 95 % interval (Wilson) for how often A wins where there is a winner."""
        decided = self.win + self.lose
        low, high = wilson(self.win, decided)
        share = f"; A wins {self.win} of {decided} decided [{low:.2f}, {high:.2f}]" if decided else ""
        return f"{self.group}: A wins {self.win}, ties {self.tie}, loses {self.lose}{share}"


def _winner(said: Sequence[str]) -> str:
    """What more than half say, else a tie."""
    word, votes = Counter(said).most_common(1)[0]
    return word if 2 * votes > len(said) else "tie"


def read_answers(a: Path, b: Path, seed: int, sample: int | None) -> AnswerForm:
    """Pair the answers of two JSON Lines files by their instructions.

    Each line has `instruction` and `response`, and may have `skill` and `difficulty`; capitals do not count
    in the names. An instruction that only one file answers is left out.

    Raises:
        InputError: If a file cannot be read, a line has no instruction or response, or no instruction is
            in both.
    """
    ours, theirs = _read(a), _read(b)
    items = [
        AnswerItem(
            digest(text),
            *(storable(str(part)) for part in (text, line["response"], theirs[text]["response"])),
            *(storable(str(line.get(name, ""))) for name in ("skill", "difficulty")),
        )
        for text, line in ours.items()
        if text in theirs
    ]
    if not items:
        raise InputError(f"{a} and {b} have no instruction in common")
    if sample is not None and sample < len(items):
        items = derived_random(seed, "sample").sample(items, sample)
    return AnswerForm((str(a), str(b)), seed, tuple(items), sample)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from error
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            record = {str(name).lower(): value for name, value in data.items()}
        except (ValueError, AttributeError) as error:
            raise InputError(f"{path}, line {number}: not a JSON object") from error
        if not all(isinstance(record.get(name), str) for name in ("instruction", "response")):
            raise InputError(f"{path}, line {number}: `instruction` and `response` must be texts")
        found.setdefault(record["instruction"], record)
    return found
