"""Any OpenAI-compatible endpoint: what to send to which URL, whoever carries it there."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import httpx
from dspy import lm15
from dspy.lm15 import Request

from autoevol.lm.answers import read_answer
from autoevol.lm.transport import Reply
from autoevol.lm.wire import chat_body

PATH = "chat/completions"
Raw = tuple[int, Mapping[str, str], bytes]


class ChatEndpoint(ABC):
    """Sends chat completions to one base URL. Subclasses differ in the HTTP client only.

    Args:
        model: The name that the server knows the model by.
        base_url: API root, usually ending in /v1; None for $OPENAI_BASE_URL, else OpenAI itself.
        api_key: Never stored, logged or hashed.
        extra: Server-side settings sent with every request (`top_k`, `chat_template_kwargs`).
        identity: See `Transport`; by default the URL, the model and `extra`.
        known_as: The URL for that, where the endpoint has moved.
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
        known_as: str | None = None,
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
        self._connections = connections
        self._base = _root(base_url)
        settings = ";".join(f"{key}={self.extra[key]!r}" for key in sorted(self.extra))
        named = _root(known_as).copy_with(userinfo=b"") if known_as else self._base.copy_with(userinfo=b"")
        self.identity = identity or f"{str(named).rstrip('/')}|{model}|{settings}"

    async def send(self, request: Request) -> Reply:
        """One POST. Raises `dspy.lm15` errors only (see `Transport`)."""
        status, headers, content = await self._post(self.body(request))
        return read_answer(status, headers, content, self._key)

    def body(self, request: Request) -> dict[str, Any]:
        """What is sent: the request as this server wants it, with its own settings."""
        body = chat_body(request) | {"model": self.model}
        return (_for_reasoning(body) if self.reasoning else body) | self.extra

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connection pool."""

    @abstractmethod
    async def _post(self, body: dict[str, Any]) -> Raw:
        """Status, headers and content of the answer; raises lm15 errors where there is none."""

    def _late(self) -> lm15.TimeoutError:
        return lm15.TimeoutError(f"no reply within {self._timeout:g} seconds")

    def _unreached(self, cause: BaseException) -> lm15.TransportError:
        return lm15.TransportError(f"cannot reach {self._base.copy_with(userinfo=b'')}: {cause}")


def _root(base_url: str | None) -> httpx.URL:
    """The API root in one spelling (of host, port and escapes) with a slash at its end."""
    url = httpx.URL(base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1")
    return url if url.raw_path.endswith(b"/") else url.copy_with(raw_path=url.raw_path + b"/")


def _for_reasoning(body: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in body.items() if key not in ("temperature", "top_p", "max_tokens")}
    return kept | ({"max_completion_tokens": body["max_tokens"]} if "max_tokens" in body else {})
