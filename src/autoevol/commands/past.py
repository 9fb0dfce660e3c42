"""What a run folder remembers: its settings, its seeds, and how its rows were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from autoevol.config import EndpointConfig, Settings
from autoevol.config.options import restore
from autoevol.core.errors import InputError, StoreError
from autoevol.data.scan import Scanned
from autoevol.evolution.policy import Policy
from autoevol.reports.folder import read_report
from autoevol.reports.run import FILE, RunReport
from autoevol.store.parts import Parts
from autoevol.store.run import RunFolder, read_run
from autoevol.store.sealed import read_sealed, write_sealed

ENDPOINT = "endpoint.json"


def settings_of(folder: RunFolder, now: Settings, endpoint: EndpointConfig) -> Settings:
    """The settings that decided a run, asked at `endpoint`; what decides nothing is as it is `now`.

    What `endpoint` does not say is as it was when the run was last at work.
    """
    known = restore(Settings, folder.settings)
    asked = endpoint.over(endpoint_of(folder))
    undecided = {"requests": now.requests, "store": now.store, "budget": now.budget, "batch": now.batch}
    return replace(known, models=asked.into(known.models), **undecided)


def check_rows(folder: Path) -> None:
    """Raise InputError for a folder that has no finished rows to go on with."""
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    if not (folder / "parts").is_dir():
        raise InputError(f"{folder} has no finished rows (no folder `parts`)")


def as_begun(out: Path, settings: Settings) -> Settings:
    """`settings` that say what happens to failed rows: as the run in `out` was begun, if there is one."""
    known = (read_run(out) if out.is_dir() else None) or {"settings": {}}
    return settings.settled(known["settings"].get("pipeline", {}).get("on_failure"))


def endpoint_of(folder: RunFolder) -> EndpointConfig:
    """Where the models of a run were asked last. Raises StoreError if that is damaged."""
    return restore(EndpointConfig, _endpoints(folder))


def first_endpoints(folder: RunFolder) -> dict[str, str]:
    """URLs of the run's first calls by role; none before it has any. Raises as `endpoint_of`."""
    return _endpoints(folder).get("first", {})


def save_endpoint(folder: RunFolder, asked: EndpointConfig, first: Mapping[str, str]) -> None:
    """Remember where the models are asked, and where they were asked first."""
    write_sealed(folder.path / ENDPOINT, {**asdict(asked), "first": dict(first)})


def copy_endpoint(source: RunFolder, target: RunFolder) -> None:
    """Remember in `target` where the models of `source` were asked. Raises as `endpoint_of`."""
    save_endpoint(target, endpoint_of(source), first_endpoints(source))


def _endpoints(folder: RunFolder) -> dict[str, Any]:
    path = folder.path / ENDPOINT
    known = read_sealed(path) or {}
    first, asked = known.get("first", {}), [known.get(field.name) for field in fields(EndpointConfig)]
    if not isinstance(first, dict) or not all(
        isinstance(said, str | None) for said in (*first.values(), *asked)
    ):
        raise StoreError(f"{path} is damaged: it names no endpoints. Remove it and give --api-base")
    return known


def policy_of(parts: Parts, folder: RunFolder) -> Policy:
    """How the rows of a run went through their rounds. Raises StoreError if that is not known."""
    try:
        return Policy.from_json(parts.made, folder.methods())
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{folder.path} does not say how its rows were made: {error!r}") from error


def all_done(folder: Path, rows: int, seeds: Scanned) -> bool:
    """Whether the run in `folder`, of which `rows` are finished, had come to its end.

    A run that was to keep so many rows ends before its seeds do.
    """
    told = read_report(folder / FILE, RunReport)
    return rows == seeds.here or bool(told and told.evolution and told.evolution.complete)


def save_seeds(folder: RunFolder, mark: str | None, seeds: Scanned) -> None:
    """Remember what the seeds hold, and the fingerprint of their file if it has one."""
    folder.save_seeds(mark, asdict(seeds))


def seeds_of(folder: RunFolder) -> Scanned:
    """What the seeds of a run held. Raises StoreError if that is not known."""
    known = folder.seeds()
    if known is None:
        raise StoreError(f"{folder.path} does not say what its seeds held (no seeds.json)")
    return scanned_of(folder, known[1])


def scanned_of(folder: RunFolder, known: Mapping[str, Any]) -> Scanned:
    """What `seeds.json` says of the seeds. Raises StoreError if it is damaged."""
    try:
        return Scanned(**known)
    except TypeError as error:
        raise StoreError(f"{folder.path / 'seeds.json'} is damaged: {error}") from error
