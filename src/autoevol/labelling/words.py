"""What has changed between two texts, word by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_MOST = 4_000
"""Words of both texts together; above, comparing takes longer than a reader waits."""

Piece = tuple[str, str]
"""`same`, `gone` or `new`, and the text."""


def changed_words(before: str, after: str) -> list[Piece]:
    """`after` with what went and what came; the pieces but `gone` joined are `after`.

    Very long texts count as replaced whole.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) > _MOST:
        return [("same", after)] if before == after else [("gone", before), ("new", after)]
    pieces: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(("same", "".join(new[c:d])))
            continue
        pieces += [(name, "".join(words)) for name, words in (("gone", old[a:b]), ("new", new[c:d])) if words]
    return pieces
