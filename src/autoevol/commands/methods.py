"""Finds methods by name, file or folder, and makes the policy of the bulk stage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autoevol.config import Settings
from autoevol.config.choices import parse_on_failure
from autoevol.core.errors import InputError, nearest
from autoevol.core.records import Method
from autoevol.evolution.policy import Policy, parse_mix
from autoevol.programs.methods import BUILT_IN
from autoevol.programs.operations import OPERATIONS
from autoevol.store.method_files import load_method, read_state

NAMED = {**BUILT_IN, **OPERATIONS}
"""Methods that a command takes by name."""


def find_method(name: str) -> Method:
    """The method of this name, or the one in this file or run folder.

    Built-in methods and WizardLM's operations have names; `FILE#4` is state 4 of the authors'
    optimizer log.

    Raises:
        InputError: If there is none.
    """
    if name in NAMED:
        return NAMED[name]
    path, _, state = name.rpartition("#")
    if path and state.isdecimal() and not Path(name).exists():
        return read_state(Path(path), int(state))
    if not Path(name).exists():
        raise InputError(
            f"no evolving method {name!r}: no such file or folder, nor one of {', '.join(NAMED)}"
            f"{nearest(name, NAMED)}"
        )
    return load_method(name)


def find_methods(sources: Sequence[str]) -> list[Method]:
    """The methods that `sources` name, in order.

    Raises:
        InputError: If one cannot be found, or two are the same method.
    """
    methods = [find_method(source) for source in sources]
    known: dict[str, str] = {}
    for source, method in zip(sources, methods, strict=True):
        if method.id in known:
            raise InputError(f"{known[method.id]} and {source} are the same method")
        known[method.id] = source
    return methods


def make_policy(settings: Settings, method: Method | None) -> Policy:
    """How rows go through their rounds: with `method`, or with WizardLM's operations if it is None.

    Raises:
        InputError: If the mix, or what to do on failure, cannot be used.
    """
    pipeline, rounds = settings.pipeline, settings.methods.rounds
    if rounds < 1:
        raise InputError(f"--rounds must be at least 1, got {rounds}")
    retries, drop = parse_on_failure(pipeline.on_failure)
    # At temperature 0 the same rewrite would come back.
    warmer = pipeline.retry_temperature if retries and settings.models.evol.temperature == 0 else None
    choices = parse_mix(pipeline.mix, method, find_method)
    return Policy(choices, rounds, retries, drop, pipeline.with_seeds, pipeline.seed, warmer)
