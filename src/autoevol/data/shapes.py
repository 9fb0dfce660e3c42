"""The shapes that seed files come in, each read as a conversation.

A shape is recognised by its leading column, in the order of `_KNOWN`; no flag is needed. An answer
counts under any of the names in `ANSWER_COLUMNS`, and `system`, `system_prompt` and `history` are turns.

    alpaca             instruction, input, output (or Dolly's context, response)
    gsm8k              question, answer (OpenOrca: system_prompt, question, response)
    sharegpt           conversations: [{from, value}, ...]; LIMA: [text, text, ...]
    chat               messages: [{role, content}, ...]; LMSYS: conversation
    prompt-completion  prompt, completion or chosen: strings or lists of messages
    metamath           query, response
    math               problem, solution
    text               text, any single column of text, or bare strings
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from autoevol.core.errors import InputError
from autoevol.data.conversation import (
    COMPANIONS,
    SYSTEM_COLUMNS,
    Columns,
    Conversation,
    of_prompt,
    of_text,
    of_turns,
    present,
)
from autoevol.data.text import kind_of, listed


class Seed(NamedTuple):
    """What one record says: the instruction, and the answer it carries if it has one."""

    instruction: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class Shape:
    """How to read every record of one file.

    Attributes:
        name: The shape in words, for reports.
        conversation: Record in, turns out. Raises InputError, without a place, if it does not fit.
    """

    name: str
    conversation: Callable[[object], Conversation]

    def read(self, record: object) -> Seed:
        """The first exchange of a record. Raises InputError, without a place, if it does not fit."""
        first = self.conversation(record).first
        return Seed(first.instruction, first.answer)


def recognise(record: object, field: str | None = None) -> Shape:
    """Decide the shape of a file from one of its records.

    Args:
        record: A mapping from column to value, or a bare string.
        field: The column that holds the instruction, or turns; overrides every shape.

    Raises:
        InputError: No shape fits; the message names the columns seen.
    """
    if field is not None:
        return Shape(f"field {field!r}", partial(_read_field, field))
    if isinstance(record, str):
        return Shape("text strings", _read_string)
    columns = _columns(record)
    for name, column, read in _KNOWN:
        if column in columns:
            return Shape(name, partial(_read, read))
    column = _only_text_column(columns)
    if column is not None:
        return Shape(f"text column {column!r}", partial(_read, partial(of_prompt, column, ())))
    raise InputError(
        f"no known shape fits. Columns seen: {listed(columns)}. "
        f"Name the column that holds the instruction with --field{_suggestion(columns)}"
    )


def needed_columns(names: Iterable[str], field: str | None) -> list[str]:
    """The columns of a table that `recognise` and the shape's reader look at, in table order.

    A table may carry embeddings or images beside its text: decoding them is costly and useless.
    """
    names = list(names)
    others = _LEADING.intersection(names) - {field}
    if field in names:
        used = {field, *SYSTEM_COLUMNS} if others else {field} | COMPANIONS
    else:
        used = others | COMPANIONS if others and field is None else set(names)
    return [name for name in names if name in used]


def _read(read: _Reader, record: object) -> Conversation:
    return read(_columns(record))


def _read_field(field: str, record: object) -> Conversation:
    columns = _columns(record)
    if isinstance(present(columns, field), list):
        return of_turns(field, columns)
    if _LEADING.intersection(columns) - {field}:
        # The answer and the earlier turns belong to the instruction in the column of a known name.
        columns = {name: columns[name] for name in (field, *SYSTEM_COLUMNS) if name in columns}
    return of_prompt(field, (), columns)


def _read_string(record: object) -> Conversation:
    if not isinstance(record, str):
        raise InputError(f"the record is {kind_of(record)}, but the file began with bare strings")
    return of_text(record, "the string")


_Reader = Callable[[Columns], Conversation]
_KNOWN: tuple[tuple[str, str, _Reader], ...] = (
    ("alpaca", "instruction", partial(of_prompt, "instruction", ("output", "response"))),
    ("gsm8k", "question", partial(of_prompt, "question", ("answer",))),
    ("sharegpt", "conversations", partial(of_turns, "conversations")),
    # Before the columns of text: chat sets often repeat their first user turn in one of them.
    ("chat", "messages", partial(of_turns, "messages")),
    ("chat", "conversation", partial(of_turns, "conversation")),
    ("prompt-completion", "prompt", partial(of_prompt, "prompt", ("completion",))),
    ("metamath", "query", partial(of_prompt, "query", ("response",))),
    ("math", "problem", partial(of_prompt, "problem", ("solution",))),
    ("text column 'text'", "text", partial(of_prompt, "text", ())),
)
_LEADING = frozenset(column for _, column, _ in _KNOWN)

_NAME = re.compile(r"[\w.-]+(?: [\w.-]+){0,2}")
_IDENTIFIER = re.compile(r"(?:.*[_-])?(?:id|idx|index|uuid|guid|hash|url|date)", re.IGNORECASE)


def _only_text_column(columns: Mapping[str, object]) -> str | None:
    """The one column that can hold the instruction, if there is exactly one.

    A null may stand for text, so a record with a null leaves the question open. A name that
    reads like a sentence or holds separators is a first row without a header, or a table
    cut at the wrong character: guessing from it would silently lose data.
    """
    texts = [name for name, value in columns.items() if value is None or isinstance(value, str)]
    if len(texts) != 1 or not _NAME.fullmatch(texts[0]) or _IDENTIFIER.fullmatch(texts[0]):
        return None
    return texts[0]


def _suggestion(columns: Mapping[str, object]) -> str:
    """A concrete --field, where a known name is spelt in other case: `Instruction`."""
    for name in columns:
        if name.lower() in _LEADING:
            return f" {name}"
    return ""


def _columns(record: object) -> Columns:
    if not isinstance(record, dict):
        raise InputError(f"the record is {kind_of(record)}; expected an object with named columns")
    return record
