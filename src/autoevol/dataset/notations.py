"""Turns in the trainers' notations.

A notation that cannot express a turn refuses the example: nothing is left out or altered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from autoevol.core.errors import InputError
from autoevol.data.turns import Speaker
from autoevol.dataset.examples import Example, Turn

_SHAREGPT = {
    Speaker.SYSTEM: "system",
    Speaker.USER: "human",
    Speaker.ASSISTANT: "gpt",
    Speaker.CALL: "function_call",
    Speaker.TOOL: "observation",
}


def as_messages(example: Example) -> dict[str, Any]:
    """`messages` in the chat notation, with `tools` if there are any."""
    return {"messages": _messages(example.turns), **_tools(example)}


def as_prompt_completion(example: Example) -> dict[str, Any]:
    """The chat notation, with the last turn separate."""
    messages = _messages(example.turns)
    return {"prompt": messages[:-1], "completion": messages[-1:], **_tools(example)}


def as_plain_messages(example: Example) -> dict[str, Any]:
    """The chat notation with the same two keys in every message, as the columns of a table require."""
    if example.uses_tools:
        raise InputError("tool turns have no columns of one type. Use --format messages")
    return as_messages(example)


def as_sharegpt(example: Example) -> dict[str, Any]:
    """`conversations` in the ShareGPT notation, tools as LLaMA-Factory reads them."""
    # As a turn, not in a column: Axolotl turns an empty `system` column into an empty system turn.
    turns = [{"from": _SHAREGPT[turn.speaker], "value": value} for turn, value in _values(example.turns)]
    if example.tools is None:
        return {"conversations": turns}
    tools = example.tools if isinstance(example.tools, str) else orjson.dumps(example.tools).decode()
    return {"conversations": turns, "tools": tools}


def as_alpaca(example: Example) -> dict[str, Any]:
    """The last exchange in columns, with what went before in `system` and `history`."""
    if example.uses_tools:
        raise InputError("alpaca has no tool turns. Use --format messages or sharegpt")
    said = [_with_thinking(turn) for turn in example.dialogue]
    return {
        "instruction": said[-2],
        "input": "",
        "output": said[-1],
        "system": example.system,
        "history": [[said[place], said[place + 1]] for place in range(0, len(said) - 2, 2)],
    }


def _messages(turns: Iterable[Turn]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    waiting: list[str] = []  # ids of calls that were made up here, in order
    for turn in turns:
        message: dict[str, Any] = {"role": turn.speaker.value, "content": turn.text, **(turn.keys or {})}
        if turn.speaker is Speaker.CALL:
            calls = list(turn.calls)
            if not calls:
                calls = _parsed_calls(turn.text, len(messages))
                waiting = [call["id"] for call in calls]
            text = turn.text if turn.calls and turn.text else None
            message = {"role": "assistant", "content": text, "tool_calls": calls}
        elif turn.speaker is Speaker.TOOL and waiting and "tool_call_id" not in message:
            message["tool_call_id"] = waiting.pop(0)
        if turn.thinking is not None:
            message["reasoning_content"] = turn.thinking
        messages.append(message)
    return messages


def _parsed_calls(text: str, place: int) -> list[dict[str, Any]]:
    """A call in the ShareGPT notation, `{"name", "arguments"}` or a list of them, in that of chat."""
    try:
        said = orjson.loads(text)
        functions = [
            {"name": call["name"], "arguments": _as_json(call["arguments"])}
            for call in (said if isinstance(said, list) else [said])
        ]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(
            f"turn {place + 1} calls a function in a way that messages cannot hold. Use --format sharegpt"
        ) from error
    return [
        {"id": f"call_{place}_{number}", "type": "function", "function": function}
        for number, function in enumerate(functions)
    ]


def _as_json(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _tools(example: Example) -> dict[str, Any]:
    if not isinstance(example.tools, str):
        return {} if example.tools is None else {"tools": example.tools}
    try:
        tools = orjson.loads(example.tools)
    except orjson.JSONDecodeError:
        return {"tools": example.tools}
    if isinstance(tools, list):
        # LLaMA-Factory has the functions bare; the templates of chat models look into `function`.
        bare = (isinstance(tool, dict) and "name" in tool and "function" not in tool for tool in tools)
        tools = [
            {"type": "function", "function": tool} if is_bare else tool
            for tool, is_bare in zip(tools, bare, strict=True)
        ]
    return {"tools": tools}


def _values(turns: Iterable[Turn]) -> Iterator[tuple[Turn, str]]:
    before: Turn | None = None
    for turn in turns:
        if before is not None and turn.speaker is before.speaker:
            raise InputError(
                "two tools answer one after the other, which LLaMA-Factory would skip. Use --format messages"
            )
        before = turn
        yield turn, _sharegpt_calls(turn) if turn.calls else _with_thinking(turn)


def _sharegpt_calls(turn: Turn) -> str:
    if turn.text:
        raise InputError(
            "a turn both speaks and calls a tool, which sharegpt cannot hold. Use --format messages"
        )
    try:
        calls = [
            {"name": call["function"]["name"], "arguments": _from_json(call["function"]["arguments"])}
            for call in turn.calls
        ]
    except (KeyError, TypeError) as error:
        raise InputError(
            "a tool call without a function's name and arguments. Use --format messages"
        ) from error
    said = orjson.dumps(calls[0] if len(calls) == 1 else calls).decode()
    return _thought(turn) + said


def _from_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _with_thinking(turn: Turn) -> str:
    return _thought(turn) + turn.text


def _thought(turn: Turn) -> str:
    # As LLaMA-Factory and the templates of reasoning models have it, where there is no field.
    return "" if turn.thinking is None else f"<think>\n{turn.thinking}\n</think>\n\n"
