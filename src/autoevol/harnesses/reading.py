"""Reading files that others have written: whatever is wrong is one sentence with file and place."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from autoevol.core.errors import InputError
from autoevol.core.text import excerpt
from autoevol.data.files import LONGEST, shown, snippet_of
from autoevol.data.lines import jsonl_records


def json_of(path: Path) -> Any:  # noqa: ANN401 (JSON)
    """The content of a JSON file. Raises InputError if it cannot be read, is too large, or no JSON."""
    try:
        if path.stat().st_size > 16 * LONGEST:
            raise InputError(f"{shown(path)} is larger than {16 * LONGEST:,} bytes; is it a result?")
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{shown(path)} cannot be read: {error}") from error
    except orjson.JSONDecodeError as error:
        raise InputError(
            f"{shown(path)}, line {error.lineno}: not valid JSON: {error.msg}. If its harness was stopped "
            "while it wrote, remove the file"
        ) from error


def object_of(path: Path) -> Mapping[str, Any]:
    """The JSON object in a file. Raises InputError as `json_of`, or if it is something else."""
    return as_object(json_of(path), shown(path))


def lines_of(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects of a JSONL file with their places. Raises InputError for what is none."""
    try:
        with path.open("rb") as stream:
            for raw in jsonl_records(stream, shown(path)):
                place = f"{shown(path)}, line {raw.line}"
                if raw.problem is not None:
                    raise InputError(f"{place}: {raw.problem}")
                yield place, as_object(raw.value, place)
    except OSError as error:
        raise InputError(f"{shown(path)} cannot be read: {error}") from error


def rows_of(path: Path) -> list[tuple[str, Mapping[str, str]]]:
    """The rows of a CSV file with their places. Raises InputError if it cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, strict=True, restkey="", restval="")
            return [(f"{shown(path)}, line {reader.line_num}", row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{shown(path)} cannot be read as CSV: {error}") from error


def as_object(value: object, place: str) -> Mapping[str, Any]:
    """`value` if it is a JSON object. Raises InputError."""
    if not isinstance(value, Mapping):
        raise InputError(f"{place}: an object is expected, not {snippet_of(value)}")
    return value


def as_list(value: object, place: str) -> list[Any]:
    """`value` if it is a JSON list. Raises InputError."""
    if not isinstance(value, list):
        raise InputError(f"{place}: a list is expected, not {snippet_of(value)}")
    return value


def text_in(record: Mapping[str, Any], key: str, place: str) -> str:
    """The text under `key`. Raises InputError if there is none."""
    value = record.get(key)
    if not isinstance(value, str):
        raise InputError(f"{place}: {key!r} should be text, not {snippet_of(value)}")
    return value


def number_in(record: Mapping[str, Any], key: str, place: str, low: float = 0.0, high: float = 1.0) -> float:
    """The number under `key`, also one written as text or as true or false.

    Raises:
        InputError: If there is none, or it is not within `low` and `high`.
    """
    value = record.get(key)
    try:
        number = math.nan if value is None or isinstance(value, list | dict) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high:
        raise InputError(
            f"{place}: {key!r} should be a number from {low:g} to {high:g}, not {snippet_of(value)}"
        )
    return number


def shown_name(value: object) -> str:
    """A name out of a file, on one line and not too long for a table or a message."""
    return excerpt(str(value), 60)


def same_model(one: str, other: str) -> bool:
    """Whether two names of a model end alike: a folder may have been moved."""
    return _last(one) == _last(other)


def model_id(model: str) -> str:
    """The last part of a name or path, which harnesses call a model by."""
    return _last(model) or model


def _last(name: str) -> str:
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2]
