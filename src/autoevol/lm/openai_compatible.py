"""Any OpenAI-compatible endpoint: what to send to which URL, independent of the HTTP client."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from difflib import SequenceMatcher
from socket import gaierror
from typing import Any

from aiohttp import ClientConnectorError, ConnectionTimeoutError
from dspy import lm15
from dspy.lm15 import Request

from autoevol.core.masking import Mask
from autoevol.lm.answers import read_answer
from autoevol.lm.bodies import parsed
from autoevol.lm.keys import signature
from autoevol.lm.parameters import Learned, Parameters
from autoevol.lm.refusals import ParameterRefused
from autoevol.lm.transport import BrokenReply, NobodyThere, Reply
from autoevol.lm.urls import OPENAI, read_base
from autoevol.lm.wire import chat_body

TIMEOUT = 300.0
CONNECT_TIMEOUT = 15.0
Raw = tuple[int, Mapping[str, str], bytes]

_PATH = "chat/completions"
_SHOWN = 8
_MOST_PARAMETERS = 12
# A token rarely has more than 32 characters, and a character takes at most 12 bytes of JSON; thinking comes
# on top. A longer answer is not a reply but a fault that could fill the memory.
_BYTES_PER_TOKEN = 1024
_LEAST_BODY = 2 << 20
_MOST_BODY = 64 << 20
_UNCONNECTED = (ClientConnectorError, ConnectionTimeoutError, ConnectionRefusedError, gaierror)


class ChatEndpoint(ABC):
    """Sends chat completions to one base URL. Subclasses differ in the HTTP client only.

    Args:
        model: The name that the server knows the model by.
        base_url: Usually ending in /v1; None for $OPENAI_BASE_URL, else OpenAI itself.
        api_key: Never stored, logged or hashed.
        extra: Server-side settings sent with every request (`top_k`, `chat_template_kwargs`).
        identity: See `Transport`; by default made of the URL, the model and `extra`.
        known_as: The URL to use in the identity, if the endpoint has moved.
        connections: Maximum number of simultaneous connections.
        timeout: Seconds for a whole attempt, even if the server keeps sending bytes.
        reasoning: The model is one of OpenAI's reasoning models (see `Parameters`).
        seeded: See `Transport`.

    Attributes:
        mask: Hides this endpoint's secrets in any text.
        parameters: Which parameters it accepts, as far as known.
        on_answer: Called with every body as JSON, refusals included; None for no callback.

    Raises:
        InputError: If the URL cannot be used.
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
        timeout: float = TIMEOUT,
        reasoning: bool = False,
        seeded: bool = False,
    ) -> None:
        self.model = model
        self.extra = dict(extra or {})
        self.seeded = seeded
        self._timeout = timeout
        self._connections = connections
        variable = os.environ.get("OPENAI_BASE_URL")
        given_by = "--api-base" if base_url or not variable else "OPENAI_BASE_URL"
        self.base = read_base(base_url or variable or OPENAI, given_by)
        self.mask = Mask(api_key, self.base.password, user=self.base.user)
        self._key = api_key
        self._signature = signature(self.base, api_key)
        self._url = self.base.to(_PATH)
        self._models: list[str] | None = None
        self.on_answer: Callable[[Any], None] | None = None
        self.parameters = Parameters(self.base.name, model, self.extra, reasoning=reasoning)
        named = read_base(known_as).name if known_as else self.base.name
        self.identity = identity or f"{named}|{_named(model)}|{extra_key(self.extra)}"

    @property
    def learned(self) -> list[Learned]:
        """Parameters that the endpoint turned out not to accept."""
        return self.parameters.learned

    async def send(self, request: Request) -> Reply:
        """One POST, plus one for every parameter that is refused for the first time.

        Raises `dspy.lm15` errors only (see `Transport`).
        """
        asked = chat_body(request) | {"model": self.model} | self.extra
        limit = request.config.max_tokens
        for _ in range(_MOST_PARAMETERS):
            body = self.parameters.fitted(asked)
            try:
                return await self._ask(body, limit)
            except ParameterRefused as refused:
                if not self.parameters.learn(refused, body):
                    raise
            except lm15.UnsupportedModelError as error:
                raise await self._with_models(error) from None
        raise lm15.InvalidRequestError(f"{self.model}: the endpoint refuses one parameter after the other")

    def body(self, request: Request) -> dict[str, Any]:
        """The body to send: the request with this model's settings, as far as the endpoint accepts them."""
        return self.parameters.fitted(chat_body(request) | {"model": self.model} | self.extra)

    @property
    def headers(self) -> dict[str, str]:
        """The authentication header, for this endpoint's host only."""
        return dict(self._signature)

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connection pool."""

    @abstractmethod
    async def _exchange(self, url: str, body: dict[str, Any] | None, most: int) -> Raw:
        """Status, headers and content of the answer to a POST of `body`, or to a GET without one.

        Args:
            url: Used as it is; a redirect is returned like any other answer.
            body: The JSON to send.
            most: Maximum of decompressed bytes; raises `too_long` for more.

        Raises:
            lm15.LM15Error: If there is no answer.
        """

    async def _ask(self, body: dict[str, Any], limit: int | None) -> Reply:
        most = min(_MOST_BODY, _LEAST_BODY + _BYTES_PER_TOKEN * limit) if limit else _MOST_BODY
        status, headers, content = await self._exchange(self._url, body, most)
        if self.on_answer is not None:
            self.on_answer(parsed(content))
        return read_answer(status, headers, content, self.mask, limit)

    async def _with_models(self, error: lm15.UnsupportedModelError) -> lm15.UnsupportedModelError:
        """`error` with the models that the endpoint offers, nearest first, or with the right base URL."""
        told, status = error.message, error.status
        if self._models is None:
            self._models = await self.models()
        if near := self._models:
            more = f" and {len(near) - _SHOWN} more" if len(near) > _SHOWN else ""
            told = f"{told}; the endpoint offers {', '.join(near[:_SHOWN])}{more}"
        elif root := await self.answers_under():
            told = f"{told}; it answers under {root}: give that as --api-base"
        return lm15.UnsupportedModelError(self.mask(told), status=status)

    async def answers_under(self) -> str | None:
        """The base URL with /v1, if the given one has no path and that one lists models; else None."""
        root = self.base.at_v1()
        return root if root and await self._offered(f"{root}/models") else None

    async def models(self) -> list[str]:
        """The models that the endpoint lists, those with names nearest to this model's first."""
        offered = await self._offered(self.base.to("models"))
        return sorted(offered, key=lambda name: -_likeness(name, self.model))

    async def _offered(self, url: str) -> list[str]:
        with suppress(lm15.LM15Error):
            status, _, content = await self._exchange(url, None, _LEAST_BODY)
            data = parsed(content) if status == 200 else None
            listed = data.get("data", data.get("models")) if isinstance(data, dict) else data
            names = [_model_name(each) for each in listed] if isinstance(listed, list) else []
            return [self.mask(name)[:100] for name in names if name]
        return []

    def _late(self) -> lm15.TimeoutError:
        return lm15.TimeoutError(f"no reply within {self._timeout:g} seconds (--timeout)")

    def _unreached(self, cause: BaseException) -> lm15.TransportError:
        kind = NobodyThere if isinstance(cause, _UNCONNECTED) else lm15.TransportError
        return kind(f"cannot reach {self.base.name}: {self.mask(str(cause) or type(cause).__name__)}")


def too_long(most: int) -> BrokenReply:
    """The error for an answer of more than `most` bytes."""
    return BrokenReply(f"the answer is longer than {most >> 20} MiB, far beyond the reply that was asked for")


def extra_key(extra: Mapping[str, Any]) -> str:
    """`extra` as part of call keys: independent of the order of the settings."""
    return ";".join(f"{key}={_ordered(extra[key])!r}" for key in sorted(extra))


def _ordered(value: Any) -> Any:  # noqa: ANN401 (JSON)
    if isinstance(value, Mapping):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(each) for each in value] if isinstance(value, list) else value


def _named(model: str) -> str:
    # Call keys have always had the name without this prefix; changing that would invalidate every store.
    return model.removeprefix("openai/")


def _model_name(listed: Any) -> str:  # noqa: ANN401
    name = (listed.get("id") or listed.get("name")) if isinstance(listed, dict) else listed
    return name if isinstance(name, str) else ""


def _likeness(name: str, wanted: str) -> float:
    name, wanted = name.lower(), wanted.lower()
    tails = name.rpartition("/")[2] == wanted.rpartition("/")[2]
    return SequenceMatcher(None, name, wanted).ratio() + tails
