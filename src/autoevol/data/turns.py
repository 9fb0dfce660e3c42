"""Turns of a conversation in the ShareGPT and chat notations, and the exchanges they make.

Every function raises InputError with the reason alone; the caller knows the file and line.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import StrEnum
from typing import NamedTuple

from autoevol.core.errors import InputError
from autoevol.core.records import Message
from autoevol.data.text import joined_parts, kind_of, optional_text, text_of


class Speaker(StrEnum):
    """Whose turn it is, whatever the notation calls them.

    CALL is a turn of the assistant that asks for tools, TOOL is what a tool returns.
    """

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    CALL = "call"
    TOOL = "tool"


_NAMES = {
    Speaker.SYSTEM: ("system", "developer"),
    Speaker.USER: ("human", "user"),
    Speaker.ASSISTANT: ("gpt", "assistant", "chatgpt", "bot", "model"),
    Speaker.CALL: ("function_call", "tool_call"),
    Speaker.TOOL: ("tool", "function", "observation", "ipython", "tool_response", "function_response"),
}
_SPEAKERS = {name: speaker for speaker, names in _NAMES.items() for name in names}


class RawTurn(NamedTuple):
    """One turn before its text is checked.

    Attributes:
        name: The role as the file has it.
        speaker: Whose turn that is; None for a role that is not known.
        said: Text, a list of parts, or whatever else stands there.
        place: Where it stands, for messages.
    """

    name: str
    speaker: Speaker | None
    said: object
    place: str

    @property
    def text(self) -> str:
        """The text; raises InputError if there is none."""
        return text_of(joined_parts(self.said, self.place), self.place)

    @property
    def optional_text(self) -> str | None:
        """The text, None where it is blank; raises InputError for anything but text."""
        return optional_text(joined_parts(self.said, self.place), self.place)


def raw_turn(turn: object, place: str) -> RawTurn:
    """One turn in either notation: `{from, value}` or `{role, content}`.

    Raises:
        InputError: It is no object, or has no role.
    """
    if not isinstance(turn, dict):
        raise InputError(f"{place} is {kind_of(turn)}; expected a turn")
    if "from" in turn:
        role, said = turn["from"], turn.get("value")
    else:
        role, said = turn.get("role"), turn.get("content")
    if not isinstance(role, str):
        raise InputError(f"{place} has no role (`from` or `role`)")
    name = role.strip().lower()
    speaker = _SPEAKERS.get(name)
    if speaker is Speaker.ASSISTANT and (turn.get("tool_calls") or turn.get("function_call")):
        speaker = Speaker.CALL
    return RawTurn(name, speaker, said, place)


def turn_list(turns: object, where: str) -> list[object]:
    """`turns` itself, if it is a list. Raises InputError."""
    if not isinstance(turns, list):
        raise InputError(f"{where} is {kind_of(turns)}; expected a list of turns")
    return turns


class Exchange(NamedTuple):
    """A user's turn, the assistant's answer to it if there is one with text, and what went before."""

    instruction: str
    answer: str | None
    context: tuple[Message, ...]


def exchanges(turns: object, where: str) -> Generator[Exchange, None, None]:
    """Every user turn of a conversation; read as asked for, so what comes later may be anything.

    System turns may come first. Tool turns between a user's turn and its answer are passed over;
    a user's turn behind them cannot be evolved, since its context would lack them.

    Raises:
        InputError: Not a list of turns, it starts with anybody but the user, a turn belongs to
            nobody known or holds no text, or a user's turn follows tool turns.
    """
    context: list[Message] = []
    asked: str | None = None
    tools: RawTurn | None = None
    for turn in _known_turns(turns, where):
        if turn.speaker is Speaker.SYSTEM:
            context.append(Message("system", turn.text))
        elif turn.speaker is Speaker.ASSISTANT:
            answer = turn.optional_text
            if asked is not None:
                yield Exchange(asked, answer, tuple(context))
                context.append(Message("user", asked))
                asked = None
            if answer is not None:
                context.append(Message("assistant", answer))
        elif turn.speaker is not Speaker.USER:
            tools = tools or turn
        elif tools is None:
            # Two user turns in a row are one message in two parts.
            asked = turn.text if asked is None else f"{asked}\n\n{turn.text}"
        else:
            if asked is not None:
                yield Exchange(asked, None, tuple(context))
            raise InputError(
                f"{turn.place} comes after tools were used ({tools.place}), and cannot be evolved. "
                "Evolve the first turns alone: --turns first"
            )
    if asked is not None:
        yield Exchange(asked, None, tuple(context))


def _known_turns(turns: object, where: str) -> Generator[RawTurn, None, None]:
    """The turns in order, of known speakers, the user being the first after the system."""
    started = False
    for number, given in enumerate(turn_list(turns, where)):
        turn = raw_turn(given, f"{where}[{number}]")
        if turn.speaker is not Speaker.SYSTEM and not started:
            if turn.speaker is not Speaker.USER:
                # A slice out of the middle: what the user says later refers to turns that are not there.
                raise InputError(f"{where} starts with a turn of {turn.name!r}; expected the user's")
            started = True
        if turn.speaker is None:
            raise InputError(f"{turn.place} is a turn of {turn.name!r}; expected system, user or assistant")
        yield turn
    if not started:
        raise InputError(f"{where} holds no user turn")
