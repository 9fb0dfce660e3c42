"""OpenAI-compatible endpoints through aiohttp alone: the client for many calls."""

from __future__ import annotations

import os
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
import orjson
from dspy import lm15
from yarl import URL

from autoevol.lm.openai_compatible import PATH, ChatEndpoint, Raw


class HTTPTransport(ChatEndpoint):
    """A `ChatEndpoint` on aiohttp. HTTP_PROXY, NO_PROXY and SSL_CERT_FILE hold as usual."""

    def __init__(self, model: str, **options: Any) -> None:  # noqa: ANN401 (those of ChatEndpoint)
        super().__init__(model, **options)
        self._url = URL(str(self._base.copy_with(userinfo=b"")) + PATH, encoded=True)
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connection pool."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(self, body: dict[str, Any]) -> Raw:
        try:
            content = orjson.dumps(body)
        except TypeError as error:
            raise lm15.InvalidRequestError(f"the request cannot be written as JSON: {error}") from error
        if self._session is None:
            self._session = self._open()
        try:
            async with self._session.post(self._url, data=content) as answer:
                return answer.status, answer.headers, await answer.read()
        except TimeoutError as error:
            raise self._late() from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._unreached(error) from error

    def _open(self) -> aiohttp.ClientSession:
        secure = self._url.scheme == "https"
        trusted = httpx.create_ssl_context() if secure else True
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=trusted),
            headers=self._headers(),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=_proxy(self._url),
        )

    def _headers(self) -> dict[str, str]:
        own = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}
        user, password = self._base.username, self._base.password
        signed = aiohttp.encode_basic_auth(user, password) if user or password else f"Bearer {self._key}"
        return {
            "Authorization": signed,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "autoevol",
            **{name: os.environ[variable] for name, variable in own.items() if os.environ.get(variable)},
        }


def _proxy(url: URL) -> str | None:
    return None if proxy_bypass(url.host or "") else getproxies().get(url.scheme)
