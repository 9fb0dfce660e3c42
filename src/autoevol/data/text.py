"""Values of a record as text that can be sent and stored.

Every function raises InputError with the reason alone; the caller knows the file and line.
"""

from __future__ import annotations

from collections.abc import Iterable

from autoevol.core.errors import InputError


def kind_of(value: object) -> str:
    """What `value` is, in the words of the file formats: `a list`, `null`, ..."""
    if value is None:
        return "null"
    names = {str: "text", bool: "a boolean", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), "an object" if isinstance(value, dict) else f"a {type(value).__name__}")


def is_blank(value: object) -> bool:
    """Whether an optional value says nothing: null, white space, or NaN (pandas' null)."""
    return value is None or (isinstance(value, str) and not value.strip()) or value != value


def text_of(value: object, where: str) -> str:
    """`value` as it is, if it is text that can be sent and stored.

    Raises:
        InputError: It is not text, it is blank, or it cannot be written as UTF-8.
    """
    if not isinstance(value, str):
        raise InputError(f"{where} is {kind_of(value)}; expected text")
    if not value.strip():
        raise InputError(f"{where} is blank")
    return _encodable(value, where)


def optional_text(value: object, where: str) -> str | None:
    """Text or a number as text; None where `is_blank`.

    Raises:
        InputError: It is a list or an object, or it cannot be written as UTF-8.
    """
    if is_blank(value):
        return None
    if isinstance(value, str):
        return _encodable(value, where)
    if isinstance(value, int | float):
        return str(value)
    raise InputError(f"{where} is {kind_of(value)}; expected text")


def joined_parts(content: object, where: str) -> object:
    """A list of text parts as one text; anything else as it is.

    Raises:
        InputError: A part is no text, such as an image.
    """
    if not isinstance(content, list):
        return content
    return "\n".join(_part_texts(content, where))


def listed(names: Iterable[str], most: int = 12) -> str:
    """Column names for a message, at most `most` of them: a table may have 100,000."""
    names = list(names)
    shown = ", ".join(repr(name if len(name) <= 60 else name[:57] + "...") for name in names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown or "none"


def _part_texts(parts: list[object], where: str) -> Iterable[str]:
    for number, part in enumerate(parts):
        place = f"{where} part {number + 1}"
        if isinstance(part, dict):
            kind = part.get("type", "text")
            if kind not in ("text", "input_text", "output_text"):
                raise InputError(f"{place} is of type {kind!r}; only text can be evolved")
            part = part.get("text")
        if not isinstance(part, str):
            raise InputError(f"{place} is {kind_of(part)}; expected text")
        yield part


def _encodable(text: str, where: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{where} is not valid UTF-8: it holds a lone surrogate") from None
    return text
