"""What `run.json` says of the settings of a run: how two runs differ, and what older versions wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from autoevol.config.options import options_of
from autoevol.config.settings import Settings

SCHEMA = 2
"""Of `run.json`: settings by group. 1 is autoevol 0.1.0, which wrote one flat table and no number."""

# A group was part of a run of 0.1.0 where a setting was there that no other group has.
_MARKS = {"models": "evol_model", "loop": "m", "methods": "rounds", "metrics": "detector", "pipeline": "keep"}
_MARKS |= {"clean": "near"}
# Facts beside the settings. A search, a transfer and a comparison had others.
_INPUTS = ("data_hash", "method_id", "shard", "of", "answer", "judge")


def from_0_1(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run of autoevol 0.1.0, by group.

    What belongs to no group of a run, as in a search or a transfer, is under `0.1.0`: such a folder can be
    read and not be gone on with.
    """
    tree: dict[str, Any] = {}
    known: set[str] = set(_INPUTS)
    for option in options_of(Settings):
        # What decided nothing was written down all the same now and then.
        known.add(option.name)
        if option.name in flat and option.decides and _MARKS.get(option.path[0], "") in flat:
            branch = tree
            for name in option.path[:-1]:
                branch = branch.setdefault(name, {})
            branch[option.path[-1]] = flat[option.name]
    inputs = {name: flat[name] for name in flat if name in _INPUTS}
    strange = {name: value for name, value in flat.items() if name not in known}
    return {**tree, **({"inputs": inputs} if inputs else {}), **({"0.1.0": strange} if strange else {})}


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Settings that differ between two runs, by dotted path, each as it was and is.

    A group or a setting that one of them does not have counts with its default: a version that knows
    more settings than the one before goes on with what that began.
    """
    groups = Settings().settled().decisive(*(entry.name for entry in fields(Settings)))
    default = _table(json.loads(json.dumps(groups)))
    before, after = ({**default, **_table(tree)} for tree in (then, now))
    return {
        path: (before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    }


def _table(tree: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Nested settings as one table, by dotted path."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        here = f"{path}{name}"
        flat |= _table(value, f"{here}.") if isinstance(value, Mapping) else {here: value}
    return flat
