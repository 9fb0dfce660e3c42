"""Text values, and conversations in the ShareGPT and chat notations.

Every function raises InputError with the reason alone; the caller knows the file and line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from autoevol.core.errors import InputError
from autoevol.core.records import Message

_SYSTEM = frozenset({"system", "developer"})
_USER = frozenset({"human", "user"})
_ASSISTANT = frozenset({"gpt", "assistant", "chatgpt", "bot", "model"})
_ROLES = {"system": _SYSTEM, "user": _USER, "assistant": _ASSISTANT}


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


def read_turns(turns: object, where: str) -> list[tuple[str, str]]:
    """A conversation as (role, text); roles are `system`, `user` and `assistant`.

    Turns are `{from, value}` or `{role, content}`; content is text or a list of text parts.

    Raises:
        InputError: Not an optional system turn and then user and assistant in turns, ending with
            the assistant; or a turn is no text.
    """
    if not isinstance(turns, list):
        raise InputError(f"{where} is {kind_of(turns)}; expected a list of turns")
    read: list[tuple[str, str]] = []
    for number, turn in enumerate(turns):
        place = f"{where}[{number}]"
        name, said = _turn(turn, place)
        role = next((role for role, names in _ROLES.items() if name in names), None)
        spoken = len(read) - (bool(read) and read[0][0] == "system")
        expected = ("user", "assistant")[spoken % 2]
        if role is None or (role != expected and not (role == "system" and not read)):
            raise InputError(f"{place} is a turn of {name!r}; expected one of the {expected}")
        read.append((role, text_of(_joined(said, place), place)))
    if not read or read[-1][0] != "assistant":
        raise InputError(f"{where} does not end with a turn of the assistant")
    return read


def first_exchange(turns: object, where: str) -> tuple[str, str | None]:
    """The first user turn, and the assistant's next turn if there is one with text.

    Turns are `{from, value}` or `{role, content}`; content is text or a list of text parts.
    System turns may come first and are not part of the instruction.

    Raises:
        InputError: Not a list of turns, or it starts with anybody but the user.
    """
    if not isinstance(turns, list):
        raise InputError(f"{where} is {kind_of(turns)}; expected a list of turns")
    named = [_turn(turn, f"{where}[{number}]") for number, turn in enumerate(turns)]
    start = next((number for number, (role, _) in enumerate(named) if role not in _SYSTEM), len(named))
    if start == len(named):
        raise InputError(f"{where} holds no user turn")
    role, said = named[start]
    if role not in _USER:
        # A slice out of the middle: what the user says later refers to turns that are not there.
        raise InputError(f"{where} starts with a turn of {role!r}; expected the user's")
    instruction = text_of(_joined(said, f"{where}[{start}]"), f"{where}[{start}]")
    answers = (number for number in range(start + 1, len(named)) if named[number][0] in _ASSISTANT)
    answer = next(answers, None)
    if answer is None:
        return instruction, None
    place = f"{where}[{answer}]"
    return instruction, optional_text(_joined(named[answer][1], place), place)


class Exchange(NamedTuple):
    """A user's turn, the assistant's answer to it if there is one with text, and what went before."""

    instruction: str
    answer: str | None
    context: tuple[Message, ...]


def exchanges(turns: object, where: str) -> Iterator[Exchange]:
    """Every user turn of a conversation that begins as `first_exchange` wants it; read as asked for.

    Raises:
        InputError: A turn belongs to anybody but system, user and assistant, or holds no text.
    """
    if not isinstance(turns, list):
        raise InputError(f"{where} is {kind_of(turns)}; expected a list of turns")
    context: list[Message] = []
    asked: str | None = None
    for number, turn in enumerate(turns):
        place = f"{where}[{number}]"
        role, said = _turn(turn, place)
        if role in _ASSISTANT:
            answer = optional_text(_joined(said, place), place)
            if asked is not None:
                yield Exchange(asked, answer, tuple(context))
                context.append(Message("user", asked))
                asked = None
            if answer is not None:
                context.append(Message("assistant", answer))
            continue
        if role not in _SYSTEM | _USER:
            raise InputError(f"{place} is a turn of {role!r}; expected system, user or assistant")
        text = text_of(_joined(said, place), place)
        if role in _SYSTEM:
            context.append(Message("system", text))
        else:
            # Two user turns in a row are one message in two parts.
            asked = text if asked is None else f"{asked}\n\n{text}"
    if asked is not None:
        yield Exchange(asked, None, tuple(context))


def _turn(turn: object, where: str) -> tuple[str, object]:
    """Role and content of one turn, in either notation."""
    if not isinstance(turn, dict):
        raise InputError(f"{where} is {kind_of(turn)}; expected a turn")
    if "from" in turn:
        role, said = turn["from"], turn.get("value")
    else:
        role, said = turn.get("role"), turn.get("content")
    if not isinstance(role, str):
        raise InputError(f"{where} has no role (`from` or `role`)")
    return role.strip().lower(), said


def _joined(content: object, where: str) -> object:
    """A list of text parts as one text; anything else as it is."""
    if not isinstance(content, list):
        return content
    return "\n".join(_part_texts(content, where))


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
