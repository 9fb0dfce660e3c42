"""Settings as keywords of a function: `run(..., evol_model="x", rounds=2)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVarTuple, cast

from autoevol.config import Settings
from autoevol.config.options import check_names, options_of, override
from autoevol.config.settings import GROUPS

_Own = TypeVarTuple("_Own")


def take(
    command: str,
    settings: Settings | None,
    keywords: Mapping[str, Any],
    *own: *_Own,
    more: tuple[str, ...] = (),
) -> tuple[Settings, *_Own]:
    """The settings of a command and its own config records, overridden by keywords.

    Args:
        command: A key of `GROUPS`.
        settings: Settings to start from; None for the defaults.
        keywords: Values by option name.
        own: Config records of this command alone, to start from.
        more: Names of further options that the command takes, whatever their group.

    Raises:
        InputError: If the command has no setting of that name; the nearest one is suggested.
    """
    named = {
        option.name: option
        for option in options_of(Settings)
        if option.path[0] in GROUPS[command] or option.name in more
    }
    own_names = {option.name for record in own for option in options_of(type(record))}
    check_names(keywords, {*named, *own_names}, f"autoevol.{command}")
    shared = {name: value for name, value in keywords.items() if name in named}
    changed = tuple(override(record, keywords) for record in own)
    return (override(settings or Settings(), shared), *cast("tuple[*_Own]", changed))
