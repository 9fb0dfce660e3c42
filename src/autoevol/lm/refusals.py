"""The meaning of an error, however it is wrapped and whatever status it came with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dspy import lm15

from autoevol.core.masking import Mask
from autoevol.core.text import storable
from autoevol.lm.transport import FILTERED
from autoevol.lm.waits import retry_after, span_in_words

_DEEPEST = 6
_LONGEST = 500
_WORDS: tuple[tuple[int, frozenset[str]], ...] = (
    (401, frozenset({"invalid_api_key", "authentication_error", "unauthenticated", "api_key_invalid"})),
    (401, frozenset({"permission_error", "permission_denied", "unsupported_country_region_territory"})),
    (402, frozenset({"insufficient_quota", "billing_hard_limit_reached", "insufficient_balance"})),
    (
        402,
        frozenset({"insufficient_credits", "billing_not_active", "payment_required", "quota_exceeded_daily"}),
    ),
    (404, frozenset({"model_not_found", "not_found_error", "notfounderror", "deploymentnotfound"})),
    (429, frozenset({"rate_limit_exceeded", "rate_limit_error", "resource_exhausted", "too_many_requests"})),
    (429, frozenset({"ratelimitreached", "throttling", "requests_limit_exceeded"})),
    (503, frozenset({"overloaded_error", "unavailable", "engine_overloaded", "server_overloaded"})),
    (
        400,
        frozenset(
            {"invalid_request_error", "invalid_argument", "badrequesterror", "context_length_exceeded"}
        ),
    ),
)
_FILTERS = frozenset(
    {
        FILTERED,
        "content_policy_violation",
        "responsibleaipolicyviolation",
        "data_inspection_failed",
        "moderation",
    }
)
_BAD_KEY = re.compile(
    r"(?i)\bapi[ -]?key (?:is )?(?:not valid|invalid|not found|expired)|invalid api[ -]?key"
)
_NO_MODEL = re.compile(
    r"(?i)\bmodel\b[^.]{0,80}?\b(?:not exist|not found|is not served)"
    r"|\bnot a valid model|\b(?:unknown|invalid) model\b"
)
_DAILY = re.compile(r"(?i)per[ _-]?day|\bdaily\b|\b[RT]PD\b")
_MINUTE = re.compile(r"(?i)per[ _-]?(?:min|second|hour)|\b[RT]P[MS]\b")
_SPENT = re.compile(
    r"(?i)(?:insufficient|not enough|out of|no) (?:account )?(?:credit|balance|quota|fund)"
    r"|credit balance is too low|(?:requires?|needs?) more credits"
    r"|balance (?:is )?(?:insufficient|exhausted)|billing (?:hard )?limit"
)
_UNSUPPORTED = re.compile(
    r"(?i)unsupported|not support|unrecogni[sz]ed|unknown|not permitted|not allowed|unexpected"
    r"|extra (?:inputs|fields)|only the default|cannot both|can ?not be (?:set|used|specified)"
    r"|deprecated|not available|removed"
)


@dataclass(frozen=True)
class Told:
    """The content of an error object.

    Attributes:
        message: The server's message.
        words: Codes and types, in lower case.
        status: The HTTP status that it names; None for none.
        param: The parameter that it names; None for none.
    """

    message: str
    words: frozenset[str]
    status: int | None = None
    param: str | None = None


class ParameterRefused(lm15.InvalidRequestError):
    """The endpoint does not accept a parameter of the request; without it, the request may work.

    Attributes:
        param: The parameter as the server names it; "" if only the message does.
    """

    def __init__(self, message: str, *, status: int, param: str) -> None:
        super().__init__(message, status=status)
        self.param = param


def read_refusal(
    status: int | None,
    headers: Mapping[str, str],
    data: Any,  # noqa: ANN401 (whatever the server sent)
    body: bytes,
    mask: Mask,
) -> lm15.LM15Error:
    """The error for a refusing answer.

    Args:
        status: HTTP status; None for an error inside a 200, whose own status then counts.
        headers: Looked up in lower case; the mapping ignores case.
        data: The body's JSON; None for none.
        body: For its text, if there is no JSON.
        mask: Hides secrets.
    """
    told = told_by(data)
    text = told.message or mask(body[:65536].decode(errors="replace"))
    text = storable(" ".join(mask(text[:65536]).split()))
    text = text[:_LONGEST] or f"Error code: {status or told.status}"
    code = _status(status, told, text, data)
    wait = retry_after(headers, data)
    if code == FILTERED:
        return lm15.InvalidRequestError(text, status=status or told.status, provider_code=FILTERED)
    shown = status if status is not None else code
    if code in _KINDS:
        return _KINDS[code](text, status=shown)
    if code == 429:
        wait = span_in_words(text) if wait is None else wait
        return lm15.RateLimitError(text, status=429, retry_after=wait)
    if code in (408, 409, 425) or code >= 500 or code < 300:
        return lm15.ServerError(text, status=shown, retry_after=wait)
    if code in (400, 422) and (told.param or _UNSUPPORTED.search(text)) and _is_unsupported(told, text):
        return ParameterRefused(text, status=code, param=told.param or "")
    return lm15.InvalidRequestError(text, status=shown)


_KINDS: dict[int, type[lm15.ProviderError]] = {
    401: lm15.AuthError,
    402: lm15.BillingError,
    404: lm15.UnsupportedModelError,
}


def told_by(data: Any) -> Told:  # noqa: ANN401
    """The content of an error: all messages from the outside in, and every code on the way."""
    messages: list[str] = []
    words: set[str] = set()
    statuses: list[int] = []
    params: list[str] = []
    for layer in _layers(data, 0):
        if isinstance(layer, str):
            messages.append(layer)
            continue
        for name in ("code", "type", "status", "reason", "error_code"):
            value = layer.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool):
                words.add(str(value).lower())
                statuses += _http_status(value)
        if isinstance(param := layer.get("param") or layer.get("parameter"), str):
            params.append(param)
        if isinstance(location := layer.get("loc"), list) and location:
            params.append(str(location[-1]))
    message = _joined(messages)
    return Told(message, frozenset(words), next(iter(statuses), None), next(iter(params), None))


def error_in(data: Any) -> Any | None:  # noqa: ANN401
    """The error in a body with status 200, next to its choices or instead of them; None if there is none."""
    if isinstance(data, list):
        return next((error for value in data[:1] if (error := error_in(value)) is not None), None)
    if not isinstance(data, Mapping):
        return None
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    for holder in (data, choice):
        error = holder.get("error") if isinstance(holder, Mapping) else None
        if _is_error(error):
            return error
    bare = data.get("object") == "error" or ("message" in data and ("code" in data or "status" in data))
    return data if bare and not isinstance(choice, Mapping) else None


def _is_error(error: Any) -> bool:  # noqa: ANN401
    if not isinstance(error, Mapping):
        return bool(error)
    return any(value not in (None, "", 0, "0", [], {}, False) for value in error.values())


def _layers(data: Any, depth: int) -> Iterator[dict[str, Any] | str]:  # noqa: ANN401
    """Objects and messages from the outermost to the innermost; JSON inside strings is parsed."""
    if depth > _DEEPEST or data is None:
        return
    if isinstance(data, str):
        inner = _opened(data)
        if inner is None:
            yield data
        else:
            yield from _layers(inner, depth + 1)
    elif isinstance(data, list):
        for value in data[:3]:
            yield from _layers(value, depth + 1)
    elif isinstance(data, Mapping):
        yield dict(data)
        for name in ("message", "msg", "detail", "error_description", "error", "errors", "metadata"):
            yield from _layers(data.get(name), depth + 1)
        for name in (
            "raw",
            "innererror",
            "details",
            "violations",
            "quotaId",
            "description",
            "previous_errors",
        ):
            if depth:
                yield from _layers(data.get(name), depth + 1)


def _opened(text: str) -> Any | None:  # noqa: ANN401
    """The JSON object or list in `text`, which may begin with words ("Error code: 400 - {...}")."""
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
    if start < 0 or start > 200:
        return None
    try:
        value = json.loads(text[start:])
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) and told_by(value).message else None


def _joined(messages: list[str]) -> str:
    """All messages from the outside in, without repetitions."""
    kept: list[str] = []
    for message in (" ".join(message.split()) for message in messages):
        if message and not any(message in other for other in kept):
            kept.append(message)
    return ": ".join(kept)


def _http_status(value: str | int) -> list[int]:
    text = str(value)
    return [int(text)] if text.isdigit() and len(text) == 3 and 400 <= int(text) < 600 else []


def _status(status: int | None, told: Told, text: str, data: Any) -> Any:  # noqa: ANN401
    """The status that counts: what the error says overrides the HTTP status it came with."""
    if told.words & _FILTERS and (status or told.status or 400) < 429:
        return FILTERED
    code = status or told.status or next((code for code, words in _WORDS if told.words & words), 502)
    named = {number for number, words in _WORDS if told.words & words}
    if code in (429, 403, 400, 402) and (402 in named or _SPENT.search(text)):
        return 402
    if code == 429 and is_spent(text, data):
        return 402
    if code in (400, 403) and (401 in named or _BAD_KEY.search(text)):
        return 401
    if code in (400, 403, 422) and told.param in (None, "model") and (404 in named or _NO_MODEL.search(text)):
        return 404
    return code


def is_spent(text: str, data: Any = None) -> bool:  # noqa: ANN401
    """Whether waiting is pointless: there is no credit, or a daily quota is used up.

    Args:
        text: The server's message.
        data: The body, which may list the quotas.
    """
    quotas = re.findall(r'"quotaId": ?"([^"]+)"', json.dumps(data, default=str)[:65536])
    if quotas:
        return any(_DAILY.search(quota) for quota in quotas)
    return bool(_SPENT.search(text)) or (bool(_DAILY.search(text)) and not _MINUTE.search(text))


def _is_unsupported(told: Told, text: str) -> bool:
    known = told.words & {
        "unsupported_parameter",
        "unsupported_value",
        "unknown_parameter",
        "extra_forbidden",
    }
    return bool(known) or bool(_UNSUPPORTED.search(text))
