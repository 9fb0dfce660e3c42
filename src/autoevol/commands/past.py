"""What a run folder remembers: its settings, its seeds, and how its rows were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from autoevol.config import EndpointConfig, Settings
from autoevol.config.options import restore
from autoevol.core.errors import StoreError
from autoevol.data.scan import Scanned
from autoevol.evolution.policy import Policy
from autoevol.store.parts import Parts
from autoevol.store.run import RunFolder, read_run
from autoevol.store.sealed import read_sealed


def settings_of(folder: RunFolder, now: Settings, endpoint: EndpointConfig) -> Settings:
    """The settings that decided a run, asked at `endpoint`; what decides nothing is as it is `now`.

    What `endpoint` does not say is as it was when the run was last at work.
    """
    known = restore(Settings, folder.settings)
    asked = endpoint.over(endpoint_of(folder))
    undecided = {"requests": now.requests, "store": now.store, "budget": now.budget, "batch": now.batch}
    return replace(known, models=asked.into(known.models), **undecided)


def as_begun(out: Path, settings: Settings) -> Settings:
    """`settings` that say what happens to failed rows: as the run in `out` was begun, if there is one."""
    known = (read_run(out) if out.is_dir() else None) or {"settings": {}}
    return settings.settled(known["settings"].get("pipeline", {}).get("on_failure"))


def endpoint_of(folder: RunFolder) -> EndpointConfig:
    """Where the models of a run were asked last."""
    return restore(EndpointConfig, read_sealed(folder.path / "endpoint.json") or {})


def policy_of(parts: Parts, folder: RunFolder) -> Policy:
    """How the rows of a run went through their rounds. Raises StoreError if that is not known."""
    try:
        return Policy.from_json(parts.made, folder.methods())
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{folder.path} does not say how its rows were made: {error!r}") from error


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
