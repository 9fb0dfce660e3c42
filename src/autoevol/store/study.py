"""The folder of a search, which several worker processes share.

run.json       the settings of the search; other settings are refused
study.journal  the Optuna study, unless it is at a URL
calls.sqlite   every LM call of every worker
worker-1/ ...  one run folder per worker; its lock is held while the worker lives
search.json    the result
best.json      the best configuration, for `--config`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from autoevol.core.errors import InputError, InUse
from autoevol.store.calls import CallStore, Spent
from autoevol.store.files import file_lock, refused
from autoevol.store.log import cut_torn_line
from autoevol.store.run import RunFolder, read_run


class WorkerFolder(RunFolder):
    """A worker's folder within that of the search. Its calls are in the search's shared store."""

    def calls(
        self, shared: str | Path | None = None, *, power_safe: bool = True, fresh: bool = False
    ) -> CallStore:
        """The call store of the search, charging this worker."""
        return CallStore(shared or self.path.parent / "calls.sqlite", self.run_id, power_safe=power_safe)


class StudyFolder:
    """Opens the folder of a search and assigns worker numbers.

    Args:
        path: Created if missing.
        settings: The settings that determine the results, as for `RunFolder`.
        workers: Maximum number of concurrent workers.

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
        """A critical section: no other worker is inside at the same time. Not reentrant."""
        with file_lock(self.path / ".study.lock"):
            yield

    def claim(self, after: int = 0) -> tuple[int, WorkerFolder] | None:
        """The first free worker number above `after` with its folder, locked; None if all are taken."""
        with self.alone():
            for number in range(after + 1, self.workers + 1):
                try:
                    return number, WorkerFolder(self._place(number), {})
                except InUse:
                    continue
        return None

    def at_work(self, number: int) -> bool:
        """Whether a live process, this one included, has this worker number. Call inside `alone`."""
        if not self._place(number).exists():
            return False
        try:
            RunFolder(self._place(number)).close()
        except InUse:
            return True
        return False

    def spent(self) -> dict[str, Spent]:
        """What all workers together have paid, by role."""
        runs = [run["run_id"] for place in self.path.glob("worker-*") if (run := read_run(place))]
        total: dict[str, Spent] = {}
        if runs:
            with closing(CallStore(self.path / "calls.sqlite")) as store:
                for role, spent in (line for run_id in runs for line in store.spent(run_id).items()):
                    total[role] = total.get(role, Spent()) + spent
        return total

    @property
    def journal(self) -> Path:
        """The file of the Optuna study."""
        return self.path / "study.journal"

    def journal_lock(self) -> FileLock:
        """The lock for writing the journal. Optuna's own is a file that outlives a killed process."""
        return file_lock(self.path / ".journal.lock")

    def mend_journal(self) -> None:
        """Cut off a last line torn by a crash."""
        with self.journal_lock():
            cut_torn_line(self.journal)

    def _place(self, number: int) -> Path:
        return self.path / f"worker-{number}"
