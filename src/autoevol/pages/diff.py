"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

# Words, spaces and single signs; together they are the text again.
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")

MOST_TOKENS = 3_000
"""Beyond this many that differ, one block is told to stand in place of another: matching is quadratic."""


class Change(NamedTuple):
    """A piece of one of the two texts, or of both.

    Attributes:
        kind: `same` in both, `removed` from the first, `added` in the second.
        text: Never empty.
    """

    kind: Literal["same", "removed", "added"]
    text: str


def word_diff(before: str, after: str) -> tuple[Change, ...]:
    """How `before` becomes `after`.

    All pieces that were not added are `before`, all that were not removed are `after`, to the letter.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    head = _shared(old, new)
    tail = _shared(old[head:][::-1], new[head:][::-1])
    middle = _changes(old[head : len(old) - tail], new[head : len(new) - tail])
    pieces = [Change("same", "".join(old[:head])), *middle, Change("same", "".join(old[len(old) - tail :]))]
    return tuple(_joined(piece for piece in pieces if piece.text))


def _shared(old: Sequence[str], new: Sequence[str]) -> int:
    """How many tokens both begin with."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(old), len(new)))


def _changes(old: list[str], new: list[str]) -> Iterator[Change]:
    if len(old) + len(new) > MOST_TOKENS:
        yield Change("removed", "".join(old))
        yield Change("added", "".join(new))
        return
    # With `autojunk`, frequent words of longer texts would never match.
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Change("same", "".join(old[a:b]))
        else:
            yield Change("removed", "".join(old[a:b]))
            yield Change("added", "".join(new[c:d]))


def _joined(pieces: Iterator[Change]) -> Iterator[Change]:
    """Neighbours of one kind as one; a space that stayed between two changes is part of both."""
    same = removed = added = ""
    for piece in pieces:
        if piece.kind == "same" and (piece.text.strip() or not (removed or added)):
            yield from _told(same, removed, added)
            same, removed, added = piece.text, "", ""
            continue
        removed += piece.text if piece.kind != "added" else ""
        added += piece.text if piece.kind != "removed" else ""
    yield from _told(same, removed, added)


def _told(same: str, removed: str, added: str) -> Iterator[Change]:
    """What stayed, then what was changed behind it; a space that both end with has stayed."""
    end = _shared(removed[::-1], added[::-1]) if removed and added else 0
    kept = removed[len(removed) - end :] if removed[len(removed) - end :].isspace() else ""
    removed, added = removed[: len(removed) - len(kept)], added[: len(added) - len(kept)]
    for change in (Change("same", same), Change("removed", removed), Change("added", added)):
        if change.text:
            yield change
    if kept:
        yield Change("same", kept)
