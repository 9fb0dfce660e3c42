"""How a reply ended, in whatever words and wherever in the answer the server says so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from autoevol.lm.transport import FILTERED

_WORDS = {
    "stop": "stop stop_sequence stop_string_found eos eos_found eos_token end end_turn end_of_turn"
    " end_of_sequence complete completed finished done",
    "length": "length max_tokens max_output_tokens max_new_tokens max_completion_tokens max_length"
    " model_length token_limit max_tokens_reached max_predicted_tokens_reached error_limit"
    " context_length_reached context_length_exceeded model_context_window_exceeded",
    FILTERED: "content_filter content_filtered safety image_safety recitation blocklist prohibited_content"
    " spii sensitive refusal error_toxic guardrail_intervened",
    "tool_call": "tool_call tool_calls tool_use function_call",
}
_NOT_LETTERS = re.compile(r"[^a-z]+")


def _letters(word: str) -> str:
    return _NOT_LETTERS.sub("", word.lower())


_ENDS = {_letters(word): end for end, words in _WORDS.items() for word in words.split()}


def end_of(word: object) -> str:
    """stop, length, content_filter or tool_call; error for a word that is no end of a reply.

    `MAX_TOKENS`, `max-tokens` and `maxTokens` are one word. None and "" are stop: some servers say nothing.
    """
    return "stop" if word in (None, "") else _ENDS.get(_letters(str(word)), "error")


def finish_word(choice: Any) -> Any:  # noqa: ANN401 (whatever the server sent)
    """What a choice says of its end, None where it says nothing.

    SGLang has sent an object with a type, and others put it into `finish_details` or `stop_reason`; vLLM's
    `stop_reason` is the text or token that it stopped at, so only a word that is known counts there.
    """
    if not isinstance(choice, Mapping):
        return None
    for name in ("finish_reason", "finishReason", "finish_details"):
        word = choice.get(name)
        if isinstance(word, Mapping):
            word = word.get("type") or word.get("reason") or str(word)
        if word not in (None, ""):
            return word
    others = (choice.get(name) for name in ("stop_reason", "done_reason"))
    return next(
        (word for word in others if isinstance(word, str) and end_of(word) not in ("error", "stop")), None
    )
