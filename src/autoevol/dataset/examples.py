"""Finished records in, conversations with their provenance out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson

from autoevol.core.errors import InputError
from autoevol.core.records import digest
from autoevol.data.entries import SeedRecord
from autoevol.data.text import is_blank, joined_parts, kind_of, optional_text
from autoevol.data.turns import RawTurn, Speaker, raw_turn
from autoevol.dataset.figures import COLUMNS

_LINEAGE = ("parent_id", "seed_id", "round", "operation", "method_id", "model", "kinds", *COLUMNS)
_THINKING = ("reasoning_content", "reasoning", "thinking")
# Which role may follow which. Tools are used between the user's turn and the answer to it.
_NEXT = {
    None: {Speaker.SYSTEM, Speaker.USER},
    Speaker.SYSTEM: {Speaker.USER},
    Speaker.USER: {Speaker.ASSISTANT, Speaker.CALL},
    Speaker.CALL: {Speaker.TOOL},
    Speaker.TOOL: {Speaker.TOOL, Speaker.CALL, Speaker.ASSISTANT},
    Speaker.ASSISTANT: {Speaker.USER},
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of an example.

    Attributes:
        text: The content; for a call in the ShareGPT notation, the call itself. May be empty.
        calls: For a call in the chat notation: the `tool_calls`, unchanged.
        keys: For a tool's turn: `tool_call_id` and `name`, if present.
        thinking: The assistant's thinking before the content.
    """

    speaker: Speaker
    text: str
    calls: tuple[Any, ...] = ()
    keys: Mapping[str, Any] | None = None
    thinking: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One training example.

    Attributes:
        turns: An optional system turn, then user and assistant alternating, with tools in between.
        provenance: Where it comes from; the same keys for every example, None if unknown.
        tools: Descriptions of the tools, as in the record: a list, or the list as JSON.
    """

    turns: tuple[Turn, ...]
    provenance: Mapping[str, Any]
    tools: object = None

    @property
    def system(self) -> str | None:
        """The text of the system turn, if there is one."""
        return self.turns[0].text if self.turns[0].speaker is Speaker.SYSTEM else None

    @property
    def dialogue(self) -> tuple[Turn, ...]:
        """The turns without the system's."""
        return self.turns if self.system is None else self.turns[1:]

    @property
    def uses_tools(self) -> bool:
        """Whether it holds anything that only notations with tools can hold."""
        speakers = {turn.speaker for turn in self.turns}
        return not is_blank(self.tools) or bool(speakers & {Speaker.CALL, Speaker.TOOL})

    def spoken(self) -> Example:
        """The same without what was thought."""
        return replace(self, turns=tuple(replace(turn, thinking=None) for turn in self.turns))


def read_example(entry: SeedRecord) -> Example:
    """The example in a record, with all its turns.

    Raises:
        InputError: If there is no response, or the turns are out of order.
    """
    record = entry.value if isinstance(entry.value, Mapping) else {}
    turns = read_turns(entry.conversation.turns, entry.conversation.where)
    thinking = optional_text(record.get("thinking"), "thinking")
    if thinking is not None and turns[-1].thinking is None:
        turns[-1] = replace(turns[-1], thinking=thinking)
    return Example(tuple(turns), _provenance(record, entry), _tools(record))


class Asked(NamedTuple):
    """One user turn of a record as text, with the assistant's reply and the turns before it."""

    instruction: str
    response: str
    context: str


def exchanges_of(entry: SeedRecord) -> list[Asked]:
    """The exchanges of a record, at least one, for comparing texts: tool turns become text as well.

    Raises:
        InputError: If a turn is not one.
    """
    asked: list[Asked] = []
    before: list[str] = []
    for number, turn in enumerate(entry.conversation.turns):
        raw = raw_turn(turn, f"{entry.conversation.where}[{number}]")
        text = raw.said if isinstance(raw.said, str) else orjson.dumps(raw.said).decode()
        if raw.speaker is Speaker.USER:
            asked.append(Asked(text, "", "\n\n".join(before)))
        elif asked:
            asked[-1] = asked[-1]._replace(response=f"{asked[-1].response}\n\n{text}".strip())
        before.append(text)
    return asked


def read_turns(turns: list[object], where: str) -> list[Turn]:
    """A conversation, turn by turn.

    Raises:
        InputError: Unless the turns are an optional system turn, then user and assistant alternating (with
            tools in between), ending with the assistant; or if a turn has no text.
    """
    read: list[Turn] = []
    before: Speaker | None = None
    for number, turn in enumerate(turns):
        raw = raw_turn(turn, f"{where}[{number}]")
        allowed = _NEXT[before]
        if raw.speaker is None or raw.speaker not in allowed:
            wanted = " or ".join(sorted(allowed - {Speaker.SYSTEM, Speaker.CALL}))
            raise InputError(f"{raw.place} is a turn of {raw.name!r}; expected one of the {wanted}")
        read.append(_turn(raw, raw.speaker, turn if isinstance(turn, Mapping) else {}))
        before = raw.speaker
    if before is Speaker.USER and len(read) - (read[0].speaker is Speaker.SYSTEM) == 1:
        raise InputError("there is no response to train on")
    if before not in (Speaker.ASSISTANT, Speaker.CALL):
        raise InputError(f"{where} does not end with a turn of the assistant")
    return read


def _turn(raw: RawTurn, speaker: Speaker, turn: Mapping[str, Any]) -> Turn:
    if speaker is Speaker.TOOL:
        # What a tool returns may be empty, or no text: JSON says the same.
        said = "" if raw.said is None else joined_parts(raw.said, raw.place)
        text = said if isinstance(said, str) else orjson.dumps(said).decode()
        keys = {name: turn[name] for name in ("tool_call_id", "name") if not is_blank(turn.get(name))}
        return Turn(speaker, text, keys=keys)
    thinking = None if speaker in (Speaker.SYSTEM, Speaker.USER) else _thinking(raw, turn)
    calls = turn.get("tool_calls")
    if not calls and turn.get("function_call"):  # the older notation of the same
        calls = [{"type": "function", "function": turn["function_call"]}]
    if not calls:
        return Turn(speaker, raw.text, thinking=thinking)
    if not isinstance(calls, list):
        raise InputError(f"tool_calls of {raw.place} is {kind_of(calls)}; expected a list")
    return Turn(speaker, raw.optional_text or "", tuple(calls), thinking=thinking)


def _thinking(raw: RawTurn, turn: Mapping[str, Any]) -> str | None:
    texts = (optional_text(turn.get(name), f"{name} of {raw.place}") for name in _THINKING)
    return next((text for text in texts if text is not None), None)


def _tools(record: Mapping[str, Any]) -> object:
    tools = record.get("tools")
    return None if is_blank(tools) or tools == [] else tools


def _provenance(record: Mapping[str, Any], entry: SeedRecord) -> dict[str, Any]:
    known = {"id": record.get("id") or digest(entry.seed.instruction)}
    known |= {name: record.get(name) for name in _LINEAGE}
    if known["round"] is None:
        known["round"] = record.get("rounds")
    return known
