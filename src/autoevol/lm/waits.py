"""How long a server asks clients to wait: from headers and bodies, in every notation met so far."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_SPAN = re.compile(r"([\d.]+)(ms|[smhd])")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PAST = re.compile(r"-\d[\d.]*")
_LIMITS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
)
# A larger number is no span but a moment: seconds, or milliseconds, since 1970.
_LONGEST_SPAN = 1e9
_MOST_SECONDS = 1e11
_IN_WORDS = re.compile(r"(?i)(?:try again|retry)\s+(?:in|after)\s+((?:[\d.]+\s*(?:ms|[smhd])\w*\s*)+)")


def retry_after(headers: Mapping[str, str], data: Any = None) -> float | None:  # noqa: ANN401
    """Seconds that a refusal asks to wait; None if it does not say.

    From `retry-after-ms`, `retry-after` (seconds or a date), the body's `retryDelay` (Gemini), or the reset
    of the exhausted rate limit, in this order. For a wait in words, see `span_in_words`.
    """
    milliseconds = _span(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    for wait in (_until(headers.get("retry-after", ""), headers), _delay(data), seconds_until_reset(headers)):
        if wait is not None:
            return wait
    return None


def span_in_words(text: str) -> float | None:
    """Seconds if a message says "try again in 20s" or "7m12s"; else None."""
    match = _IN_WORDS.search(text)
    if match is None:
        return None
    parts = re.findall(r"([\d.]+)\s*(ms|[smhd])", match[1])
    return _span("".join(number + unit for number, unit in parts))


def seconds_until_reset(headers: Mapping[str, str]) -> float | None:
    """Seconds until the server's rate limit admits another request; None if it does now.

    From the `x-ratelimit-remaining-*` and `x-ratelimit-reset-*` headers that OpenAI and many gateways send
    with every answer: "6m0s", "20ms", plain seconds, or the moment itself.
    """
    waits = [_until(headers.get(reset, ""), headers) for left, reset in _LIMITS if headers.get(left) == "0"]
    return max((wait for wait in waits if wait is not None), default=None)


def per_minute(headers: Mapping[str, str], what: str) -> float | None:
    """The server's limit on `requests` or `tokens` (`x-ratelimit-limit-*`); None if it names none.

    OpenAI and compatible servers count by the minute. A daily limit, taken for one per minute, is too high
    to matter; `--rpm` and `--tpm` override what is read here.
    """
    try:
        limit = float(headers.get(f"x-ratelimit-limit-{what}", ""))
    except ValueError:
        return None
    return limit if 0 < limit < math.inf else None


def _until(text: str, headers: Mapping[str, str]) -> float | None:
    """Seconds until what `text` names: a span, or a moment by the server's clock where it tells the time."""
    if _PAST.fullmatch(text):
        return 0.0
    span = _span(text)
    if span is not None and span < _LONGEST_SPAN:
        return span
    moment = _moment(text) if span is None else span if span < _MOST_SECONDS else span / 1000
    now = _moment(headers.get("date", ""))
    return None if moment is None else max(0.0, moment - (time.time() if now is None else now))


def _moment(text: str) -> float | None:
    """A date of HTTP or of RFC 3339, in seconds since 1970."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            date = read(text)
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def _delay(data: Any, depth: int = 0) -> float | None:  # noqa: ANN401
    """The longest `retryDelay` (or `retry_after`, or Hugging Face's `estimated_time`) anywhere in a body."""
    if depth > 6:
        return None
    if isinstance(data, list):
        found = [_delay(value, depth + 1) for value in data[:50]]
    elif isinstance(data, Mapping):
        found = [_delay(value, depth + 1) for value in list(data.values())[:50]]
        for name in ("retryDelay", "retry_delay", "retry_after", "retry_after_seconds", "estimated_time"):
            value = data.get(name)
            if isinstance(value, Mapping):
                value = value.get("seconds")
            found.append(_span(str(value)) if isinstance(value, str | int | float) else None)
    else:
        return None
    return max((wait for wait in found if wait is not None), default=None)


def _span(text: str) -> float | None:
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        parts = [(text, "s")]
    try:
        seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None
