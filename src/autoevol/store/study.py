"""The folder of a search, which several worker processes share.

run.json       the settings of the search; other settings are refused
study.journal  the Optuna study, unless it lives behind a URL
calls.sqlite   every LM call of every worker
worker-1/ ...  a run folder per worker at work: its lock says that the worker lives
search.json    the result
best.json      the best configuration, for `--config`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from autoevol.core.errors import InputError, InUse
from autoevol.store.calls import CallStore, Spent
from autoevol.store.files import file_lock, refused
from autoevol.store.log import cut_torn_line
from autoevol.store.run import RunFolder, read_run


class WorkerFolder(RunFolder):
    """A worker's place in the folder of a search. Its calls are in the search's one store."""

    def calls(
        self, shared: str | Path | None = None, *, power_safe: bool = True, fresh: bool = False
    ) -> CallStore:
        """The call store of the search, booking to this worker."""
        return CallStore(shared or self.path.parent / "calls.sqlite", self.run_id, power_safe=power_safe)


class StudyFolder:
    """Opens the folder of a search and hands out its places for workers.

    Args:
        path: Created if missing.
        settings: What decides the results, as for `RunFolder`.
        workers: Number of places.

    Raises:
        InputError: If the folder belongs to a search with other settings, or `path` is a file.
        StoreError: If it cannot be written.
    """

    def __init__(self, path: str | Path, settings: Mapping[str, Any], workers: int) -> None:
        self.path = Path(path)
        self.workers = workers
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise InputError(f"{self.path} is a file, not a folder") from error
        except OSError as error:
            raise refused(error, f"cannot write to {self.path}") from error
        with self.alone(), RunFolder(self.path, settings) as folder:
            self.run_id = folder.run_id

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other worker is inside such a block at the same time. Not reentrant."""
        with file_lock(self.path / ".study.lock"):
            yield

    def claim(self, after: int = 0) -> tuple[int, WorkerFolder] | None:
        """The first free place with a number above `after`, locked; None if there is none."""
        with self.alone():
            for number in range(after + 1, self.workers + 1):
                try:
                    return number, WorkerFolder(self._place(number), {})
                except InUse:
                    continue
        return None

    def at_work(self, number: int) -> bool:
        """Whether a process, this one included, holds the place. Ask inside `alone`."""
        if not self._place(number).exists():
            return False
        try:
            RunFolder(self._place(number)).close()
        except InUse:
            return True
        return False

    def spent(self) -> dict[str, Spent]:
        """What all workers have paid, by role."""
        total: dict[str, Spent] = {}
        for place in self.path.glob("worker-*"):
            known = read_run(place)
            if known is None:
                continue
            store = CallStore(self.path / "calls.sqlite", known["run_id"])
            for role, spent in store.spent().items():
                total[role] = total.get(role, Spent()) + spent
            store.close()
        return total

    @property
    def journal(self) -> Path:
        """The file of the Optuna study."""
        return self.path / "study.journal"

    def journal_lock(self) -> FileLock:
        """The lock that every writer of the journal takes. Optuna's own outlives a killed process."""
        return file_lock(self.path / ".journal.lock")

    def mend_journal(self) -> None:
        """Cut off a last line that a crash has torn."""
        with self.journal_lock():
            cut_torn_line(self.journal)

    def _place(self, number: int) -> Path:
        return self.path / f"worker-{number}"
