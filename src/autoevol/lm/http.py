"""OpenAI-compatible endpoints through plain aiohttp: the fast client, and the default."""

from __future__ import annotations

import os
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
import orjson
from dspy import lm15
from yarl import URL

from autoevol.core.errors import InputError
from autoevol.lm.openai_compatible import CONNECT_TIMEOUT, ChatEndpoint, Raw, too_long


class HTTPTransport(ChatEndpoint):
    """A `ChatEndpoint` on aiohttp. Honours HTTP_PROXY, NO_PROXY and SSL_CERT_FILE."""

    def __init__(self, model: str, **options: Any) -> None:  # noqa: ANN401 (those of ChatEndpoint)
        super().__init__(model, **options)
        self._target = URL(self._url, encoded=True)
        if self._target.host != self.base.url.host or self._target.port != _port(self.base.url):
            raise InputError(f"--api-base {self.base.name}: would ask {self._target.host!r}")
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connection pool."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(self, url: str, body: dict[str, Any] | None, most: int) -> Raw:
        try:
            content = None if body is None else orjson.dumps(body)
        except TypeError as error:
            raise lm15.InvalidRequestError(f"the request cannot be written as JSON: {error}") from error
        if self._session is None:
            self._session = self._open()
        method = "GET" if body is None else "POST"
        target = self._target if url == self._url else URL(url, encoded=True)
        try:
            async with self._session.request(method, target, data=content, allow_redirects=False) as answer:
                return answer.status, answer.headers, await _read(answer, most)
        except aiohttp.ConnectionTimeoutError as error:
            raise self._unreached(error) from None
        except TimeoutError:
            raise self._late() from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._unreached(error) from None
        except ValueError as error:
            raise lm15.ConfigurationError(f"the request cannot be sent: {self.mask(str(error))}") from None

    def _open(self) -> aiohttp.ClientSession:
        secure = self.base.url.scheme == "https"
        trusted = httpx.create_ssl_context() if secure else True
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=trusted),
            headers=self._headers(),
            timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=CONNECT_TIMEOUT),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=_proxy(self.base.url),
        )

    def _headers(self) -> dict[str, str]:
        own = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}
        account = own if self.base.openai else {}
        return {
            **self._signature,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "autoevol",
            **{name: os.environ[variable] for name, variable in account.items() if os.environ.get(variable)},
        }


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The decompressed body; raises `too_long` without keeping a longer one in memory."""
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > most:
            answer.close()
            raise too_long(most)
        parts.append(part)
    return b"".join(parts)


def _port(url: httpx.URL) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)


def _proxy(url: httpx.URL) -> str | None:
    return None if proxy_bypass(url.host) else getproxies().get(url.scheme)
