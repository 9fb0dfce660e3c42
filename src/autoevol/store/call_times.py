"""How long a run's calls took, read from a call store that other processes may have open."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_SECONDS = "SELECT role, sum(seconds) FROM calls WHERE run = ? GROUP BY role"


def seconds_by_role(path: Path, run: str) -> dict[str, float]:
    """Seconds from request to reply, summed over a run's stored calls, by role.

    Concurrent calls each count in full, so the sum exceeds the duration of the run. Calls that the store
    has forgotten are not included. Nothing is written.

    Args:
        path: The call store; if there is none, the result is empty.
        run: Whose calls.
    """
    if not path.exists():
        return {}
    # Opening a WAL database, even read-only, creates files next to it unless it is declared immutable.
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True)) as store:
            return dict(store.execute(_SECONDS, (run,)))
    except sqlite3.Error:
        # The figure is a courtesy; a damaged store is reported by the command that needs it.
        return {}
