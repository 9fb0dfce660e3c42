"""The run folder: what a run leaves behind, and what it needs to resume after a crash."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson
from filelock import Timeout

from autoevol.config.history import SCHEMA, changes, from_0_1
from autoevol.core.codec import decode_method, encode_method
from autoevol.core.errors import InputError, InUse, StoreError
from autoevol.core.records import Method
from autoevol.store.calls import CallStore
from autoevol.store.files import file_lock, refused, write_json
from autoevol.store.journal import FileJournal
from autoevol.store.parts import Parts
from autoevol.store.run_files import OPTIMISED, OUTPUTS, PRODUCTS, REPORTS, UNPAID
from autoevol.store.sealed import read_sealed, write_sealed


class RunFolder:
    """Opens, locks and describes one run folder.

    Args:
        path: Created if missing.
        settings: The settings that determine the run's results, by group. A folder in which something was
            paid or finished with other settings is refused, unless nothing came of it (see
            `allow_correction`); None opens whatever is there.
        claim: False only locks the folder; call `claim` later.

    Raises:
        InputError: If the folder belongs to a run with other settings, holds foreign files that a run would
            overwrite, or `path` is a file.
        StoreError: If another process uses it, it cannot be written, or `run.json` is damaged or lost.
        StoreLost: If the disk is full.
    """

    def __init__(
        self, path: str | Path, settings: Mapping[str, Any] | None = None, *, claim: bool = True
    ) -> None:
        self.path = Path(path)
        self._anew = False
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._refuse_foreign()
            self._lock = file_lock(self.path / ".lock")
            self._lock.acquire(blocking=False)
        except Timeout as error:
            raise InUse(f"{self.path} is in use by another autoevol process") from error
        except (FileExistsError, NotADirectoryError) as error:
            raise InputError(f"{self.path} is a file, not a folder") from error
        except OSError as error:
            raise refused(error, f"cannot write to {self.path}") from error
        try:
            self.run_id = self._claim(settings) if claim else ""
        except BaseException:
            self.close()
            raise

    def _refuse_foreign(self) -> None:
        if (self.path / "run.json").exists() or (self.path / ".lock").exists():
            return
        if foreign := [name for name in PRODUCTS if (self.path / name).exists()]:
            raise InputError(
                f"{self.path} is not a run folder and holds {', '.join(foreign)}, which a run would "
                "overwrite. Give another --out"
            )

    def claim(self, settings: Mapping[str, Any]) -> None:
        """Declare the settings that determine the run's results. Raises as the constructor does."""
        self.run_id = self._claim(settings)

    def _claim(self, settings: Mapping[str, Any] | None) -> str:
        known = read_run(self.path)
        if known is None:
            self._refuse_orphaned()
            run_id = uuid.uuid4().hex[:12]
            self._describe(run_id, settings or {})
            return run_id
        if settings is not None:
            then, now = known["settings"], orjson.loads(orjson.dumps(dict(settings)))
            changed, judged = changes(then, now), (self.path / "journal.jsonl").exists()
            if self._all_lost() and not (changed and judged):
                # Even with the same settings: the cause may have been a key or an address, which are none.
                self._begin_anew(known["run_id"], then if judged else now, OUTPUTS)
            elif changed and (known.get("correctable") or not self._begun(known["run_id"])):
                self._begin_anew(known["run_id"], now, ("method.json", *OUTPUTS, *OPTIMISED))
            elif "0.1.0" in then:
                raise InputError(
                    f"{self.path} was begun by autoevol 0.1.0, and this version can show it but not go on "
                    "with it: go on with 0.1.0, or give another --out"
                )
            elif changed:
                details = "; ".join(
                    f"{key}: {old!r} then, {new!r} now" for key, (old, new) in changed.items()
                )
                raise InputError(
                    f"{self.path} holds a run with other settings ({details}). "
                    "Give the same settings to resume it, or another --out"
                )
        return known["run_id"]

    def _describe(self, run_id: str, settings: Mapping[str, Any]) -> None:
        origin = {"schema": SCHEMA, "autoevol": version("autoevol"), "run_id": run_id}
        write_sealed(self.path / "run.json", {**origin, "settings": dict(settings)})

    def _refuse_orphaned(self) -> None:
        """Without its run.json, what a run has paid for must not be mistaken for a new folder."""
        names = ("journal.jsonl", "parts/manifest.jsonl", *REPORTS)
        if orphans := [name for name in names if (self.path / name).exists()]:
            raise StoreError(
                f"{self.path} has lost its run.json, but not {orphans[0]}. Restore it from a copy, or give "
                "another --out"
            )

    def allow_correction(self, *, steps_too: bool = False) -> None:
        """Let the next command use other settings, if nothing came of these.

        Args:
            steps_too: Nothing came of the optimisation's steps either.
        """
        finished = [
            self.path / name for name in ("dataset.jsonl", *(() if steps_too else ("journal.jsonl",)))
        ]
        if not any(path.exists() and path.stat().st_size for path in finished):
            write_sealed(self.path / "run.json", {**(read_run(self.path) or {}), "correctable": True})

    def _all_lost(self) -> bool:
        """Whether there are finished rows and all of them are dead."""
        if not (self.path / "parts" / "manifest.jsonl").exists():
            return False
        parts = list(Parts(self.path / "parts", None))
        return bool(parts) and all(part.dead == part.rows for part in parts)

    def _begin_anew(self, run_id: str, settings: Mapping[str, Any], products: Iterable[str]) -> None:
        """Remove the files of a run that came to nothing; its replies stay in the call store."""
        self._anew = True
        for name in products:
            (self.path / name).unlink(missing_ok=True)
            (self.path / name).with_suffix(".last").unlink(missing_ok=True)
        # Sorted, so that the manifest goes before the parts: a manifest whose parts are gone is damage, while
        # parts without a manifest are not.
        for path in sorted((self.path / "parts").glob("*")):
            path.unlink()
        self._describe(run_id, settings)

    def _begun(self, run_id: str) -> bool:
        """Whether anything was paid for or finished here; only then are the settings binding."""
        # Files under a temporary name are not finished.
        names = {path.name for path in self.path.iterdir() if path.suffix != ".part"}
        if names - UNPAID or self.has_rows:
            return True
        if "calls.sqlite" not in names:
            return False
        store = CallStore(self.path / "calls.sqlite", run_id)
        try:
            return bool(store.spent())
        finally:
            store.close()

    @property
    def has_rows(self) -> bool:
        """Whether rows were evolved here."""
        return any(self.path.glob("parts/part-*"))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the run was started with, by group."""
        return (read_run(self.path) or {"settings": {}})["settings"]

    def calls(
        self, shared: str | Path | None = None, *, power_safe: bool = True, fresh: bool = False
    ) -> CallStore:
        """The run's call store: its own file, or its part of a `shared` one.

        Args:
            shared: A file that several runs share.
            power_safe: As for `CallStore`.
            fresh: The rows here were paid for elsewhere, so the file may be missing.

        Raises:
            StoreError: If the file with the run's paid calls is missing, or cannot be opened.
        """
        path = Path(shared or self.path / "calls.sqlite")
        paid = (self.path / "journal.jsonl").exists() or any(self.path.glob("parts/part-*"))
        if paid and not fresh and not path.exists():
            raise StoreError(
                f"{path} is missing, with the calls that this run has paid for. Restore it from a copy, give "
                "the --store that the run began with, or another --out"
            )
        store = CallStore(path, self.run_id, power_safe=power_safe)
        if self._anew:  # the correction may be about what was refused
            store.forget_refusals()
        return store

    def journal(self, paid: Callable[[], int] | None = None) -> FileJournal:
        """The optimisation's journal; `paid` as for `FileJournal`."""
        return FileJournal(self.path / "journal.jsonl", paid)

    def save_method(self, method: Method, facts: Mapping[str, Any]) -> Path:
        """Write the chosen method with `facts` about its origin; returns the path."""
        path = self.path / "method.json"
        write_json(path, {**encode_method(method), **facts})
        return path

    def save_methods(self, methods: Iterable[Method]) -> None:
        """Write the methods that records refer to by id."""
        write_sealed(self.path / "methods.json", {method.id: encode_method(method) for method in methods})

    def methods(self) -> dict[str, Method]:
        """The saved methods, by id. Raises StoreError as `read_methods`."""
        return read_methods(self.path)

    def save_seeds(self, fingerprint: str | None, scan: Mapping[str, Any]) -> None:
        """Write the scan of the seeds, and the file's fingerprint at that time."""
        # The key is that of version 0.1.
        write_sealed(self.path / "seeds.json", {"fingerprint": fingerprint, "found": dict(scan)})

    def seeds(self) -> tuple[str | None, dict[str, Any]] | None:
        """(fingerprint, scan) as saved; None if there is none.

        Raises:
            StoreError: If the file is damaged.
        """
        path = self.path / "seeds.json"
        data = read_sealed(path)
        try:
            return None if data is None else (data["fingerprint"], dict(data["found"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{path} is damaged: {error!r}") from error

    def close(self) -> None:
        """Release the lock; closing twice is harmless."""
        self._lock.release()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_methods(folder: Path) -> dict[str, Method]:
    """The methods in a folder's `methods.json`, by id; empty without the file.

    Raises:
        StoreError: If it is damaged.
    """
    path = folder / "methods.json"
    try:
        return {key: decode_method(data) for key, data in (read_sealed(path) or {}).items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{path} is damaged: {error!r}") from error


def read_run(folder: Path) -> dict[str, Any] | None:
    """The content of a folder's `run.json`: `run_id`, and the `settings` by group. None without one.

    Raises:
        StoreError: If the file is damaged.
        InputError: If a newer version of autoevol wrote it.
    """
    path = folder / "run.json"
    data = read_sealed(path)
    if data is None:
        return None
    if not isinstance(data.get("settings"), dict):
        raise StoreError(f"{path} is damaged: it has no settings")
    if not isinstance(data.get("run_id"), str):
        raise StoreError(f"{path} is damaged: it has no run id")
    if not isinstance(data.get("schema", 1), int):
        raise StoreError(f"{path} is damaged: its schema is no number")
    if data.get("schema", 1) > SCHEMA:
        raise InputError(
            f"{folder} was begun by autoevol {data.get('autoevol')}, which is newer than this one: "
            "use that version"
        )
    return data if "schema" in data else {**data, "settings": from_0_1(data["settings"])}
