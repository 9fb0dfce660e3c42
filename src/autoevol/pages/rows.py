"""One pass over the finished rows of a run: everything is counted, and a sample of rows is kept."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from autoevol.core.wording import plain
from autoevol.dataset.lengths import estimated_tokens
from autoevol.evolution.lineage import End, Fate, Lineage, Round
from autoevol.pages.diff import word_diff

SHOWN = 1_000
"""Rows of each end that the browser shows."""
LONGEST = 6_000
"""Characters of one text that a page shows."""
BUDGET = 8_000_000
"""Characters of all rows that a page shows."""
_GATED = 200


class GatedText(NamedTuple):
    """A text that a gate refused; of a seed the round is 0."""

    text: str
    round: int
    reason: str


@dataclass
class RowsSeen:
    """What the rows of a run are, counted over all of them.

    Attributes:
        rows: Finished rows.
        ends: Rows by where they ended.
        evolved: Rows with a rewritten instruction in some round.
        answered: Rows with a response to it.
        kinds: Rounds that failed by round and worst kind; a round that never came to a verdict by its fate.
        fates: Rounds by round and how they ended.
        gated: Texts that a gate refused, the first few.
        tokens: Texts by the class of their length in tokens, for seeds, final instructions and responses.
        words: The same by words.
        samples: A random sample of rows by end.
        seeds: Seed instructions by id, of the ids that were asked for.
    """

    rows: int = 0
    ends: Counter[End] = field(default_factory=Counter)
    evolved: int = 0
    answered: int = 0
    kinds: Counter[tuple[int, str]] = field(default_factory=Counter)
    fates: Counter[tuple[int, Fate]] = field(default_factory=Counter)
    gated: list[GatedText] = field(default_factory=list)
    tokens: dict[str, Counter[int]] = field(default_factory=dict)
    words: dict[str, Counter[int]] = field(default_factory=dict)
    samples: dict[End, list[Lineage]] = field(default_factory=dict)
    seeds: dict[str, str] = field(default_factory=dict)

    @property
    def sampled(self) -> list[Lineage]:
        """The sampled rows of every end."""
        return [lineage for part in self.samples.values() for lineage in part]

    def count(self, lineage: Lineage, wanted: Collection[str], dice: random.Random) -> None:
        """Count one row, and keep it with the chance that every row of its end has."""
        end = lineage.end
        self.rows += 1
        self.ends[end] += 1
        self.evolved += any(step.evolved for step in lineage.rounds)
        self.answered += any(step.evolved and step.response for step in lineage.rounds)
        for step in lineage.rounds:
            self._count_round(lineage, step)
        if lineage.rounds:
            self._measure(lineage)
        if lineage.row.id in wanted:
            self.seeds[lineage.row.id] = lineage.row.instruction
        kept, seen = self.samples.setdefault(end, []), self.ends[end]
        if len(kept) < SHOWN:
            kept.append(lineage)
        elif (place := dice.randrange(seen)) < SHOWN:
            kept[place] = lineage

    def _count_round(self, lineage: Lineage, step: Round) -> None:
        self.fates[step.round, step.fate] += 1
        if step.fate is Fate.PASSED:
            return
        self.kinds[step.round, step.kinds[0].value if step.kinds else step.fate.value] += 1
        if step.fate is Fate.GATED and len(self.gated) < _GATED:
            self.gated.append(GatedText(step.evolved or lineage.row.instruction, step.round, step.reason))

    def _measure(self, lineage: Lineage) -> None:
        last = lineage.decisive
        for name, text in (
            ("seed", lineage.row.instruction),
            ("evolved", last.evolved),
            ("response", last.response),
        ):
            if text:
                self.tokens.setdefault(name, Counter())[estimated_tokens(text).bit_length()] += 1
                self.words.setdefault(name, Counter())[len(text.split()).bit_length()] += 1


def look_at(lineages: Iterable[Lineage], wanted: Collection[str] = ()) -> RowsSeen:
    """Go through all rows once; the sample is the same every time."""
    seen, dice = RowsSeen(), random.Random(0)
    for lineage in lineages:
        seen.count(lineage, wanted, dice)
    return seen


def browsed(seen: RowsSeen) -> tuple[Mapping[str, Any], ...]:
    """The sampled rows as the browser of a page reads them, as many as `BUDGET` allows.

    A row is `{id, outcome, kinds, operations, words, seed, rounds}`, one of its rounds `{round, attempt,
    operation, fate, kinds, reason, diff, reply, response, thinking, model, tokens}`. `diff` holds pairs: 0
    and a text that stayed, -1 and one that is gone since the parent, 1 and one that is new.
    """
    shown, spent = [], 0
    for lineage in _in_turn(seen.samples.values()):
        row = _row(lineage)
        spent += _size(row)
        if shown and spent > BUDGET:
            break
        shown.append(row)
    return tuple(shown)


def clipped(text: str | None, most: int = LONGEST) -> str:
    """At most `most` characters, and how many are left out."""
    text = text or ""
    left = len(text) - most
    return text if left <= 0 else f"{text[:most]} […{left:,} more characters]"


def brief(text: str | None, most: int) -> str:
    """`text` as one line of at most `most` characters."""
    line = " ".join((text or "")[: 4 * most].split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _in_turn(parts: Iterable[list[Lineage]]) -> Iterable[Lineage]:
    """One of each part after the other, so that a budget cuts all of them."""
    waiting = [iter(part) for part in parts]
    while waiting:
        for one in list(waiting):
            if (lineage := next(one, None)) is None:
                waiting.remove(one)
            else:
                yield lineage


def _row(lineage: Lineage) -> dict[str, Any]:
    texts = {step.id: clipped(step.evolved) for step in lineage.rounds}
    texts[lineage.row.id] = seed = clipped(lineage.row.instruction)
    last = lineage.decisive if lineage.rounds else None
    said = last.evolved or "" if last else ""
    return {
        "id": lineage.row.id,
        "outcome": lineage.outcome.value,
        "kinds": sorted({_why(step) for step in lineage.rounds if step.fate is not Fate.PASSED}),
        "operations": sorted({step.operation for step in lineage.rounds}),
        "words": len(said.split()),
        "seed": seed,
        "rounds": [_round(step, texts.get(step.parent_id, seed), texts[step.id]) for step in lineage.rounds],
    }


def _round(step: Round, before: str, after: str) -> dict[str, Any]:
    signs = {"same": 0, "removed": -1, "added": 1}
    return {
        "round": step.round,
        "attempt": step.attempt,
        "operation": step.operation,
        "fate": plain(step.fate.value),
        "outcome": step.fate.outcome.value,
        "kinds": [plain(kind.value) for kind in step.kinds],
        "reason": clipped(step.reason, 600),
        "diff": [[signs[kind], text] for kind, text in word_diff(before, after)] if step.evolved else [],
        "reply": clipped(step.reply),
        "response": clipped(step.response),
        "thinking": clipped(step.thinking),
        "model": step.model,
        "tokens": list(step.tokens),
    }


def _why(step: Round) -> str:
    return plain(step.kinds[0].value if step.kinds else step.fate.value)


def _size(row: Mapping[str, Any]) -> int:
    texts = (
        len(step[name]) for step in row["rounds"] for name in ("reply", "response", "thinking", "reason")
    )
    pieces = (len(text) + 5 for step in row["rounds"] for _, text in step["diff"])
    return 300 + len(row["seed"]) + sum(texts) + sum(pieces)
