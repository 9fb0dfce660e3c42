"""The one place where an HTTP answer becomes a reply or an error.

| the answer                                         | the result                                        |
|----------------------------------------------------|---------------------------------------------------|
| status 400 and above, or `error` in a body          | an error by its code (see `refusals`)             |
| status 300 to 399                                   | a redirect: refused, prompts would follow it      |
| a stream, JSON lines, JSON with something after it   | the one completion in it (see `bodies`)           |
| `content` as a string or a list of chunks           | text; thinking chunks are thinking                |
| `reasoning_content`, `reasoning`, `<think>`, ...     | thinking (see `thinking`)                         |
| no text, and stop                                   | broken: the network's fault, not the method's     |
| no text, and length                                 | truncated: the model thought up to the limit      |
| a finish reason that means an end                   | stop, length, content_filter or tool_call         |
| none, in a complete body                            | stop: some servers send none                      |
| any other finish reason                             | broken: nothing says that the reply is complete   |
| `usage` in any provider's format                    | counts (see `usage`); 0 where nothing is reported |
| a page, a traceback, anything else                  | broken                                            |

Both HTTP clients use it, and so does DSPy's own client as far as it exposes the answer, so results do not
depend on the client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from dspy import lm15

from autoevol.core.masking import Mask
from autoevol.lm.bodies import parsed
from autoevol.lm.refusals import error_in, read_refusal
from autoevol.lm.thinking import split_thinking
from autoevol.lm.transport import FILTERED, UNREADABLE, BrokenReply, Reply
from autoevol.lm.usage import Counts, read_usage
from autoevol.lm.waits import per_minute, seconds_until_reset

__all__ = ["FILTERED", "UNREADABLE", "Content", "finished", "read_answer", "read_content"]

_ENDS = {
    "stop": "stop stop_sequence eos eos_token end end_turn end_of_turn complete completed finished done",
    "length": "length max_tokens max_output_tokens max_length model_length token_limit max_tokens_reached",
    FILTERED: "content_filter safety recitation blocklist prohibited_content spii sensitive refusal",
    "tool_call": "tool_call tool_calls tool_use function_call",
}
FINISH_WORDS = {word: end for end, words in _ENDS.items() for word in words.split()}
"""Every known finish reason and the one it stands for."""

_THINKING = ("reasoning_content", "reasoning", "thinking", "reasoning_text")
_DETAILS = ("reasoning_details", "thinking_blocks")
THINKING_FIELDS = (*_THINKING, *_DETAILS)
"""Fields of a message that hold thinking, besides its content."""
_THOUGHT = re.compile(r"think|thought|reason", re.IGNORECASE)
_PAGE = re.compile(
    r"\s*(?:<!doctype html[^>]*>\s*)?<html\b.{0,2000}?<(title|h1)\b[^>]*>[^<]{0,80}?\b[45]\d\d\b", re.I | re.S
)
_TRACEBACK = re.compile(r"\s*Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)+[\w.]+(?:: .*)?\s*")


class Content(NamedTuple):
    """Text and thinking of a message; `text` is None if there is nothing that could be text."""

    text: str | None
    thinking: str = ""


def read_answer(
    status: int, headers: Mapping[str, str], body: bytes, mask: Mask, limit: int | None = None
) -> Reply:
    """The reply in an HTTP answer.

    Args:
        status: HTTP status.
        headers: Looked up in lower case; the mapping ignores case.
        body: As received.
        mask: Hides secrets, which some servers repeat.
        limit: The requested maximum length of the reply, in tokens.

    Raises:
        lm15.LM15Error: For every other answer (see `Transport`).
    """
    data = parsed(body)
    if 300 <= status < 400:
        raise lm15.ConfigurationError(
            f"the endpoint redirects to {mask(headers.get('location', 'somewhere'))}; nothing is sent there;"
            " give the final URL as --api-base"
        )
    if not 200 <= status < 300:
        raise read_refusal(status, headers, data, body, mask)
    choice = _choice(data)
    content = read_content(choice)
    if (error := error_in(data)) is not None:
        refusal = read_refusal(None, headers, error, body, mask)
        if isinstance(refusal, lm15.ServerError) and (content.text or content.thinking):
            raise BrokenReply(f"the reply broke off: {refusal.message}", _arrived(data, content, mask))
        raise refusal
    if content.text is None:
        shown = " ".join(mask(body[:65536].decode(errors="replace")).split())[:200]
        raise BrokenReply(f"the server sent no completion: {shown}", _arrived(data, content, mask))
    word = choice.get("finish_reason")
    counts = read_usage(data.get("usage") if isinstance(data, dict) else None)
    content = Content(mask.known(content.text), mask.known(content.thinking))
    return finished(content, word, counts, headers, limit)


def finished(
    content: Content,
    word: Any,  # noqa: ANN401 (whatever the server sent)
    counts: Counts,
    headers: Mapping[str, str] | None = None,
    limit: int | None = None,
) -> Reply:
    """A reply from its parts, if it is complete.

    Raises:
        BrokenReply: If it broke off or is empty.
    """
    text, inside = split_thinking(content.text or "")
    thinking = "\n\n".join(filter(None, (content.thinking.strip(), inside)))
    end = "stop" if word in (None, "") else FINISH_WORDS.get(str(word).lower(), "error")
    nothing = not text.strip()
    if end == "stop" and nothing and limit and counts.output >= limit:
        end = "length"  # some servers always say stop
    reply = Reply(
        text,
        end,
        counts.input,
        counts.output,
        reset=seconds_until_reset(headers or {}),
        rpm=per_minute(headers or {}, "requests"),
        tpm=per_minute(headers or {}, "tokens"),
        thinking=thinking,
        reasoning_tokens=counts.reasoning,
    )
    if end == "error":
        raise BrokenReply(f"the reply broke off: the server says it ended with {str(word)[:40]!r}", reply)
    if nothing and end in ("stop", "tool_call"):
        only = "nothing but thinking" if thinking else "nothing"
        raise BrokenReply(f"the reply holds {only}", reply)
    if _PAGE.match(text) or _TRACEBACK.fullmatch(text):
        raise BrokenReply("the reply is a server's error page", reply)
    return reply


def read_content(choice: Any) -> Content:  # noqa: ANN401
    """Text and thinking of one choice, whichever fields hold them."""
    if not isinstance(choice, dict):
        return Content(None)
    message = choice.get("message", choice.get("delta"))
    if message is None and isinstance(choice.get("text"), str):
        message = {"content": choice["text"]}
    if not isinstance(message, dict):
        return Content(None)
    thoughts = [thought for name in _THINKING if name in message and (thought := _thought(message[name]))]
    if not thoughts:  # gateways repeat the thinking in these fields, split into parts
        thoughts = [_thought(message[name]) for name in _DETAILS if name in message]
    content = message.get("content")
    text = "" if content is None else content
    if isinstance(content, dict):
        content = [content]
    if isinstance(content, list):
        text, more = _of_chunks(content)
        thoughts.append(more)
    if isinstance(text, str) and not text and isinstance(message.get("refusal"), str):
        text = message["refusal"]
    # Some gateways send the same thinking under two names.
    thinking = "\n\n".join(dict.fromkeys(thought for thought in thoughts if thought.strip()))
    return Content(text if isinstance(text, str) else None, thinking)


def _of_chunks(chunks: list[Any]) -> tuple[str | None, str]:
    texts: list[str] = []
    thoughts: list[str] = []
    for chunk in chunks:
        if isinstance(chunk, str):
            texts.append(chunk)
        elif not isinstance(chunk, dict):
            return None, ""
        elif _THOUGHT.search(str(chunk.get("type", ""))) or chunk.get("thought") is True:
            thoughts.append(_thought(chunk))
        else:
            text = chunk.get("text", chunk.get("content", chunk.get("refusal")))
            text = text.get("value") if isinstance(text, dict) else text
            if not isinstance(text, str):
                return None, "".join(thoughts)
            texts.append(text)
    return "".join(texts), "".join(thoughts)


def _thought(value: Any, depth: int = 0) -> str:  # noqa: ANN401
    """Thinking as a string, as a list of chunks, or inside an object."""
    if isinstance(value, str):
        return value
    if depth > 4:
        return ""
    if isinstance(value, list):
        return "".join(_thought(part, depth + 1) for part in value)
    if isinstance(value, dict):
        names = ("thinking", "text", "reasoning", "summary", "content")
        return next((text for name in names if (text := _thought(value.get(name), depth + 1))), "")
    return ""


def _choice(data: Any) -> Any:  # noqa: ANN401
    choices = data.get("choices") if isinstance(data, dict) else None
    return choices[0] if isinstance(choices, list) and choices else None


def _arrived(data: Any, content: Content, mask: Mask) -> Reply:  # noqa: ANN401
    counts = read_usage(data.get("usage") if isinstance(data, dict) else None)
    text, thinking = mask.known(content.text or ""), mask.known(content.thinking)
    return Reply(text, "error", counts.input, counts.output, thinking=thinking)
