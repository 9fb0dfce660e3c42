"""What a run folder records: its settings, its seeds, and how its rows were made."""

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
    """The settings that decided a run, with the other groups from `now` and its models at `endpoint`.

    Fields that `endpoint` leaves out are as the run last had them.
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
    """`settings` with `on_failure` filled in, as the run in `out` was begun if there is one."""
    known = (read_run(out) if out.is_dir() else None) or {"settings": {}}
    return settings.settled(known["settings"].get("pipeline", {}).get("on_failure"))


def endpoint_of(folder: RunFolder) -> EndpointConfig:
    """Where the models of a run were last called. Raises StoreError if the file is damaged."""
    return restore(EndpointConfig, _endpoints(folder))


def first_endpoints(folder: RunFolder) -> dict[str, str]:
    """The URLs of the run's first calls by role; empty before there are any. Raises as `endpoint_of`."""
    return _endpoints(folder).get("first", {})


def save_endpoint(folder: RunFolder, asked: EndpointConfig, first: Mapping[str, str]) -> None:
    """Record where the models are called, and where they were first called."""
    write_sealed(folder.path / ENDPOINT, {**asdict(asked), "first": dict(first)})


def copy_endpoint(source: RunFolder, target: RunFolder) -> None:
    """Copy the recorded endpoints of `source` to `target`. Raises as `endpoint_of`."""
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
    """The policy by which the rows of a run were evolved. Raises StoreError if it is not recorded."""
    try:
        return Policy.from_json(parts.made, folder.methods())
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{folder.path} does not say how its rows were made: {error!r}") from error


def all_done(folder: Path, rows: int, seeds: Scanned) -> bool:
    """Whether the run in `folder`, with `rows` finished rows, was complete.

    A run with a target of kept rows ends before its seeds do.
    """
    report = read_report(folder / FILE, RunReport)
    return rows == seeds.here or bool(report and report.evolution and report.evolution.complete)


def save_seeds(folder: RunFolder, mark: str | None, seeds: Scanned) -> None:
    """Record what the seeds hold, and the fingerprint of their file if it has one."""
    folder.save_seeds(mark, asdict(seeds))


def seeds_of(folder: RunFolder) -> Scanned:
    """What the seeds of a run held. Raises StoreError if it is not recorded."""
    known = folder.seeds()
    if known is None:
        raise StoreError(f"{folder.path} does not say what its seeds held (no seeds.json)")
    return scanned_of(folder, known[1])


def scanned_of(folder: RunFolder, known: Mapping[str, Any]) -> Scanned:
    """The contents of `seeds.json`. Raises StoreError if they are damaged."""
    try:
        return Scanned(**known)
    except TypeError as error:
        raise StoreError(f"{folder.path / 'seeds.json'} is damaged: {error}") from error
