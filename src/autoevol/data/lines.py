"""Formats that are read line by line in bounded memory: JSONL, plain text, CSV and TSV.

JSONL never goes through the `datasets` library: it turns columns of date strings into
timestamps, and one malformed line aborts its whole load.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Generator
from typing import IO

import orjson

from autoevol.core.errors import InputError
from autoevol.data.files import LONGEST, NOT_UTF8, Raw, snippet_of, snippet_of_bytes
from autoevol.data.text import listed

_BOM = b"\xef\xbb\xbf"
_MOST_COLUMNS = 10_000


def jsonl_records(stream: IO[bytes], name: str) -> Generator[Raw, None, None]:
    """One record per line that is not blank; a malformed line is a record with a problem.

    Raises:
        InputError: A line is longer than `LONGEST` bytes.
    """
    for number, line in _lines(stream, name, "JSONL"):
        yield _parsed(line, number)


def text_records(stream: IO[bytes], name: str) -> Generator[Raw, None, None]:
    """One prompt per line that is not blank, as a string; a line that is not UTF-8 has a problem.

    Raises:
        InputError: A line is longer than `LONGEST` bytes.
    """
    for number, line in _lines(stream, name, "a text with one prompt a line"):
        try:
            yield Raw(number, line.decode().strip())
        except UnicodeDecodeError as exc:
            problem = f"not UTF-8 (byte {exc.start + 1} of the line). {NOT_UTF8}"
            yield Raw(number, None, problem, snippet_of_bytes(line))


def _lines(stream: IO[bytes], name: str, kind: str) -> Generator[tuple[int, bytes], None, None]:
    """Lines that are not blank with their numbers, without a byte order mark."""
    number = 0
    # Lines end at \n alone: U+2028 and the like are ordinary characters inside JSON strings.
    while line := stream.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise InputError(f"{name}, line {number}: longer than {LONGEST:,} bytes. Is it {kind}?")
        if number == 1:
            line = line.removeprefix(_BOM)
        if not line.isspace() and line:
            yield number, line


def _parsed(line: bytes, number: int) -> Raw:
    try:
        return Raw(number, orjson.loads(line))
    except orjson.JSONDecodeError:
        pass
    # The standard parser says what is wrong, and takes the NaN that Python writes.
    try:
        return Raw(number, json.loads(line.decode()))
    except UnicodeDecodeError as exc:
        problem = f"not UTF-8 (byte {exc.start + 1} of the line). {NOT_UTF8}"
    except json.JSONDecodeError as exc:
        problem = f"not valid JSON: {exc.msg} at column {exc.colno}"
    except (ValueError, RecursionError):
        problem = "not usable JSON: a number too long or nesting too deep"
    return Raw(number, None, problem, snippet_of_bytes(line))


def csv_records(stream: IO[bytes], name: str, delimiter: str) -> Generator[Raw, None, None]:
    """One record per row below the header, every value a string.

    Quoting is that of spreadsheets and pandas, for TSV too: a field with the delimiter, a
    quote or a line break stands in double quotes.

    Raises:
        InputError: The header is missing or unusable, or a quote is never closed (everything
            after it would be one field).
    """
    # The limit is the process's; only ever raise it, other code may rely on its own.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
    # Bytes that are not UTF-8 become lone surrogates and are found again record by record.
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    header: list[str] = []
    end = 0
    while True:
        start = end + 1
        try:
            fields = next(reader, None)
        except csv.Error as exc:
            _check_readable(exc, f"{name}, line {start}")
            end = reader.line_num
            yield Raw(start, None, f"not valid CSV: {exc}")
            continue
        end = reader.line_num
        if fields is None:
            return
        if not fields:
            continue
        if not header:
            header = _checked_header(fields, f"{name}, line {start}", delimiter)
            continue
        problem = _row_problem(fields, header)
        if problem:
            yield Raw(start, None, problem, snippet_of(delimiter.join(fields)))
        else:
            yield Raw(start, dict(zip(header, fields, strict=True)))


def _check_readable(exc: csv.Error, place: str) -> None:
    """Raise where reading on would lose an unknown number of rows."""
    if "unexpected end of data" in str(exc):
        raise InputError(f"{place}: a quote is opened and never closed. Close it, or double it") from exc
    if "field limit" in str(exc):
        raise InputError(f"{place}: a field longer than {LONGEST:,} bytes. Is a quote left open?") from exc


def _checked_header(fields: list[str], place: str, delimiter: str) -> list[str]:
    if len(fields) > _MOST_COLUMNS:
        raise InputError(
            f"{place}: the header has {len(fields):,} columns ({listed(fields, 3)}); at most "
            f"{_MOST_COLUMNS:,} are read. Is the table transposed, or its first line break lost?"
        )
    if _not_utf8("".join(fields)):
        raise InputError(f"{place}: the header is not UTF-8. {NOT_UTF8}")
    twice = [column for column, times in Counter(fields).items() if times > 1]
    if twice:
        raise InputError(f"{place}: the header names {listed(twice)} more than once. Rename the columns")
    if len(fields) == 1:
        other = next((sign for sign in "\t;|," if sign != delimiter and sign in fields[0]), None)
        if other:
            raise InputError(
                f"{place}: the header has one column, {listed(fields)}. The columns seem to be "
                f"separated by {other!r}: use commas in a .csv file, tabs in a .tsv file"
            )
    return fields


def _row_problem(fields: list[str], header: list[str]) -> str | None:
    if len(fields) != len(header):
        return (
            f"{len(fields):,} fields, but the header has {len(header):,} columns. "
            "Put fields that contain the separator in double quotes"
        )
    if _not_utf8("".join(fields)):
        return f"not UTF-8. {NOT_UTF8}"
    return None


def _not_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
