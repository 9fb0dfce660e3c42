"""What an endpoint's answers look like: notations, finish reasons, usage.

Runs do not need this, since `answers` reads every notation; it is for people who set up an endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoevol.lm.answers import THINKING_FIELDS, read_content
from autoevol.lm.thinking import notation_of
from autoevol.lm.usage import read_usage, reasoning_in


@dataclass(frozen=True, slots=True)
class Traits:
    """One answer.

    Attributes:
        finish_word: The server's finish reason; None if it sends none.
        thinking: The notation of the model's thinking: a field, a chunk or a mark; None for none.
        counts_input: Whether the tokens of the prompt are reported.
        counts_output: Whether the tokens of the reply are reported.
        reasoning: Where reasoning tokens are counted: `inside` the output, or `on top` of it.
    """

    finish_word: str | None = None
    thinking: str | None = None
    counts_input: bool = False
    counts_output: bool = False
    reasoning: str | None = None


def traits_of(data: Any) -> Traits | None:  # noqa: ANN401 (whatever the server sent)
    """The traits of an answer with a reply; None for any other.

    Args:
        data: A body as JSON, in the notation of OpenAI, Anthropic or Gemini.
    """
    if not isinstance(data, Mapping):
        return None
    choice = _first(data.get("choices")) or _first(data.get("candidates"))
    if choice is None and not isinstance(data.get("content"), list):
        return None
    choice = choice or data
    usage = data.get("usage") or data.get("usageMetadata")
    counts = read_usage(usage)
    word = choice.get("finish_reason") or choice.get("finishReason") or choice.get("stop_reason")
    return Traits(
        finish_word=word if isinstance(word, str) else None,
        thinking=_notation(choice),
        counts_input=counts.input > 0,
        counts_output=counts.output > 0,
        reasoning=reasoning_in(usage),
    )


def _notation(choice: Mapping[str, Any]) -> str | None:
    message = choice.get("message")
    if not isinstance(message, Mapping):
        return _chunk(choice.get("content"))
    field = next((name for name in THINKING_FIELDS if message.get(name)), None)
    if field is not None:
        return f"field {field}"
    if (chunk := _chunk(message.get("content"))) is not None:
        return chunk
    mark = notation_of(read_content(choice).text or "")
    return mark and f"{mark} in the text"


def _chunk(content: Any) -> str | None:  # noqa: ANN401
    """Chunks as Mistral and Anthropic send them, or the parts of Gemini."""
    parts = content.get("parts") if isinstance(content, Mapping) else content
    if not isinstance(parts, list):
        return None
    marks = (part for part in parts if isinstance(part, Mapping))
    types = ("thought" if part.get("thought") is True else str(part.get("type", "")) for part in marks)
    return next((f"chunks of type {name}" for name in types if "think" in name or "thought" in name), None)


def _first(values: Any) -> Mapping[str, Any] | None:  # noqa: ANN401
    first = values[0] if isinstance(values, list) and values else None
    return first if isinstance(first, Mapping) else None
