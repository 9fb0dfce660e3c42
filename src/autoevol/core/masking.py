"""Removes secrets from every text that is written or shown; always before the text is cut."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

_HIDDEN = "***"
# Shorter "keys" are placeholders ("none", "EMPTY") that also occur as words of a message.
_SHORTEST = 8
# This many characters of a secret in a row give it away: servers and gateways cut what they repeat.
_RUN = 10
_ECHOES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)(\w://)[^\s@/]*:\S*@"), rf"\1{_HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)((?:\s|%20)+)(?=\S*\d|\S{24})[\w.~+/=%-]{8,}"), rf"\1\2{_HIDDEN}"),
    (
        re.compile(r"(?i)([?&](?:[\w-]*api[-_]?key|[\w-]*token|[\w-]*key|sig|secret)=)[^&\s\"'<>]+"),
        rf"\1{_HIDDEN}",
    ),
    (re.compile(r"\b(?:sk|gsk|hf|xai|nvapi|pplx|csk|r8)[-_][\w-]{16,}|\bAIza[\w-]{30,}"), _HIDDEN),
)


class Mask:
    """Hides known secrets in every form a server may repeat them in, and anything that looks like a secret.

    Args:
        secrets: Keys and passwords.
        user: Of the password; a server may repeat the Basic header, which has both in base64.
    """

    def __init__(self, *secrets: str | None, user: str = "") -> None:
        plain = [secret for secret in secrets if secret]
        self._forms = sorted(
            {form for secret in plain for form in _forms(secret, user) if len(form) >= _SHORTEST},
            key=len,
            reverse=True,
        )

    def __call__(self, text: str) -> str:
        """`text` without secrets, long parts of secrets, or anything that looks like credentials."""
        text = self._without_parts(text)
        for pattern, instead in _ECHOES:
            text = pattern.sub(instead, text)
        return text

    def known(self, text: str) -> str:
        """`text` without the known secrets only. For replies, whose own words may look like credentials."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, _HIDDEN)
        return text

    def _without_parts(self, text: str) -> str:
        spans = [span for form in self._forms for span in _runs(text, form)]
        if not spans:
            return text
        kept: list[str] = []
        end = 0
        for low, high in sorted(spans):
            if low > end or not kept:
                kept += [text[end:low], _HIDDEN]
            end = max(end, high)
        return "".join([*kept, text[end:]])


def _forms(secret: str, user: str) -> set[str]:
    texts = {secret, f"{user}:{secret}"} if user else {secret}
    coded = {base64.b64encode(text.encode()).decode().rstrip("=") for text in texts}
    coded |= {_inside_base64(secret, before) for before in range(3)}
    web_safe = {form.replace("+", "-").replace("/", "_") for form in coded}
    escaped = {
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        secret.replace("/", "\\/"),
    }
    return {secret, *coded, *web_safe, *escaped, *(form.lower() for form in escaped if "%" in form)}


def _inside_base64(secret: str, before: int) -> str:
    """The base64 characters that depend on `secret` alone, whatever surrounds it (no user, or any user).

    `before` is the number of bytes in front of it, modulo 3: base64 packs three bytes into four characters.
    """
    data = b"\0" * before + secret.encode()
    whole = len(data) * 8 // 6
    return base64.b64encode(data).decode()[-(-before * 8 // 6) : whole]


def _runs(text: str, secret: str) -> list[tuple[int, int]]:
    """(start, end) wherever `text` shares a long run of characters with `secret`."""
    length = min(_RUN, len(secret))
    spans: list[tuple[int, int]] = []
    for start in range(len(secret) - length + 1):
        piece, at = secret[start : start + length], -1
        while (at := text.find(piece, at + 1)) >= 0:
            spans.append((at, at + length))
    return spans
