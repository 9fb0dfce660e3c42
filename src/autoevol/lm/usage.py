"""Token counts: as reported, in any provider's format; estimated from the text where nothing is reported."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from autoevol.lm.transport import Reply

_MOST = 10_000_000
"""A larger count for one call is a mistake; sums of such numbers would overflow the store's integers."""
_INPUT = ("prompt_tokens", "input_tokens", "promptTokenCount", "inputTokens", "prompt_eval_count")
_OUTPUT = ("completion_tokens", "output_tokens", "candidatesTokenCount", "outputTokens", "eval_count")
_TOTAL = ("total_tokens", "totalTokenCount", "totalTokens")
_REASONING = ("reasoning_tokens", "thoughtsTokenCount", "thinking_tokens", "reasoningTokens")
_CACHED = ("cached_tokens", "cachedContentTokenCount", "cache_read_input_tokens", "cacheReadInputTokens")
# Anthropic counts cached tokens in addition to `input_tokens`, not as part of them.
_BESIDE = ("cache_read_input_tokens", "cache_creation_input_tokens")
_DETAILS = (
    "completion_tokens_details",
    "output_tokens_details",
    "prompt_tokens_details",
    "input_tokens_details",
)


class Counts(NamedTuple):
    """Tokens of one call; 0 means not reported."""

    input: int = 0
    output: int = 0
    reasoning: int = 0


def read_usage(usage: Any) -> Counts:  # noqa: ANN401 (whatever the server sent)
    """The token counts in a usage object.

    If the total exceeds its two parts, the rest is reasoning and cached tokens that the provider counts on
    top; an unexplained rest counts as output.
    """
    if not isinstance(usage, Mapping):
        return Counts()
    if (counts := _plain(usage)) is not None:
        return counts
    flat = dict(usage)
    for name in _DETAILS:
        if isinstance(details := usage.get(name), Mapping):
            flat = {**details, **flat}
    asked, said = _first(flat, _INPUT), _first(flat, _OUTPUT)
    thought, cached, total = _first(flat, _REASONING), _first(flat, _CACHED), _first(flat, _TOTAL)
    if "prompt_tokens" not in flat and "input_tokens" in flat and any(name in usage for name in _BESIDE):
        asked += sum(_count(usage.get(name)) for name in _BESIDE)
    elif asked and said and total > asked + said:
        rest = total - asked - said
        if cached and rest in (cached, cached + thought):
            asked += cached
            rest -= cached
        said += rest
    elif thought > said:
        said += thought  # more than the whole: it cannot be inside
    return Counts(asked, said, min(thought, said))


def reasoning_in(usage: Any) -> str | None:  # noqa: ANN401
    """Whether a usage object counts thinking `inside` the output or `on top` of it; None if not at all."""
    if not isinstance(usage, Mapping):
        return None
    flat = dict(usage)
    for name in _DETAILS:
        if isinstance(details := usage.get(name), Mapping):
            flat = {**details, **flat}
    if not _first(flat, _REASONING):
        return None
    return "on top" if read_usage(usage).output > _first(flat, _OUTPUT) else "inside"


def _plain(usage: Mapping[str, Any]) -> Counts | None:
    """The counts of a usage object in OpenAI's format, a shortcut for nearly all servers; else None."""
    asked, said = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(asked) is not int or type(said) is not int or usage.get("total_tokens") != asked + said:
        return None
    if not (0 < asked <= _MOST and 0 < said <= _MOST):
        return None
    details = usage.get("completion_tokens_details")
    thought = _count(details.get("reasoning_tokens")) if isinstance(details, dict) else 0
    return Counts(asked, said, thought) if thought <= said else None


def with_usage(reply: Reply, request: str) -> Reply:
    """`reply` with estimates, marked as such, for every count that its provider left out.

    Args:
        reply: From the transport.
        request: The request as JSON.
    """
    asked = _bounded(reply.input_tokens)
    said = _bounded(reply.output_tokens)
    written = estimate_tokens(reply.thinking) + estimate_tokens(reply.text)
    missing = not asked or (not said and written > 0)
    thought = _bounded(reply.reasoning_tokens) or (estimate_tokens(reply.thinking) if reply.thinking else 0)
    said = said or written
    return replace(
        reply,
        input_tokens=asked or estimate_tokens(request),
        output_tokens=said,
        reasoning_tokens=min(thought, said),
        estimated=reply.estimated or missing,
    )


def estimate_tokens(text: str) -> int:
    """A cautious estimate of the tokens in `text`: three bytes each, where English has about four."""
    return -(-len(text.encode(errors="replace")) // 3)


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> int:
    return next((count for name in names if (count := _count(usage.get(name)))), 0)


def _count(value: Any) -> int:  # noqa: ANN401
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0
    return _bounded(math.ceil(value))


def _bounded(count: int) -> int:
    return count if 0 < count <= _MOST else 0
