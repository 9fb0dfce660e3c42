"""A command on a terminal of its own: what it showed, how it ended, and its end by SIGKILL."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_LONGEST = 300.0


@dataclass(frozen=True)
class Shown:
    """One process.

    Attributes:
        code: Its exit code, negative for a signal.
        output: All that the terminal was sent.
    """

    code: int
    output: str


def on_terminal(
    words: Sequence[str], environment: Mapping[str, str], kill_when: Callable[[], bool] | None = None
) -> Shown:
    """Run `autoevol` with `words`; SIGKILL it as soon as `kill_when` says so, if it has not ended.

    Raises:
        TimeoutError: If it does neither within five minutes.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "autoevol", *words],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, close_fds=True,
        env={**os.environ, **environment, "COLUMNS": "200", "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(theirs)
    chunks: list[bytes] = []
    reader = threading.Thread(target=_read, args=(ours, chunks), daemon=True)
    reader.start()
    began = time.monotonic()
    try:
        while process.poll() is None:
            if kill_when is not None and kill_when():
                process.kill()
            elif time.monotonic() - began > _LONGEST:
                raise TimeoutError(f"{' '.join(words)} does not end")
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
        reader.join(10)
        os.close(ours)
    return Shown(process.returncode, b"".join(chunks).decode("utf-8", "replace"))


def _read(terminal: int, chunks: list[bytes]) -> None:
    while True:
        try:
            content = os.read(terminal, 65536)
        except OSError:  # the last process that held it has gone
            return
        if not content:
            return
        chunks.append(content)
