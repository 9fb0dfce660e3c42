"""Settings records and the flat names of their fields, by which command line and library give them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from functools import cache
from numbers import Integral, Real
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from autoevol.core.errors import InputError, nearest

_Record = TypeVar("_Record")


@dataclass(frozen=True)
class Option:
    """One field of a settings record as a user gives it.

    Attributes:
        name: Flat name, such as `optimizer_model`; the flag has dashes for its underscores.
        path: Names of the fields that lead to it from the record.
        hint: Its type.
        default: What it is if nobody gives it.
        text: Explains it to a user.
        decides: Whether it decides what any call of a run answers.
    """

    name: str
    path: tuple[str, ...]
    hint: Any
    default: Any
    text: str
    decides: bool

    def value_in(self, record: object) -> Any:  # noqa: ANN401 (a setting of any type)
        """Its value in a record."""
        for name in self.path:
            record = getattr(record, name)
        return record


@cache
def options_of(kind: type) -> tuple[Option, ...]:
    """All options of a settings record, in the order of its fields; two may share a name."""
    return tuple(_options(kind, (), None))


def _options(kind: type, path: tuple[str, ...], parent: Field[Any] | None) -> Iterator[Option]:
    around: Mapping[str, Any] = parent.metadata if parent else {}
    hints = get_type_hints(kind)
    for entry in fields(kind):
        here = (*path, entry.name)
        if is_dataclass(hints[entry.name]):
            yield from _options(hints[entry.name], here, entry)
        elif "help" in entry.metadata and entry.name not in around.get("hidden", ()):
            prefix = around.get("prefix")
            own = entry.metadata["name"] or entry.name
            text = around.get("texts", {}).get(entry.name) or entry.metadata["help"]
            yield Option(
                name=f"{prefix}_{entry.name}" if prefix else own,
                path=here,
                hint=hints[entry.name],
                default=None if entry.default is MISSING else entry.default,
                text=text.replace("{role}", prefix or ""),
                decides=entry.metadata["decides"],
            )


def assemble(kind: type[_Record], values: Mapping[str, Any]) -> _Record:
    """A settings record from values by flat name; the rest are defaults, and lists become tuples."""
    return restore(kind, _tree(kind, values))


def restore(kind: type[_Record], tree: Mapping[str, Any]) -> _Record:
    """A settings record from values nested as its fields are; what it does not know is left out."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for entry in fields(kind):  # type: ignore[arg-type]
        if entry.name in tree:
            value, hint = tree[entry.name], hints[entry.name]
            if is_dataclass(hint) and isinstance(value, Mapping):
                value = restore(hint, value)  # type: ignore[arg-type]
            values[entry.name] = tuple(value) if get_origin(hint) is tuple else value
    return kind(**values)


def override(record: _Record, values: Mapping[str, Any]) -> _Record:
    """The same record with other values, by flat name."""
    return _changed(record, _tree(type(record), values))


def _changed(record: _Record, tree: Mapping[str, Any]) -> _Record:
    values: dict[str, Any] = {}
    for name, value in tree.items():
        inner = getattr(record, name)
        values[name] = _changed(inner, value) if is_dataclass(inner) else value
    return replace(record, **values)  # type: ignore[type-var]


def _tree(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by flat name, nested as the fields are; lists become tuples."""
    tree: dict[str, Any] = {}
    for option in options_of(kind):
        if option.name in values:
            branch = tree
            for name in option.path[:-1]:
                branch = branch.setdefault(name, {})
            branch[option.path[-1]] = as_declared(option, values[option.name])
    return tree


_EXPECTED = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}


def as_declared(option: Option, value: Any) -> Any:  # noqa: ANN401 (a setting of any type)
    """`value` as its field takes it: lists as tuples, paths as text, one text for many as the only one.

    Raises:
        InputError: If it is of another type.
    """
    hint = option.hint
    if type(None) in get_args(hint):
        if value is None:
            return None
        hint = next(part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is tuple:
        items = [value] if isinstance(value, str | os.PathLike) or not isinstance(value, Iterable) else value
        return tuple(_item(option.name, item, get_args(hint)[0]) for item in items)
    return _item(option.name, value, hint)


def _item(name: str, value: Any, hint: Any) -> Any:  # noqa: ANN401 (a setting of any type)
    kind = hint if hint in _EXPECTED else str  # the words of a `Literal` are text
    is_bool = isinstance(value, bool)
    if kind is str and isinstance(value, os.PathLike):
        return os.fspath(value)
    if kind is str and isinstance(value, int) and not is_bool:  # `keep=2` is the number of a round
        return str(value)
    if kind is str and isinstance(value, Mapping) and name.endswith("extra"):
        return value
    number = {int: Integral, float: Real}.get(kind)
    if isinstance(value, number or kind) and (kind is bool or not is_bool):
        return value
    expected = "the name of a model, as text" if name.endswith("model") else _EXPECTED[kind]
    raise InputError(f"{name} must be {expected}, not {type(value).__name__}: {value!r:.60}")


def decisive(record: object) -> dict[str, Any]:
    """The settings of a record that decide what any call of a run answers, nested as its fields are."""
    tree: dict[str, Any] = {}
    for option in options_of(type(record)):
        if option.decides:
            branch = tree
            for name in option.path[:-1]:
                branch = branch.setdefault(name, {})
            branch[option.path[-1]] = option.value_in(record)
    return tree


def check_names(given: Mapping[str, Any], known: set[str], where: str) -> None:
    """Raise InputError for a name that is not known, with the nearest one that is."""
    for name in given:
        if name not in known:
            raise InputError(f"{where} has no setting {name!r}{nearest(name, known)}")
