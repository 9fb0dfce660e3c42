"""A session: one call store, one budget, and the DSPy language models that share them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import dspy

from autoevol.config.base import open_url
from autoevol.core import aio
from autoevol.core.context import Role
from autoevol.core.errors import InputError
from autoevol.lm.budget import Caps
from autoevol.lm.engine import AsyncRecordedEngine, RecordedEngine
from autoevol.lm.flow import Limits
from autoevol.lm.http import HTTPTransport
from autoevol.lm.local import LocalTransport, find_weights
from autoevol.lm.native import NativeTransport
from autoevol.lm.openai_compatible import ChatEndpoint
from autoevol.lm.recorder import LedgerLine, Price, Recorder, Watcher
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.transport import Transport
from autoevol.store.calls import CallStore

_REASONING = re.compile(r"(o[1345]|gpt-5)(?!.*-chat)")


class Session:
    """Makes recorded LMs. Everything they ask is stored, counted and capped together.

    Args:
        store: A call store, or the path of one.
        caps: Hard limits over the whole run, resumes included.
        retry: How persistent to be with a faulty endpoint.
        concurrency: Maximum number of concurrent requests, over all models.
        prices: Dollars per million tokens, by model string.
        client: HTTP client for OpenAI-compatible endpoints: `aiohttp`, or `openai` for that package.
        limits: Requests and tokens per minute for each endpoint and model.
        moved: New URL of an endpoint to the one it had before: its calls are found under the old one.

    Use it as a context manager, or call `close`.
    """

    def __init__(
        self,
        store: CallStore | str | Path,
        *,
        caps: Caps | None = None,
        retry: RetryPolicy | None = None,
        concurrency: int = 16,
        prices: Mapping[str, Price] | None = None,
        client: str = "aiohttp",
        limits: Limits | None = None,
        moved: Mapping[str, str] | None = None,
    ) -> None:
        self.store = store if isinstance(store, CallStore) else CallStore(store)
        self.recorder = Recorder(self.store, caps, retry, concurrency, limits=limits)
        self.prices = dict(prices or {})
        self._concurrency = concurrency
        self._client = client
        self._moved = dict(moved or {})
        self._transports: dict[str, Transport] = {}

    def lm(
        self,
        model: str,
        role: Role = "other",
        *,
        api_base: str | None = None,
        api_key_env: str | None = None,
        extra: Mapping[str, Any] | None = None,
        transport: Transport | None = None,
        **sampling: Any,  # noqa: ANN401 (DSPy's own sampling keywords)
    ) -> dspy.LM:
        """A `dspy.LM` for any program or optimizer.

        Args:
            model: `local/...`, `openai/...`, any other DSPy model string, or the bare name
                of a model behind `api_base`.
            role: Recorded for calls that no autoevol program makes; those record their own.
            api_base: URL of an OpenAI-compatible endpoint.
            api_key_env: Environment variable that holds the key.
            extra: Server-side settings for every request (`top_k`, `chat_template_kwargs`).
            transport: Use this instead of looking `model` up.
            sampling: `temperature`, `top_p`, `max_tokens`, ... as `dspy.LM` takes them.

        Raises:
            InputError: If the model string is unknown or its key is missing.
            TypeError: If `transport` lacks a part of `Transport`.
        """
        missing = [part for part in ("identity", "seeded", "send") if not hasattr(transport, part)]
        if transport is not None and missing:
            raise TypeError(f"the transport {type(transport).__name__} has no {' and no '.join(missing)}")
        name = model if "/" in model and not api_base else f"openai/{_served_name(model)}"
        if transport is None:
            signature = repr((name, api_base, api_key_env, sorted((extra or {}).items())))
            if signature not in self._transports:
                self._transports[signature] = make_transport(
                    name,
                    api_base,
                    api_key_env,
                    extra,
                    client=self._client,
                    connections=self._concurrency,
                    known_as=self._moved.get(open_url(api_base) or ""),
                )
            transport = self._transports[signature]
        if is_reasoning_model(name):
            sampling = {k: v for k, v in sampling.items() if k not in ("temperature", "top_p", "max_tokens")}
        face = (self.recorder, transport, role, self.prices.get(model))
        return dspy.LM(
            name,
            engine=RecordedEngine(*face),
            async_engine=AsyncRecordedEngine(*face),
            cache=False,  # the call store is the cache, and DSPy's own knows neither endpoint nor sample
            num_retries=0,  # the recorder retries
            **sampling,
        )

    @contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Notify `watcher` of every reply that a caller receives inside the block."""
        self.recorder.watchers.append(watcher)
        try:
            yield
        finally:
            self.recorder.watchers.remove(watcher)

    def ledger(self) -> list[LedgerLine]:
        """What each role has cost."""
        return self.recorder.ledger()

    def close(self) -> None:
        """Let calls in flight finish and be stored, then close connections and the store."""
        aio.run_and_wait(self.recorder.aclose())
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            aio.run_and_wait(transport.aclose())
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def make_transport(
    name: str,
    api_base: str | None = None,
    api_key_env: str | None = None,
    extra: Mapping[str, Any] | None = None,
    *,
    client: str = "aiohttp",
    connections: int = 1000,
    known_as: str | None = None,
) -> Transport:
    """The transport that a model string means (see `Session.lm`).

    Raises:
        InputError: If there is none, its key is not in the environment, or `client` is unknown.
    """
    provider, _, served = name.partition("/")
    if provider == "local":
        return LocalTransport(find_weights(served))
    # An empty name asks for no key at all (`config.models.NO_KEY`).
    key = os.environ.get("OPENAI_API_KEY" if api_key_env is None else api_key_env)
    if api_key_env and not key:
        raise InputError(f"the environment variable {api_key_env} (--api-key-env) is not set")
    if provider == "openai":
        if not key and not api_base and not os.environ.get("OPENAI_BASE_URL"):
            raise InputError(f"{name}: set OPENAI_API_KEY, or name an endpoint with --api-base")
        return _client(client)(
            served,
            base_url=api_base,
            api_key=key or "none",
            extra=extra,
            reasoning=is_reasoning_model(name),
            connections=connections,
            known_as=known_as,
        )
    return NativeTransport(name, api_key=os.environ.get(api_key_env) if api_key_env else None)


def _client(name: str) -> type[ChatEndpoint]:
    if name == "aiohttp":
        return HTTPTransport
    if name != "openai":
        raise InputError(f"--client {name!r} is unknown; known are aiohttp and openai")
    from autoevol.lm.openai_client import OpenAITransport  # slow to import, and rarely wanted

    return OpenAITransport


def is_reasoning_model(name: str) -> bool:
    """Whether `name` is one of OpenAI's own models that refuse sampling settings."""
    return bool(_REASONING.match(name.rpartition("/")[2].lower())) and name.startswith("openai/")


def _served_name(model: str) -> str:
    for prefix in ("openai/", "hosted_vllm/"):
        model = model.removeprefix(prefix)
    return model
