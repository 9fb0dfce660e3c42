"""The body of an answer as the intended JSON: one object, or a stream assembled into one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from json import JSONDecoder
from typing import Any

import orjson

_LINE_ENDS = ("data:", "event:", "id:", "retry:", ":")
_DECODER = JSONDecoder()
# Fields of a streamed delta: text, thinking under three names, and refusals.
_PIECES = ("content", "reasoning_content", "reasoning", "thinking", "refusal")


def parsed(body: bytes) -> Any:  # noqa: ANN401 (whatever the server sent)
    """The JSON value in `body`, None if there is none.

    - Anything after a complete value is ignored; so are a byte order mark and comments before it.
    - A stream of events, or of JSON lines, is assembled into the one completion it streams; its finish
      reason is "error" if the stream ends before the model did.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body)  # unlike orjson, accepts lone surrogates, which the recorder replaces
    except (ValueError, RecursionError):
        pass
    text = body.decode("utf-8-sig", errors="replace").strip()
    if text.startswith(_LINE_ENDS):
        events = list(_events(text))
        return _assembled(events, ended="[DONE]" in text) if events else _first(_uncommented(text))
    return _first(text)


def _first(text: str) -> Any:  # noqa: ANN401
    """The first value in `text`; further chunks of the same stream are joined to it."""
    values: list[Any] = []
    at = 0
    while at < len(text) and len(values) < 100_000:
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        values.append(value)
        if not _is_chunk(value):
            break
        at += len(text[at:]) - len(text[at:].lstrip()) if text[at : at + 1].isspace() else 0
    if values and _is_chunk(values[0]):
        return _assembled([value for value in values if _is_chunk(value)], ended=False)
    return values[0] if values else None


def _is_chunk(value: Any) -> bool:  # noqa: ANN401
    choice = _choice(value)
    return isinstance(choice, dict) and "message" not in choice and isinstance(choice.get("delta"), dict)


def _uncommented(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith(":")).strip()


def _events(text: str) -> Iterator[Any]:
    """The JSON of each server-sent event; an event may span several lines."""
    for event in text.replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        lines = [line[5:].removeprefix(" ") for line in event.split("\n") if line.startswith("data:")]
        for part in ["\n".join(lines)] if len(lines) > 1 and not _loads(lines[0]) else lines:
            if (value := _loads(part)) is not None:
                yield value


def _loads(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _choice(data: Any) -> Any:  # noqa: ANN401
    choices = data.get("choices") if isinstance(data, dict) else None
    return choices[0] if isinstance(choices, list) and choices else None


def _assembled(events: Iterable[Any], *, ended: bool) -> dict[str, Any]:
    """One completion assembled from chunks; a whole completion in a single event is returned as it is."""
    message: dict[str, Any] = {}
    parts: list[Any] = []
    finish: str | None = None
    whole: dict[str, Any] = {}
    for event in events:
        if not isinstance(event, dict):
            continue
        choice = _choice(event)
        if isinstance(choice, dict) and isinstance(choice.get("message"), dict):
            return event
        whole |= {name: event[name] for name in ("usage", "error") if event.get(name)}
        if not isinstance(choice, dict):
            whole |= {name: value for name, value in event.items() if not whole and name != "choices"}
            continue
        finish = choice.get("finish_reason") or finish
        whole |= {"error": choice["error"]} if choice.get("error") else {}
        _add(message, parts, choice.get("delta"))
    if not message and not parts and finish is None:
        return whole
    if parts:
        message["content"] = parts
    word = finish or ("stop" if ended else "error")
    return whole | {"choices": [{"index": 0, "message": message, "finish_reason": word}]}


def _add(message: dict[str, Any], parts: list[Any], delta: Any) -> None:  # noqa: ANN401
    if not isinstance(delta, dict):
        return
    for name in _PIECES:
        piece = delta.get(name)
        if isinstance(piece, str):
            if name == "content" and parts:
                parts.append(piece)
            else:
                message[name] = message.get(name, "") + piece
        elif isinstance(piece, list) and name == "content":
            if not parts and message.get("content"):
                parts.append(message["content"])
            parts.extend(piece)
