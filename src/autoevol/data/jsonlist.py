"""JSON files: a list of records, an object with the list under "data", or JSONL by another name.

The list is walked value by value, so that every record has its line in the file and only
one parsed record is in memory at a time (the text as a whole is in memory).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Generator
from json.decoder import JSONDecodeError
from typing import IO

import orjson

from autoevol.core.errors import InputError
from autoevol.data.files import Raw
from autoevol.data.lines import jsonl_records
from autoevol.data.text import listed

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def json_records(stream: IO[bytes], name: str) -> Generator[Raw, None, None]:
    """The records of a JSON file in order.

    Raises:
        InputError: The file is not JSON from start to end, or holds no list of records. A
            broken list is never skipped over: how many records are lost is unknown.
    """
    content = stream.read().removeprefix(b"\xef\xbb\xbf")
    if _is_jsonl(content):
        yield from jsonl_records(io.BytesIO(content), name)
        return
    # Bytes that are not UTF-8 become lone surrogates, which only their own record suffers for.
    text = content.decode("utf-8", "surrogateescape")
    try:
        start = _list_start(text, name)
        if start is not None:
            yield from _walk(text, start)
    except JSONDecodeError as exc:
        raise InputError(
            f"{name}, line {exc.lineno}: not valid JSON: {exc.msg} at column {exc.colno}. "
            "If the file was cut off, fetch it again; one record per line belongs in a .jsonl file"
        ) from exc
    except (ValueError, RecursionError) as exc:
        raise InputError(f"{name}: not usable JSON: a number too long or nesting too deep") from exc


def _is_jsonl(content: bytes) -> bool:
    """Whether the first line is a record of its own: many JSONL files are called .json."""
    first, _, _ = content.lstrip().partition(b"\n")
    if not first.startswith((b"{", b'"')):
        return False
    try:
        value = orjson.loads(first)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, str) or not isinstance(value.get("data"), list)


def _list_start(text: str, name: str) -> int | None:
    """Where the list of records opens; None for a file of white space."""
    at = _skip(text, 0)
    if at == len(text):
        return None
    if text[at] == "[":
        return at
    if text[at] != "{":
        value, _ = _DECODER.raw_decode(text, at)
        raise InputError(f"{name}, line 1: expected a list of records, found {str(value)[:60]!r}")
    seen: list[str] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _expect(text, _skip(text, at), ":"))
        if key == "data" and text[at : at + 1] == "[":
            return at
        seen.append(key)
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ",":
            break
        at = _skip(text, at + 1)
    _expect(text, at, "}")
    raise InputError(
        f"{name}, line 1: one object, with the keys {listed(seen)}. Expected a list of "
        'records, or an object with that list under "data"'
    )


def _walk(text: str, at: int) -> Generator[Raw, None, None]:
    """The values of the list that opens at `at`, with their lines; then checks the end."""
    inside_object = bool(text[:at].strip())
    line, counted = 1, 0
    at = _skip(text, at + 1)
    more = text[at : at + 1] != "]"
    while more:
        line += text.count("\n", counted, at)
        counted = at
        value, at = _DECODER.raw_decode(text, at)
        yield Raw(line, value)
        at = _skip(text, at)
        more = text[at : at + 1] == ","
        if more:
            at = _skip(text, at + 1)
    at = _skip(text, _expect(text, at, "]"))
    if at < len(text) and not inside_object:
        raise JSONDecodeError("Extra data after the list", text, at)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, sign: str) -> int:
    """The position after `sign`, which must stand at `at`."""
    if text[at : at + 1] != sign:
        raise JSONDecodeError(f"Expecting {sign!r}", text, at)
    return at + 1
