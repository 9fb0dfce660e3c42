"""A record's columns as one conversation, whichever columns it stands in.

What went before an instruction (`system`, `history`) and what answers it may stand in columns of
their own; here they become the turns that they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import orjson

from autoevol.core.errors import InputError
from autoevol.data.text import is_blank, kind_of, listed, optional_text, text_of
from autoevol.data.turns import Exchange, Speaker, exchanges, raw_turn, turn_list

Columns = Mapping[str, object]

TURN_COLUMNS = ("conversations", "messages", "conversation")
SYSTEM_COLUMNS = ("system", "system_prompt")
ANSWER_COLUMNS = (
    "output", "response", "answer", "completion", "solution", "generated_solution", "reply", "chosen",
)  # fmt: skip
# Text that an instruction refers to ("the given list") must never be dropped, or it cannot be
# answered. Dolly calls `context` what Alpaca calls `input`.
_JOINED = ("input", "context")
COMPANIONS = frozenset({*TURN_COLUMNS, *SYSTEM_COLUMNS, *ANSWER_COLUMNS, *_JOINED, "history"})


class Conversation(NamedTuple):
    """The turns of one record.

    Attributes:
        turns: In the ShareGPT or the chat notation, as the record has them.
        where: What messages call the list.
        last_only: Whether the turns before the last user's are nothing but its context.
    """

    turns: list[object]
    where: str
    last_only: bool = False

    def exchanges(self) -> Iterator[Exchange]:
        """The exchanges that may be evolved, read as asked for.

        Raises:
            InputError: While reading, without a place, at a turn that cannot be used.
        """
        every = exchanges(self.turns, self.where)
        return iter(list(every)[-1:]) if self.last_only else every

    @property
    def first(self) -> Exchange:
        """The first that may be evolved. Raises InputError."""
        return next(self.exchanges())


def of_text(text: object, where: str) -> Conversation:
    """A conversation of one turn: a text and nothing else. Raises InputError."""
    return Conversation([_said("user", text_of(text, where))], where)


def of_turns(column: str, columns: Columns) -> Conversation:
    """The conversation in a column that holds turns, behind a system turn in a column of its own.

    Raises:
        InputError: There is no such column, or no list of turns in it.
    """
    turns = _turns(present(columns, column), column)
    return Conversation([*_system(columns, turns), *turns], column)


def of_prompt(column: str, answers: tuple[str, ...], columns: Columns) -> Conversation:
    """The conversation of an instruction in one column, its answer and what went before in others.

    Args:
        column: The instruction: text, or a list of turns that ends with it.
        answers: Columns that hold the answer to an instruction of this name; others may as well.
        columns: The record.

    Raises:
        InputError: A column is missing, or holds something else.
    """
    for name in TURN_COLUMNS:
        if isinstance(columns.get(name), list) and columns[name]:
            told = of_turns(name, columns)
            return told._replace(last_only=_evolved_last(told.turns, columns.get(column), name))
    prompt = present(columns, column)
    if _is_turns(prompt):
        asked = _turns(prompt, column)
    else:
        text = text_of(prompt, column)
        extras = (optional_text(columns.get(name), name) for name in _JOINED)
        asked = [_said("user", "\n\n".join([text, *(extra for extra in extras if extra is not None)]))]
    reply = _answer(columns, answers)
    if _begins_with(reply, Speaker.SYSTEM, Speaker.USER):
        asked = []  # a preference often repeats its prompt
    turns = [*_history(columns), *asked, *reply]
    return Conversation([*_system(columns, turns), *turns], column)


def present(columns: Columns, column: str) -> object:
    """The value of a column that must be there. Raises InputError."""
    if column not in columns:
        raise InputError(f"no column {column!r}; columns seen: {listed(columns)}")
    return columns[column]


def _said(role: str, text: object) -> dict[str, object]:
    return {"role": role, "content": text}


def _turns(value: object, where: str) -> list[object]:
    """A list of turns; bare strings (LIMA) take turns, and CSV files have a list as JSON."""
    value = _unpacked(value)
    turns = turn_list(value, where)
    if turns and all(isinstance(turn, str) for turn in turns):
        return [_said(("user", "assistant")[number % 2], text) for number, text in enumerate(turns)]
    return turns


def _unpacked(value: object) -> object:
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _system(columns: Columns, turns: list[object]) -> list[object]:
    """The system turn that stands in a column, unless the turns begin with one."""
    texts = (optional_text(columns.get(name), name) for name in SYSTEM_COLUMNS)
    text = next((text for text in texts if text is not None), None)
    return [] if text is None or _begins_with(turns, Speaker.SYSTEM) else [_said("system", text)]


def _begins_with(turns: list[object], *speakers: Speaker) -> bool:
    first = turns[0] if turns else None
    return isinstance(first, dict) and raw_turn(first, "turn 1").speaker in speakers


def _history(columns: Columns) -> list[object]:
    """Earlier turns in a column: pairs of texts, as LLaMA-Factory has them, or turns."""
    value = _unpacked(columns.get("history"))
    if is_blank(value):
        return []
    if not isinstance(value, list):
        raise InputError(f"history is {kind_of(value)}; expected pairs of texts, the user's and the answer")
    turns: list[object] = []
    for number, entry in enumerate(value):
        if isinstance(entry, list) and len(entry) == 2:
            asked, answer = (text_of(text, f"history[{number}]") for text in entry)
            turns += (_said("user", asked), _said("assistant", answer))
        elif isinstance(entry, dict):
            turns.append(entry)
        else:
            raise InputError(f"history[{number}] is {kind_of(entry)}; expected a pair of texts")
    return turns


def _answer(columns: Columns, own: tuple[str, ...]) -> list[object]:
    """The answer as turns: none where there is none.

    A column that belongs to the shape must hold an answer or nothing. Another one that holds
    something else is no answer.
    """
    for name in own:
        value = columns.get(name)
        if _is_turns(value):
            return _turns(value, name)
        if (text := optional_text(value, name)) is not None:
            return [_said("assistant", text)]
    for name in ANSWER_COLUMNS:
        value = columns.get(name)
        if _is_turns(value):
            return _turns(value, name)
        if isinstance(value, str | int | float) and not is_blank(value):
            return [_said("assistant", optional_text(value, name))]
    return []


def _is_turns(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _evolved_last(turns: list[object], instruction: object, where: str) -> bool:
    """Whether `instruction` is the last user turn, with another before: as autoevol writes its rows."""
    asked = [turn for turn in (raw_turn(turn, where) for turn in turns) if turn.speaker is Speaker.USER]
    return len(asked) > 1 and asked[-1].said == instruction
