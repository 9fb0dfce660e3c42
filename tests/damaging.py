"""Every way to damage one file, and what a command may then do."""

from __future__ import annotations

import random
from collections.abc import Iterator

from typer.testing import Result


def damages(content: bytes, draw: random.Random, most: int) -> Iterator[bytes | None]:
    """One file in every way: gone (None), empty, bytes changed, cut off, lines lost and doubled."""
    yield None
    yield b""
    for _ in range(most if content else 0):
        at = draw.randrange(len(content))
        yield content[:at] + bytes([content[at] ^ draw.randrange(1, 256)]) + content[at + 1 :]
        yield content[:at]
    kept = content.splitlines(keepends=True)
    for line in sorted({0, len(kept) // 2, len(kept) - 1})[-most:]:
        yield b"".join(kept[:line] + kept[line + 1 :])
        yield b"".join(kept[: line + 1] + kept[line:])


def told(done: Result, what: str) -> Result:
    """A command that ended well, or in one sentence."""
    assert done.exception is None or isinstance(done.exception, SystemExit), f"{what}: {done.exception!r}"
    assert done.exit_code in (0, 1, 2), f"{what}: {done.output[-2000:]}"
    return done
