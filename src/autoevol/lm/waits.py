"""How long a server asks clients to wait: from headers and bodies, in every notation met so far."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

_SPAN = re.compile(r"([\d.]+)(ms|[smhd])")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_IN_WORDS = re.compile(r"(?i)(?:try again|retry)\s+(?:in|after)\s+((?:[\d.]+\s*(?:ms|[smhd])\w*\s*)+)")


def retry_after(headers: Mapping[str, str], data: Any = None) -> float | None:  # noqa: ANN401
    """Seconds that a refusal asks to wait; None if it does not say.

    From `retry-after-ms`, `retry-after` (seconds or a date), the body's `retryDelay` (Gemini), or the reset
    of the exhausted rate limit, in this order. For a wait in words, see `span_in_words`.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        seconds = _seconds(headers.get(name, ""), unit)
        if seconds is not None:
            return seconds
    for wait in (_until(headers), _delay(data), seconds_until_reset(headers)):
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
    with every answer, as "6m0s", "20ms" or plain seconds.
    """
    waits = [
        _span(headers.get(f"x-ratelimit-reset-{what}", ""))
        for what in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{what}") == "0"
    ]
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


def _seconds(text: str, unit: float) -> float | None:
    try:
        seconds = float(text) / unit
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(headers: Mapping[str, str]) -> float | None:
    """Seconds until the date in `retry-after`, by the server's own clock if it sends the time."""
    try:
        end = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    try:
        now = parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        now = time.time()
    return max(0.0, (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp() - now)


def _delay(data: Any, depth: int = 0) -> float | None:  # noqa: ANN401
    """The longest `retryDelay` (or `retry_after`) anywhere in a body."""
    if depth > 6:
        return None
    if isinstance(data, list):
        found = [_delay(value, depth + 1) for value in data[:50]]
    elif isinstance(data, Mapping):
        found = [_delay(value, depth + 1) for value in list(data.values())[:50]]
        for name in ("retryDelay", "retry_delay", "retry_after", "retry_after_seconds"):
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
