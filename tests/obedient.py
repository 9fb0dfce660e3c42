"""A reader that obeys whatever it finds outside the fences of a prompt, and nothing inside them."""

from __future__ import annotations

import re

_OPENS = re.compile(r"<<<(?!end of )(.*? [0-9a-f]{12})>>>")


def outside_fences(prompt: str) -> str:
    """The lines of a prompt that a reader who knows fences takes for the prompt's own."""
    kept: list[str] = []
    closing: str | None = None
    for line in prompt.split("\n"):
        if closing is not None:
            closing = None if line == closing else closing
        elif opened := _OPENS.fullmatch(line):
            closing = f"<<<end of {opened[1]}>>>"
        else:
            kept.append(line)
    return "\n".join(kept)
