"""Any OpenAI-compatible endpoint, through the `openai` package on its aiohttp transport."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any

import openai
from dspy import lm15
from dspy.lm15 import Request
from openai.types.chat import ChatCompletion

from autoevol.lm.transport import Reply
from autoevol.lm.wire import chat_body


class OpenAITransport:
    """Sends chat completions to one base URL.

    Args:
        model: The name that the server knows the model by.
        base_url: API root, usually ending in /v1; None for OpenAI itself.
        api_key: Never stored, logged or hashed.
        extra: Server-side settings sent with every request (`top_k`, `chat_template_kwargs`).
        identity: See `Transport`; by default the URL, the model and `extra`.
        connections: Most simultaneous connections.
        timeout: Seconds for one whole attempt, however slowly the server keeps it alive.
        reasoning: The model is one of OpenAI's reasoning models, which refuse sampling
            settings and know `max_tokens` as `max_completion_tokens`.
        seeded: See `Transport`.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str = "none",
        extra: Mapping[str, Any] | None = None,
        identity: str | None = None,
        connections: int = 1000,
        timeout: float = 600.0,
        reasoning: bool = False,
        seeded: bool = False,
    ) -> None:
        self.model = model
        self.extra = dict(extra or {})
        self.reasoning = reasoning
        self.seeded = seeded
        self._key = api_key
        self._timeout = timeout
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key,
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultAioHttpClient(limits=_limits(connections), timeout=timeout),
        )
        settings = ";".join(f"{key}={self.extra[key]!r}" for key in sorted(self.extra))
        self.identity = identity or f"{str(self._client.base_url).rstrip('/')}|{model}|{settings}"

    async def send(self, request: Request) -> Reply:
        """One POST. Raises `dspy.lm15` errors only (see `Transport`)."""
        body = chat_body(request) | {"model": self.model}
        if self.reasoning:
            body = _for_reasoning(body)
        try:
            async with asyncio.timeout(self._timeout):
                # Not `chat.completions.create`: it knows OpenAI's own parameters only.
                completion = await self._client.post(
                    "/chat/completions", body=body | self.extra, cast_to=ChatCompletion
                )
        except openai.APIStatusError as error:
            # Without the cause: its text is the server's own, which may repeat the key.
            raise _status_error(error, self._key) from None
        except TimeoutError as error:
            raise lm15.TimeoutError(f"no reply within {self._timeout:g} seconds") from error
        except openai.APIConnectionError as error:
            raise self._unreached(error) from error
        except (openai.OpenAIError, ValueError) as error:
            raise lm15.ServerError(f"unreadable reply: {error}") from error
        return _reply(completion)

    async def aclose(self) -> None:
        """Close the connection pool."""
        await self._client.close()

    def _unreached(self, error: openai.APIConnectionError) -> lm15.LM15Error:
        # The aiohttp transport calls every lost or refused connection a timeout; the first
        # cause tells which it was.
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        if isinstance(cause, TimeoutError):
            return lm15.TimeoutError(f"no reply within {self._timeout:g} seconds")
        url = self._client.base_url.copy_with(userinfo=b"")
        return lm15.TransportError(f"cannot reach {url}: {cause}")


def _for_reasoning(body: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in body.items() if key not in ("temperature", "top_p", "max_tokens")}
    return kept | ({"max_completion_tokens": body["max_tokens"]} if "max_tokens" in body else {})


def _limits(connections: int) -> Any:  # noqa: ANN401 (the client's own HTTP types stay out of our API)
    import httpx

    return httpx.Limits(max_connections=connections, max_keepalive_connections=connections)


def _reply(completion: object) -> Reply:
    # Gateways answer 200 with an HTML page, an error object or no choices when they are in
    # trouble, and the client checks no types.
    try:
        choice = completion.choices[0]  # type: ignore[attr-defined]
        text = choice.message.content or choice.message.refusal or ""
        finish_reason = choice.finish_reason or "stop"
    except (AttributeError, LookupError, TypeError):
        text = finish_reason = None
    if not isinstance(text, str) or not isinstance(finish_reason, str):
        raise lm15.ServerError(f"the server sent no completion: {str(completion)[:200]}")
    usage = getattr(completion, "usage", None)
    return Reply(text, finish_reason, _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"))


def _count(usage: object, name: str) -> int:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and value > 0 else 0


def _status_error(error: openai.APIStatusError, key: str) -> lm15.LM15Error:
    status, words = error.status_code, {str(error.code), str(error.type)}
    retry_after = _retry_after(error.response.headers)
    text = _message(error, key)
    if status == 401:
        return lm15.AuthError(text, status=status)
    if status == 402 or words & {"insufficient_quota", "billing_hard_limit_reached"}:
        return lm15.BillingError(text, status=status)
    if status == 404:
        return lm15.UnsupportedModelError(text, status=status)
    if status == 429:
        return lm15.RateLimitError(text, status=status, retry_after=retry_after)
    if status in (408, 409, 425) or status >= 500:
        return lm15.ServerError(text, status=status, retry_after=retry_after)
    return lm15.InvalidRequestError(text, status=status)


def _message(error: openai.APIStatusError, key: str) -> str:
    """What the server says, on one line and without the key that it may repeat."""
    said = error.body.get("message") if isinstance(error.body, dict) else None
    text = " ".join(str(said or error.message).split())
    # Shorter "keys" are placeholders, and words of the message.
    return (text.replace(key, "***") if len(key) >= 8 else text)[:500]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue  # absent, or an HTTP date: our own back-off is as good
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None
