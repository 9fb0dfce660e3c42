"""Methods as sentences: what one text says that another does not."""

from __future__ import annotations

import re
from typing import NamedTuple

# Between sentences and between lines. A full stop behind a digit numbers an item of a list.
_BETWEEN = re.compile(r"((?<=[^\s\d][.!?])\s+|(?<=[。！？])\s*|\n+)")


class Edit(NamedTuple):
    """What became of a text: the sentences that came in, and those that went, each joined by blanks."""

    added: str
    left_out: str


def edit(before: str, after: str) -> Edit:
    """The sentences of one text that the other lacks, in their order; spacing and case do not count."""
    old, new = _sentences(before), _sentences(after)
    added = " ".join(text for key, text in new.items() if key not in old)
    return Edit(added, " ".join(text for key, text in old.items() if key not in new))


def without_a_sentence(text: str) -> list[tuple[str, str]]:
    """Every text that lacks one sentence or line of `text`, with what it lacks; the first one stays."""
    pieces = _BETWEEN.split(text)
    return [
        ("".join([*pieces[: place - 1], *pieces[place + 1 :]]), pieces[place])
        for place in range(2, len(pieces), 2)
        if pieces[place].strip()
    ]


def _sentences(text: str) -> dict[str, str]:
    """Sentences as they stand, by how they are compared."""
    pieces = (piece.strip() for piece in _BETWEEN.split(text)[::2])
    return {" ".join(piece.casefold().split()): piece for piece in pieces if piece}
