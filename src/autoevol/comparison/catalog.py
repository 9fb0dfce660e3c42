"""All contestants by name and by group."""

from __future__ import annotations

from autoevol.comparison.entry import Contestant
from autoevol.comparison.foreign import Bootstrap, Copro, Gepa, Mipro, Simba
from autoevol.comparison.own import Fixed, loops, rivals
from autoevol.core.errors import InputError, nearest
from autoevol.programs.methods import BUILT_IN
from autoevol.programs.operations import OPERATIONS

_ALIASES = {"miprov2": "mipro"}
"""What else a contestant is called, by DSPy for one."""
_ONLY_BY_NAME = (Gepa("instance"),)
"""Variants that no group holds, since each takes a whole budget: who wants one names it."""


def all_contestants() -> list[Contestant]:
    """Everyone who is in a group, in the order in which they play."""
    fixed = [Fixed(method) for method in (*BUILT_IN.values(), *OPERATIONS.values())]
    return [*loops(), Copro(), Mipro(), Simba(), Gepa(), *rivals(), Bootstrap(), *fixed]


def find_contestants(words: str) -> list[Contestant]:
    """The contestants named by `words`: names and groups, separated by commas; `all` is every group.

    Raises:
        InputError: If a word is neither a name nor a group, or there is no word.
    """
    in_groups = all_contestants()
    everyone = [*in_groups, *_ONLY_BY_NAME]
    names, groups = [c.name for c in everyone], list(dict.fromkeys(c.group for c in everyone))
    asked = [word.strip() for word in words.split(",") if word.strip()]
    asked = [_ALIASES.get(word.lower(), word) for word in asked]
    others = [word for word in asked if word not in (*names, *groups, "all")]
    if others or not asked:
        hint = nearest(others[0], [*names, *groups, *_ALIASES]) if others else ""
        raise InputError(
            f"--optimizers {words!r}: {', '.join(others) or 'nothing'} is no contestant; "
            f"groups are {', '.join(groups)} and all, names {', '.join(names)}{hint}"
        )
    return [c for c in everyone if c.name in asked or (c in in_groups and {"all", c.group} & set(asked))]
