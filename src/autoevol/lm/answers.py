"""What an OpenAI-compatible server's answer means: a reply, or one kind of error.

Both transports read answers here, so that nothing depends on which of them was asked.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import orjson
from dspy import lm15

from autoevol.lm.transport import Reply

# `provider_code` of errors that have no class of their own in lm15 (see `retry.reason_of`).
FILTERED = "content_filter"
UNREADABLE = "unreadable_reply"

_NO_CREDIT = {"insufficient_quota", "billing_hard_limit_reached"}
_FILTERS = {"content_filter", "content_policy_violation"}
_SPAN = re.compile(r"([\d.]+)(ms|[smhd])")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def read_answer(status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Reply:
    """The reply that an HTTP answer holds.

    Args:
        status: HTTP status.
        headers: Looked up in lower case; the mapping ignores case.
        body: As it came.
        secret: The API key, which some servers repeat in their errors; it gets into none of ours.

    Raises:
        lm15.LM15Error: For every other answer (see `Transport`).
    """
    data = _parsed(body)
    if not 200 <= status < 300:
        raise _refusal(status, headers, body, data, secret)
    return _reply(data, body, headers, secret)


def unreadable(text: str) -> lm15.ServerError:
    """The error for an answer that is no completion; gateways in trouble send them with status 200."""
    return lm15.ServerError(text, provider_code=UNREADABLE)


def seconds_until_reset(headers: Mapping[str, str]) -> float | None:
    """Seconds until the server's own rate limit lets another request in; None if it does now.

    Read from the `x-ratelimit-remaining-*` and `x-ratelimit-reset-*` headers that OpenAI and
    many gateways send with every answer, as "6m0s", "20ms" or plain seconds.
    """
    waits = [
        _span(headers.get(f"x-ratelimit-reset-{what}", ""))
        for what in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{what}") == "0"
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def per_minute(headers: Mapping[str, str], what: str) -> float | None:
    """The server's own limit on `requests` or `tokens` (`x-ratelimit-limit-*`); None without one.

    OpenAI and those that follow it count by the minute. A limit that counts by the day reads as
    one that does not bind; `--rpm` and `--tpm` stand above what is read here.
    """
    try:
        limit = float(headers.get(f"x-ratelimit-limit-{what}", ""))
    except ValueError:
        return None
    return limit if 0 < limit < math.inf else None


def _parsed(body: bytes) -> Any:  # noqa: ANN401 (whatever the server sent)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body)  # takes half characters, which the recorder mends
    except ValueError:
        return None


def _reply(data: Any, body: bytes, headers: Mapping[str, str], secret: str) -> Reply:  # noqa: ANN401
    try:
        choice = data["choices"][0]
        message = choice["message"]
        text = message.get("content") or message.get("refusal") or ""
        finish_reason = choice.get("finish_reason") or "stop"
    except (AttributeError, LookupError, TypeError):
        text = finish_reason = None
    if not isinstance(text, str) or not isinstance(finish_reason, str):
        raise unreadable(_without(secret, f"the server sent no completion: {_shown(body)[:200]}"))
    usage = data.get("usage")
    return Reply(
        text,
        finish_reason,
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
        reset=seconds_until_reset(headers),
        rpm=per_minute(headers, "requests"),
        tpm=per_minute(headers, "tokens"),
    )


def _count(usage: Any, name: str) -> int:  # noqa: ANN401
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and value > 0 else 0


def _refusal(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    data: Any,  # noqa: ANN401
    secret: str,
) -> lm15.LM15Error:
    told = data.get("error", data) if isinstance(data, dict) else data
    words = {str(told.get(name)) for name in ("code", "type")} if isinstance(told, dict) else set()
    said = told.get("message") if isinstance(told, dict) else told
    text = " ".join((str(said) if said else _shown(body) or f"Error code: {status}").split())
    text = _without(secret, text)[:500]
    wait = _retry_after(headers)
    if status == 401:
        return lm15.AuthError(text, status=status)
    if status == 402 or words & _NO_CREDIT:
        return lm15.BillingError(text, status=status)
    if status == 404:
        return lm15.UnsupportedModelError(text, status=status)
    if status == 429:
        return lm15.RateLimitError(text, status=status, retry_after=wait)
    if status in (408, 409, 425) or status >= 500:
        return lm15.ServerError(text, status=status, retry_after=wait)
    code = FILTERED if words & _FILTERS else None
    return lm15.InvalidRequestError(text, status=status, provider_code=code)


def _without(secret: str, text: str) -> str:
    # Shorter "keys" are placeholders, and words of the message.
    return text.replace(secret, "***") if len(secret) >= 8 else text


def _shown(body: bytes) -> str:
    return body.decode(errors="replace").strip()


def _retry_after(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue  # absent, or an HTTP date: our own back-off is as good
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return seconds_until_reset(headers)


def _span(text: str) -> float | None:
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        parts = [(text, "s")]
    try:
        seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None
