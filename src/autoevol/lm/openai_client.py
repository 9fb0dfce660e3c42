"""OpenAI-compatible endpoints through the `openai` package on its aiohttp transport.

It takes several times the CPU of `http.HTTPTransport`; it is for gateways that require something only this
client sends (OPENAI_CUSTOM_HEADERS, its user agent).
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import httpx
import openai
from aiohttp import ConnectionTimeoutError
from dspy import lm15

from autoevol.lm.openai_compatible import CONNECT_TIMEOUT, ChatEndpoint, Raw, too_long
from autoevol.lm.transport import BrokenReply

_most: ContextVar[int] = ContextVar("autoevol_most_bytes")
"""Maximum bytes of the answer to the current request; the package has no parameter to pass it through."""


class _BoundedClient(openai.DefaultAioHttpClient):
    """Reads every answer up to a limit on its decompressed size."""

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401
        answer = await super().send(request, **{**options, "stream": True})
        parts: list[bytes] = []
        size, most = 0, _most.get()
        try:
            async for part in answer.aiter_bytes():
                size += len(part)
                if size > most:
                    raise too_long(most)
                parts.append(part)
        finally:
            await answer.aclose()
        headers = [(name, value) for name, value in answer.headers.multi_items() if name not in _ENCODED]
        return httpx.Response(answer.status_code, headers=headers, content=b"".join(parts), request=request)


_ENCODED = ("content-encoding", "content-length", "transfer-encoding")


class OpenAITransport(ChatEndpoint):
    """A `ChatEndpoint` whose HTTP client is the `openai` package."""

    def __init__(self, model: str, **options: Any) -> None:  # noqa: ANN401 (those of ChatEndpoint)
        super().__init__(model, **options)
        connections = self._connections
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        timeout = httpx.Timeout(self._timeout, connect=min(CONNECT_TIMEOUT, self._timeout))
        account = () if self.base.openai else ("OpenAI-Organization", "OpenAI-Project")
        headers: dict[str, Any] = {name: openai.Omit() for name in account}
        # The package adds a bearer token itself, which OPENAI_CUSTOM_HEADERS may override.
        own = self.base.user or "Authorization" not in self._signature
        self._options: Any = {}
        if "Authorization" not in self._signature:
            self._options = {"headers": {"Authorization": openai.Omit()}}
        self._client = openai.AsyncOpenAI(
            base_url=self.base.url,
            api_key=self._key,
            max_retries=0,
            timeout=timeout,
            default_headers={**headers, **self._signature} if own else headers,
            http_client=_BoundedClient(limits=limits, timeout=timeout, follow_redirects=False),
        )

    async def aclose(self) -> None:
        """Close the connection pool."""
        await self._client.close()

    async def _exchange(self, url: str, body: dict[str, Any] | None, most: int) -> Raw:
        _most.set(most)
        try:
            async with asyncio.timeout(self._timeout):
                # Not `chat.completions.create`, which accepts only OpenAI's own parameters.
                if body is None:
                    answer = await self._client.get(url, cast_to=httpx.Response, options=self._options)
                else:
                    answer = await self._client.post(
                        url, body=body, cast_to=httpx.Response, options=self._options
                    )
        except openai.APIStatusError as error:
            answer = error.response
        except TimeoutError:
            raise self._late() from None
        except openai.APIConnectionError as error:
            raise self._without_answer(error) from None
        except (openai.OpenAIError, ValueError) as error:
            raise BrokenReply(f"unreadable reply: {self.mask(str(error))}") from None
        return answer.status_code, answer.headers, answer.content

    def _without_answer(self, error: BaseException) -> lm15.LM15Error:
        # The aiohttp transport reports every lost or refused connection as a timeout; the root cause tells
        # them apart.
        while error.__cause__ is not None and not isinstance(error, lm15.LM15Error):
            error = error.__cause__
        if isinstance(error, lm15.LM15Error):
            return error
        late = isinstance(error, TimeoutError) and not isinstance(error, ConnectionTimeoutError)
        return self._late() if late else self._unreached(error)
