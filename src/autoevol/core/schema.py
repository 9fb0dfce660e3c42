"""Frozen records to JSON and back, and the schema number of a file.

Every JSON file that is written to be read again is a `Document`. Its first key names its kind and the
version of its shape: `"schema": "autoevol.run/2"`. Files of autoevol 0.1.0 have no such key and count
as version 1. A reader accepts its own version and every older one and ignores unknown keys, so a field
may be added without a new number.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self, TypeVar, Union, cast, get_args, get_origin, get_type_hints

_T = TypeVar("_T")


class Malformed(ValueError):
    """JSON that does not fit the requested record.

    Attributes:
        problem: What is wrong, without the path.
        place: Path to it, such as `optimization.dev_curve[2].dev`; '' for the whole.
    """

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.problem, self.place = problem, place


class NewerSchema(ValueError):
    """The file was written by a later version of autoevol."""


SPARSE = MappingProxyType({"sparse": True})
"""Field metadata: omit the field from the JSON while it has its default."""


class Record:
    """Mixin of frozen dataclasses that are written as JSON.

    Fields may be JSON values, enums, named tuples, other records, or mappings and tuples of these.
    """

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """This record as JSON, with keys in the order of its fields."""
        return _object(self)

    @classmethod
    def from_json(cls, data: Any) -> Self:  # noqa: ANN401 (JSON)
        """The inverse of `to_json`. Raises Malformed."""
        return build(cls, data)


class Document(Record):
    """A record that makes a whole file, or one JSON line on standard output.

    Declared with its schema: `class RunReport(Document, schema="autoevol.run/2")`.
    """

    __slots__ = ()
    SCHEMA: ClassVar[str]

    def __init_subclass__(cls, schema: str, **others: Any) -> None:  # noqa: ANN401
        super().__init_subclass__(**others)
        cls.SCHEMA = schema

    def to_json(self) -> dict[str, Any]:
        """This record as JSON; the first key is its schema."""
        return {"schema": self.SCHEMA, **_object(self)}

    @classmethod
    def from_json(cls, data: Any) -> Self:  # noqa: ANN401 (JSON)
        """The inverse of `to_json`, for this version of the schema and every older one.

        Raises:
            NewerSchema: If the data are of a later version.
            Malformed: If the data are of another kind or do not fit.
        """
        version = version_of(data, cls.SCHEMA)
        present = data if version is None else cls.upgraded(data, version)
        return build(cls, present)

    @classmethod
    def upgraded(cls, data: Mapping[str, Any], version: int) -> Mapping[str, Any]:
        """`data` of an older version in the current shape; by default unchanged."""
        return data


def version_of(data: Any, schema: str) -> int | None:  # noqa: ANN401 (JSON)
    """The schema version of `data` if it is older than `schema`, else None.

    Raises:
        NewerSchema: If it is later.
        Malformed: If `data` is not an object, or one of another kind.
    """
    if not isinstance(data, Mapping):
        raise Malformed(f"is not a JSON object but {type(data).__name__}")
    kind, _, present = schema.rpartition("/")
    written = data.get("schema", f"{kind}/1")
    other, _, number = str(written).rpartition("/")
    if other != kind or not number.isdecimal():
        raise Malformed(f"is of the schema {written!r}, not {kind}")
    if int(number) > int(present):
        raise NewerSchema(
            f"was written by a later version of autoevol (schema {written}; this one reads up to "
            f"{schema}): update autoevol to read it"
        )
    return int(number) if int(number) < int(present) else None


def encode(value: Any) -> Any:  # noqa: ANN401 (JSON)
    """A value of a record as JSON."""
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return _object(value)
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: encode(part) for name, part in cast(Any, value)._asdict().items()}
    if isinstance(value, Mapping):
        return {str(encode(key)): encode(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [encode(part) for part in value]
    return value


def build(kind: type[_T], data: Any) -> _T:  # noqa: ANN401 (JSON)
    """A dataclass or named tuple of type `kind` from a JSON object. Raises Malformed."""
    if not isinstance(data, Mapping):
        raise Malformed(f"expected an object, got {data!r:.60}")
    made = {}
    for name, hint, required in _shape(kind):
        if name in data:
            with _inside(name):
                made[name] = decode(hint, data[name])
        elif required:
            raise Malformed(f"{name!r} is missing")
    return kind(**made)


def decode(hint: Any, value: Any) -> Any:  # noqa: ANN401 (a type; JSON)
    """JSON as a value of the type `hint`. Raises Malformed."""
    kind, args = get_origin(hint) or hint, get_args(hint)
    if hint is Any:
        return value
    if kind in (Union, types.UnionType):
        return _decode_union(args, value)
    if kind is Literal:
        return value if value in args else _refuse(f"one of {args}", value)
    if kind in (dict, Mapping):
        return _decode_mapping(args, value)
    if kind is tuple and not hasattr(hint, "_fields"):
        return _decode_tuple(args, value)
    if isinstance(kind, type):
        return _decode_one(kind, value)
    raise TypeError(f"{hint} is not a type that a record may hold")


def _decode_one(kind: type, value: Any) -> Any:  # noqa: ANN401
    if issubclass(kind, Record):
        return kind.from_json(value)
    if issubclass(kind, Enum):
        return kind(value) if value in [one.value for one in kind] else _refuse(kind.__name__, value)
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        return build(kind, value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    # True is an int to Python, and not to a reader of JSON.
    fits = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    return value if fits else _refuse(kind.__name__, value)


def _decode_union(args: tuple[Any, ...], value: Any) -> Any:  # noqa: ANN401
    if value is None and types.NoneType in args:
        return None
    rest = [hint for hint in args if hint is not types.NoneType]
    if len(rest) == 1:
        return decode(rest[0], value)
    # Several plain types: each is already itself in JSON, so nothing needs converting.
    return value if type(value) in rest else _refuse(" or ".join(one.__name__ for one in rest), value)


def _decode_mapping(args: tuple[Any, ...], value: Any) -> dict[Any, Any]:  # noqa: ANN401
    if not isinstance(value, Mapping):
        _refuse("an object", value)
    made = {}
    for key, part in value.items():
        with _inside(str(key)):
            # JSON keys are always text, so integer keys are turned back here.
            name = int(key) if args[0] is int and str(key).lstrip("-").isdecimal() else decode(args[0], key)
            made[name] = decode(args[1], part)
    return made


def _decode_tuple(args: tuple[Any, ...], value: Any) -> tuple[Any, ...]:  # noqa: ANN401
    if not isinstance(value, Sequence) or isinstance(value, str):
        _refuse("a list", value)
    hints = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
    if len(hints) != len(value):
        _refuse(f"{len(hints)} values", value)
    made = []
    for number, (hint, part) in enumerate(zip(hints, value, strict=True)):
        with _inside(f"[{number}]"):
            made.append(decode(hint, part))
    return tuple(made)


def _object(record: Any) -> dict[str, Any]:  # noqa: ANN401 (a dataclass)
    shown = ((one, getattr(record, one.name)) for one in fields(record))
    return {one.name: encode(value) for one, value in shown if not _left_out(one, value)}


def _left_out(one: Field[Any], value: Any) -> bool:  # noqa: ANN401
    if "sparse" not in one.metadata:
        return False
    return bool(value == (one.default if one.default_factory is MISSING else one.default_factory()))


@cache
def _shape(kind: type) -> tuple[tuple[str, Any, bool], ...]:
    """(name, type, required) of every field."""
    hints = get_type_hints(kind)
    if is_dataclass(kind):
        return tuple(
            (one.name, hints[one.name], one.default is MISSING and one.default_factory is MISSING)
            for one in fields(kind)
            if one.init  # the others are derived from these, and written for human readers only
        )
    made = cast(Any, kind)
    return tuple((name, hints[name], name not in made._field_defaults) for name in made._fields)


@contextmanager
def _inside(part: str) -> Iterator[None]:
    try:
        yield
    except Malformed as error:
        joint = "." if error.place and not error.place.startswith("[") else ""
        raise Malformed(error.problem, f"{part}{joint}{error.place}") from None


def _refuse(wanted: str, value: Any) -> Any:  # noqa: ANN401
    raise Malformed(f"expected {wanted}, got {value!r:.60}")
