"""The shapes that seed files come in, and how each is turned into one instruction.

A shape is recognised by its leading column, in the order of `_KNOWN`; no flag is needed.

    alpaca             instruction, input, output (or Dolly's context, response)
    gsm8k              question, answer
    sharegpt           conversations: [{from, value}, ...]
    chat               messages: [{role, content}, ...]
    prompt-completion  prompt, completion: strings or lists of messages
    text               text, any single column of text, or bare strings
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from autoevol.core.errors import InputError
from autoevol.data.turns import Exchange, exchanges, first_exchange, is_blank, kind_of, optional_text, text_of


class Seed(NamedTuple):
    """What one record says: the instruction, and the answer it carries if it has one."""

    instruction: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class Shape:
    """How to read every record of one file.

    Attributes:
        name: The shape in words, for reports.
        read: Record in, seed out. Raises InputError, without a place, if the record does not fit.
    """

    name: str
    read: Callable[[object], Seed]


def recognise(record: object, field: str | None = None) -> Shape:
    """Decide the shape of a file from one of its records.

    Args:
        record: A mapping from column to value, or a bare string.
        field: The column that holds the instruction; overrides every shape (no reference is read).

    Raises:
        InputError: No shape fits; the message names the columns seen.
    """
    if field is not None:
        return Shape(f"field {field!r}", partial(_read_column, field))
    if isinstance(record, str):
        return Shape("text strings", _read_string)
    columns = _columns(record)
    for name, column, read in _KNOWN:
        if column in columns:
            return Shape(name, read)
    column = _only_text_column(columns)
    if column is not None:
        return Shape(f"text column {column!r}", partial(_read_column, column))
    raise InputError(
        f"no known shape fits. Columns seen: {listed(columns)}. "
        f"Name the column that holds the instruction with --field{_suggestion(columns)}"
    )


def dialogue(record: object, shape: str) -> Iterator[Exchange] | None:
    """The exchanges of a record, read as asked for; None where records of the shape hold no turns.

    Raises:
        InputError: While reading, without a place, at a turn that cannot be used.
    """
    if not isinstance(record, Mapping):
        return None
    column = {"sharegpt": "conversations", "chat": "messages"}.get(shape)
    if column is not None:
        return exchanges(record.get(column), column)
    if shape == "prompt-completion" and isinstance(record.get("prompt"), list):
        completion = record.get("completion")
        answer = (
            completion if isinstance(completion, list) else [{"role": "assistant", "content": completion}]
        )
        return exchanges([*record["prompt"], *answer], "prompt")
    return None


def needed_columns(names: Iterable[str], field: str | None) -> list[str]:
    """The columns of a table that `recognise` and the shape's `read` look at, in table order.

    A table may carry embeddings or images beside its text: decoding them is costly and useless.
    """
    names = list(names)
    if field is not None:
        return [name for name in names if name == field] or names
    leading = {column for _, column, _ in _KNOWN}
    if leading.isdisjoint(names):
        return names
    return [name for name in names if name in leading | _COMPANIONS]


def listed(names: Iterable[str], most: int = 12) -> str:
    """Column names for a message, at most `most` of them: a table may have 100,000."""
    names = list(names)
    shown = ", ".join(repr(name if len(name) <= 60 else name[:57] + "...") for name in names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown or "none"


def _read_alpaca(record: object) -> Seed:
    columns = _columns(record)
    instruction = _required(columns, "instruction")
    # Dolly names the same two columns otherwise. Text that an instruction refers to
    # ("the given list") must never be dropped, or the seed cannot be answered.
    for column in ("input", "context"):
        extra = optional_text(columns.get(column), column)
        if extra is not None:
            instruction = f"{instruction}\n\n{extra}"
    return Seed(instruction, _reference(columns, "output", "response"))


def _read_gsm8k(record: object) -> Seed:
    columns = _columns(record)
    return Seed(_required(columns, "question"), _reference(columns, "answer"))


def _read_turns(column: str, record: object) -> Seed:
    columns = _columns(record)
    return Seed(*first_exchange(_present(columns, column), column))


def _read_prompt(record: object) -> Seed:
    columns = _columns(record)
    prompt, completion = _present(columns, "prompt"), columns.get("completion")
    if isinstance(prompt, list):
        # One conversation cut in two: in a long prompt the answer to its first turn is inside it.
        reply = {"role": "assistant", "content": completion}
        answer = completion if isinstance(completion, list) else [reply]
        return Seed(*first_exchange([*prompt, *answer], "prompt"))
    if isinstance(completion, list):
        turns = [{"role": "user", "content": prompt}, *completion]
        return Seed(*first_exchange(turns, "prompt"))
    return Seed(text_of(prompt, "prompt"), optional_text(completion, "completion"))


def _read_column(column: str, record: object) -> Seed:
    return Seed(_required(_columns(record), column), None)


def _read_string(record: object) -> Seed:
    if not isinstance(record, str):
        raise InputError(f"the record is {kind_of(record)}, but the file began with bare strings")
    return Seed(text_of(record, "the string"), None)


_Reader = Callable[[object], Seed]
_KNOWN: tuple[tuple[str, str, _Reader], ...] = (
    ("alpaca", "instruction", _read_alpaca),
    ("gsm8k", "question", _read_gsm8k),
    ("sharegpt", "conversations", partial(_read_turns, "conversations")),
    # Before prompt: chat sets often repeat their first user turn in a column of that name.
    ("chat", "messages", partial(_read_turns, "messages")),
    ("prompt-completion", "prompt", _read_prompt),
    ("text column 'text'", "text", partial(_read_column, "text")),
)
_COMPANIONS = frozenset({"input", "context", "output", "response", "answer", "completion"})

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
    known = {column for _, column, _ in _KNOWN}
    for name in columns:
        if name.lower() in known:
            return f" {name}"
    return ""


def _columns(record: object) -> Mapping[str, object]:
    if not isinstance(record, dict):
        raise InputError(f"the record is {kind_of(record)}; expected an object with named columns")
    return record


def _present(columns: Mapping[str, object], column: str) -> object:
    if column not in columns:
        raise InputError(f"no column {column!r}; columns seen: {listed(columns)}")
    return columns[column]


def _required(columns: Mapping[str, object], column: str) -> str:
    return text_of(_present(columns, column), column)


def _reference(columns: Mapping[str, object], *names: str) -> str | None:
    for name in names:
        if not is_blank(columns.get(name)):
            return optional_text(columns[name], name)
    return None
