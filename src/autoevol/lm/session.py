"""A session: one call store, one budget, and the DSPy language models that share them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import dspy

from autoevol.core import aio
from autoevol.core.context import Role
from autoevol.core.errors import InputError
from autoevol.core.status import CallStatus, Pause
from autoevol.core.urls import open_url
from autoevol.lm.batch import BatchSettings, BatchTransport, OnProgress
from autoevol.lm.batch_api import BatchAPI
from autoevol.lm.budget import Caps, Price
from autoevol.lm.endpoints import Sending, is_reasoning_model, looks_reasoning, make_transport, route
from autoevol.lm.engine import AsyncRecordedEngine, RecordedEngine
from autoevol.lm.flow import Limits
from autoevol.lm.openai_compatible import TIMEOUT, ChatEndpoint, extra_key
from autoevol.lm.parameters import Learned
from autoevol.lm.recorder import LedgerLine, Recorder, Watcher
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.transport import Transport
from autoevol.store.batches import BatchStore
from autoevol.store.calls import CallStore

__all__ = ["Session", "is_reasoning_model", "make_transport"]

_SAMPLING = ("temperature", "top_p", "max_tokens")


class Session:
    """Makes recorded LMs. All their calls are stored, counted and capped together.

    Args:
        store: A call store, or the path of one.
        caps: Hard limits over the whole run, resumes included.
        retry: How persistent to be with a faulty endpoint.
        concurrency: Maximum number of concurrent requests, over all models.
        prices: Dollars per million tokens, by model string.
        client: HTTP client for OpenAI-compatible endpoints: `aiohttp`, or `openai` for that package.
        limits: Requests and tokens per minute for each endpoint and model.
        moved: From an endpoint's new URL to the old one, under which its calls are stored.
        timeout: Seconds for one attempt, unless `lm` sets another.

    Use it as a context manager, or call `close`.

    Attributes:
        attendants: Context managers to exit first when the session is closed.
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
        timeout: float = TIMEOUT,
    ) -> None:
        self.store = store if isinstance(store, CallStore) else CallStore(store)
        self.recorder = Recorder(self.store, caps, retry, concurrency, limits=limits)
        self.prices = dict(prices or {})
        self.attendants = ExitStack()
        self._concurrency = concurrency
        self._client = client
        self._moved = dict(moved or {})
        self._timeout = timeout
        self._transports: dict[str, Transport] = {}

    def lm(
        self,
        model: str,
        role: Role = "other",
        *,
        api_base: str | None = None,
        api_key_env: str | None = None,
        extra: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        retries: int | None = None,
        transport: Transport | None = None,
        **sampling: Any,  # noqa: ANN401 (DSPy's own sampling keywords)
    ) -> dspy.LM:
        """A `dspy.LM` for any program or optimizer.

        Args:
            model: `local/...`, `openai/...`, any other DSPy model string, or, with `api_base`, the
                model's name at its server.
            role: Recorded for calls by foreign programs; autoevol's own record theirs.
            api_base: URL of an OpenAI-compatible endpoint.
            api_key_env: Environment variable that holds the key.
            extra: Server-side settings for every request (`top_k`, `chat_template_kwargs`); part of the
                key of a call.
            timeout: Seconds for one attempt; None for the session's.
            retries: Further attempts after a fault, >= 0; None for the session's policy.
            transport: Use this instead of looking `model` up.
            sampling: `temperature`, `top_p`, `max_tokens`, ... as `dspy.LM` takes them.

        Raises:
            InputError: If the model string is unknown, its key is missing, or a setting is invalid.
            TypeError: If `transport` lacks a part of `Transport`.
        """
        missing = [part for part in ("identity", "seeded", "send") if not hasattr(transport, part)]
        if transport is not None and missing:
            raise TypeError(f"the transport {type(transport).__name__} has no {' and no '.join(missing)}")
        timeout = self._timeout if timeout is None else timeout
        if not 0 < timeout < math.inf or (retries is not None and retries < 0):
            raise InputError(f"--timeout must be above 0, --retries 0 or more; got {timeout:g} and {retries}")
        name = route(model, api_base).name
        if transport is None:
            transport = self._transport(model, api_base, api_key_env, dict(extra or {}), timeout)
        if is_reasoning_model(name):
            sampling = {key: value for key, value in sampling.items() if key not in ("temperature", "top_p")}
        attempts = None if retries is None else retries + 1
        face = (self.recorder, transport, role, self.prices.get(model), attempts)
        # `dspy.LM` rejects settings for names that look like reasoning models, wherever they are served. So
        # these are set afterwards; an endpoint that does refuse them says so itself (see `Parameters`).
        late = {key: sampling.pop(key) for key in _SAMPLING if key in sampling and looks_reasoning(name)}
        made = dspy.LM(
            name,
            engine=RecordedEngine(*face),
            async_engine=AsyncRecordedEngine(*face),
            cache=False,  # the call store is the cache, and DSPy's own knows neither endpoint nor sample
            num_retries=0,  # the recorder retries
            **sampling,
        )
        if late:
            made.kwargs.pop("max_completion_tokens", None)
            made.kwargs.update(late)
        return made

    @contextmanager
    def batched(self, settings: BatchSettings, on_progress: OnProgress | None = None) -> Iterator[None]:
        """Inside, calls to OpenAI-compatible endpoints go through their batch APIs.

        Other models are still called directly.

        Args:
            settings: How waves are gathered, and at what discount.
            on_progress: Called after every poll of a batch, on the event loop; must be quick.
        """

        def detour(transport: Transport, price: Price | None) -> tuple[Transport, Price | None]:
            if not isinstance(transport, ChatEndpoint):
                return transport, price
            signature = f"batch of {transport.identity}"
            if signature not in self._transports:
                api, store = BatchAPI(transport, self._timeout), BatchStore(self.store.path)
                self._transports[signature] = BatchTransport(transport, api, store, settings, on_progress)
            return self._transports[signature], price and price.less(settings.discount)

        self.recorder.detour = detour
        try:
            yield
        finally:
            self.recorder.detour = None

    def _transport(
        self, model: str, api_base: str | None, api_key_env: str | None, extra: dict[str, Any], timeout: float
    ) -> Transport:
        signature = repr((model, api_base, api_key_env, extra_key(extra), timeout))
        if signature not in self._transports:
            self._transports[signature] = make_transport(
                model,
                api_base,
                api_key_env,
                extra,
                Sending(self._client, self._concurrency, self._moved.get(open_url(api_base) or ""), timeout),
            )
        return self._transports[signature]

    @contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Call `watcher` with every reply that a caller receives inside the block."""
        self.recorder.watchers.append(watcher)
        try:
            yield
        finally:
            # By identity: two watchers that have been told the same may be equal lists (`meter.Uses`).
            self.recorder.watchers[:] = [each for each in self.recorder.watchers if each is not watcher]

    @contextmanager
    def told_of_waits(self, listener: Callable[[Pause], None]) -> Iterator[None]:
        """Inside, call `listener` on the shared loop whenever calls start to wait on a 429."""
        self.recorder.wait_listeners.append(listener)
        try:
            yield
        finally:
            self.recorder.wait_listeners.remove(listener)

    def waits(self) -> list[Pause]:
        """The endpoints that calls currently wait for after a 429."""
        return self.recorder.waits()

    def learned(self) -> list[Learned]:
        """Parameters that endpoints turned out not to accept, and what was done about each."""
        every = (getattr(transport, "learned", ()) for transport in self._transports.values())
        return [each for learned in every for each in learned]

    def status(self) -> CallStatus:
        """Calls paid, in flight and waiting. Not to be called from the shared loop."""

        async def counted() -> CallStatus:
            return self.recorder.status()  # read on the loop on which it changes

        return aio.run_and_wait(counted())

    @property
    def caps(self) -> Caps:
        """The hard limits over the whole run."""
        return self.recorder.caps

    @property
    def under_way(self) -> int:
        """Calls in flight or waiting to be sent."""
        return self.recorder.under_way

    def ledger(self) -> list[LedgerLine]:
        """The cost of each role."""
        return self.recorder.ledger()

    def close(self) -> None:
        """Let calls in flight finish and be stored, then close connections and the store."""
        transports, self._transports = self._transports, {}
        # Runs from the last to the first; the store is closed even if one of the others is interrupted.
        with ExitStack() as closing:
            closing.callback(self.store.close)
            for transport in reversed(transports.values()):
                closing.callback(lambda closed=transport: aio.run_and_wait(closed.aclose()))
            closing.callback(lambda: aio.run_and_wait(self.recorder.aclose()))
            closing.callback(self.attendants.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
