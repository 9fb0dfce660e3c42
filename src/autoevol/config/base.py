"""Shared by all settings records: how a field is declared, and checks that name the option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from numbers import Real
from typing import Any

from autoevol.core.errors import InputError
from autoevol.core.urls import read_parts


def setting(default: Any, text: str, *, decides: bool = True, name: str | None = None) -> Any:  # noqa: ANN401
    """A field of a settings record, which becomes an option.

    Args:
        default: Its default.
        text: The help text.
        decides: Whether it affects the result of any call. Such settings must be the same when a run is
            resumed; all others may change.
        name: Of the option, if it differs from the field's.
    """
    return field(default=default, metadata={"help": text, "decides": decides, "name": name})


def nested(
    kind: type, prefix: str, *, hidden: tuple[str, ...] = (), texts: Mapping[str, str] | None = None
) -> Any:  # noqa: ANN401 (a dataclass field of any type)
    """A field that is a settings record itself.

    Args:
        kind: The record, which has a default for every field.
        prefix: Of its options; `optimizer` makes `optimizer_model` of `model`.
        hidden: Fields that are not options here.
        texts: Help texts of fields that mean something else here.
    """
    metadata = {"prefix": prefix, "hidden": hidden, "texts": dict(texts or {})}
    return field(default_factory=kind, metadata=metadata)


def flag(name: str) -> str:
    """The option for a field."""
    return f"--{name.replace('_', '-')}"


def at_least(minimum: int, settings: object, *names: str) -> None:
    """Raise InputError for a field that is no number or below `minimum`; None (no limit) passes."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not isinstance(value, Real):
            raise InputError(f"{flag(name)} must be a number, got {value!r}")
        if value is not None and value < minimum:
            raise InputError(f"{flag(name)} must be at least {minimum}, got {value}")


def check_sampling(temperature_field: str, temperature: float, top_p_field: str, top_p: float | None) -> None:
    """Raise InputError for a temperature outside 0..2 or a top_p outside (0, 1]; None is the model's own."""
    if not 0 <= temperature <= 2:
        raise InputError(f"{flag(temperature_field)} must be between 0 and 2, got {temperature}")
    if top_p is not None and not 0 < top_p <= 1:
        raise InputError(f"{flag(top_p_field)} must be above 0 and at most 1, got {top_p}")


def check_url(name: str, url: str | None) -> None:
    """Raise InputError unless `url` is None or an API's base URL; `name` is the field's name."""
    if url is not None:
        read_parts(url, flag(name))
