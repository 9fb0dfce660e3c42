"""OpenAI-compatible endpoints through the `openai` package on its aiohttp transport.

Several times the CPU of `http.HTTPTransport`; for gateways that want what only this client
sends (OPENAI_CUSTOM_HEADERS, its own user agent).
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import openai
from dspy import lm15

from autoevol.lm.answers import unreadable
from autoevol.lm.openai_compatible import PATH, ChatEndpoint, Raw


class OpenAITransport(ChatEndpoint):
    """A `ChatEndpoint` whose HTTP client is the `openai` package."""

    def __init__(self, model: str, **options: Any) -> None:  # noqa: ANN401 (those of ChatEndpoint)
        super().__init__(model, **options)
        most, timeout = self._connections, self._timeout
        limits = httpx.Limits(max_connections=most, max_keepalive_connections=most)
        self._client = openai.AsyncOpenAI(
            base_url=self._base,
            api_key=self._key,
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultAioHttpClient(limits=limits, timeout=timeout),
        )

    async def aclose(self) -> None:
        """Close the connection pool."""
        await self._client.close()

    async def _post(self, body: dict[str, Any]) -> Raw:
        try:
            async with asyncio.timeout(self._timeout):
                # Not `chat.completions.create`: it knows OpenAI's own parameters only.
                answer = await self._client.post(f"/{PATH}", body=body, cast_to=httpx.Response)
        except openai.APIStatusError as error:
            answer = error.response
        except TimeoutError as error:
            raise self._late() from error
        except openai.APIConnectionError as error:
            raise self._without_answer(error) from error
        except (openai.OpenAIError, ValueError) as error:
            raise unreadable(f"unreadable reply: {error}") from error
        return answer.status_code, answer.headers, answer.content

    def _without_answer(self, error: BaseException) -> lm15.LM15Error:
        # The aiohttp transport calls every lost or refused connection a timeout; the first
        # cause tells which it was.
        while error.__cause__ is not None:
            error = error.__cause__
        return self._late() if isinstance(error, TimeoutError) else self._unreached(error)
