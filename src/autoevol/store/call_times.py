"""How long the calls of a run took, read from a call store that others may have open."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_SECONDS = "SELECT role, sum(seconds) FROM calls WHERE run = ? GROUP BY role"


def seconds_by_role(path: Path, run: str) -> dict[str, float]:
    """Seconds from request to reply, summed over the stored calls of a run, by role.

    Calls that were under way side by side count each, so the sum is longer than the run; calls whose texts
    were dropped are in none. Nothing is written.

    Args:
        path: The call store; without one there is nothing to tell.
        run: Whose calls.
    """
    if not path.exists():
        return {}
    # A reader of a file in WAL mode leaves files beside it, unless it takes it for one that nobody changes.
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True)) as store:
            return dict(store.execute(_SECONDS, (run,)))
    except sqlite3.Error:
        # A figure that only readers want: what the store lacks, the command that owns it tells.
        return {}
