"""Half the price: requests gathered into waves and sent through a provider's batch API.

Data flow: rows call `send` as usual -> requests wait until no more arrive (by then every row waits, so a
wave is one stage of one round) -> the wave is recorded, uploaded and submitted -> the batch is polled
until it ends -> each answer wakes the row that asked, and the recorder stores it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from dspy import lm15
from dspy.lm15 import Request

from autoevol.core.context import Scope, current_scope
from autoevol.core.errors import EndpointDown, StopRun
from autoevol.core.records import digest
from autoevol.lm.batch_api import ENDED, BatchAPI, BatchState
from autoevol.lm.openai_compatible import ChatEndpoint
from autoevol.lm.refusals import ParameterRefused
from autoevol.lm.retry import is_transient
from autoevol.lm.transport import Reply
from autoevol.store.batches import BatchStore, Wave


@dataclass(frozen=True)
class BatchSettings:
    """How waves are gathered and polled.

    Attributes:
        largest: Maximum number of requests in a wave; OpenAI accepts 50,000.
        quiet: Seconds without a new request after which a wave is sent.
        first_look: Seconds before the first poll; each further wait is half as long again.
        longest_wait: Maximum number of seconds between two polls.
        patience: Seconds for which the batch API may fail before the run stops. Nothing is lost then: the
            batch goes on, and the same command picks it up.
        discount: The share of the price that is saved, 0..1.
    """

    largest: int = 5_000
    quiet: float = 2.0
    first_look: float = 1.0
    longest_wait: float = 15.0
    patience: float = 600.0
    discount: float = 0.5


@dataclass(frozen=True)
class BatchProgress:
    """The state of one wave, reported after every poll."""

    wave: Wave
    state: BatchState

    def __str__(self) -> str:
        return f"batch {self.state.id}: {self.state.done} of {self.state.total} done ({self.state.status})"


OnProgress = Callable[[BatchProgress], None]
_Outcome = Reply | BaseException


@dataclass
class _Watch:
    """A wave being polled: who waits for its answers, and answers that nobody has asked for yet.

    `ours` is False for a wave that an earlier process sent.
    """

    wave: Wave
    ours: bool = True
    waiting: dict[str, asyncio.Future[Reply]] = field(default_factory=dict)
    outcomes: dict[str, _Outcome] | None = None
    task: asyncio.Task[None] | None = None


class BatchTransport:
    """A `Transport` that answers within hours, at a discount, what `endpoint` answers at once.

    Requests have the same identity as those of `endpoint`, so calls paid directly are found, and vice
    versa. A request is identified by its content, its scope and how often this process asked it before;
    a resumed run asks the same again and gets the answers of the batch it left behind. No request is sent
    while a batch that contains it may still answer.

    Args:
        endpoint: Builds request bodies, and knows URL, model and key.
        api: Its batch API.
        store: Remembers waves across processes.
        settings: See `BatchSettings`.
        on_progress: Called after every poll, on the event loop; must be quick.
    """

    queued = True
    """Thousands of requests wait at once, so the recorder must not pace them like direct calls."""

    def __init__(
        self,
        endpoint: ChatEndpoint,
        api: BatchAPI,
        store: BatchStore,
        settings: BatchSettings | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.identity = endpoint.identity
        self.seeded = endpoint.seeded
        self.mask = endpoint.mask
        self._endpoint = endpoint
        self._api = api
        self._store = store
        self._settings = settings or BatchSettings()
        self._on_progress = on_progress or (lambda progress: None)
        self._asked: WeakKeyDictionary[Scope, Counter[str]] = WeakKeyDictionary()
        self._gathered: dict[str, tuple[Mapping[str, Any], asyncio.Future[Reply]]] = {}
        self._watches: dict[str, _Watch] = {}
        self._last_asked = 0.0
        self._sender: asyncio.Task[None] | None = None
        self._recovered: asyncio.Task[None] | None = None

    async def send(self, request: Request) -> Reply:
        """One request, once; returns when its batch has ended. Raises as `Transport` says."""
        if self._recovered is None:
            self._recovered = asyncio.ensure_future(self._recover())
        # Shared by all callers, so cancelling one of them must not cancel it.
        await asyncio.shield(self._recovered)
        while True:
            body = self._endpoint.body(request)
            try:
                return await self._ask(body, sampled=request.config.temperature != 0)
            except ParameterRefused as refused:
                # The first refusal of a wave teaches the parameter; the others just ask again without it.
                learned = self._endpoint.parameters.learn(refused, dict(body))
                if not learned and self._endpoint.body(request) == body:
                    raise

    async def _ask(self, body: Mapping[str, Any], *, sampled: bool) -> Reply:
        loop = asyncio.get_running_loop()
        while True:
            custom_id = self._name(body, sampled=sampled)
            answer: asyncio.Future[Reply] = loop.create_future()
            wave = self._store.wave_of(custom_id)
            if wave is None:
                break
            ours = self._await(wave, custom_id, answer)
            try:
                return await answer
            except lm15.LM15Error:
                # What an earlier process was refused is asked again: whoever retries lost rows wants the
                # current answer. `_name` then counts one further, so the loop ends with a new request.
                if ours:
                    raise
        self._gathered[custom_id] = (body, answer)
        self._last_asked = loop.time()
        if self._sender is None or self._sender.done():
            self._sender = asyncio.ensure_future(self._send_waves())
        return await answer

    async def aclose(self) -> None:
        """Stop polling. Batches go on at the provider."""
        tasks = [watch.task for watch in self._watches.values()] + [self._sender, self._recovered]
        alive = [task for task in tasks if task is not None and not task.done()]
        for task in alive:
            task.cancel()
        await asyncio.gather(*alive, return_exceptions=True)
        await self._api.aclose()
        await self._endpoint.aclose()
        self._store.close()

    def _name(self, body: Mapping[str, Any], *, sampled: bool) -> str:
        """The custom id of the next request with this body: the same in a resumed run that asks the same."""
        scope = current_scope()
        text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
        name = digest("batch", self.identity, scope.name if sampled else "", text)
        asked = self._asked.setdefault(scope, Counter())
        while True:
            asked[name] += 1
            custom_id = f"{name}-{asked[name]}"
            # Unsampled, the same request may come from two scopes, each of which counts for itself.
            if custom_id not in self._gathered and not self._is_awaited(custom_id):
                return custom_id

    def _is_awaited(self, custom_id: str) -> bool:
        return any(custom_id in watch.waiting for watch in self._watches.values())

    async def _recover(self) -> None:
        """Settle the waves of a killed process, which may have been submitted without our recording it."""
        for wave in self._store.unsent(self.identity):
            # Every request waits for this task, so an error of it would be the answer to all of them.
            batch = await self._patiently(lambda wave=wave: self._api.find(wave.id))
            if batch is None:
                self._store.forget(wave)
            else:
                self._store.update(replace(wave, batch=batch))

    async def _send_waves(self) -> None:
        loop, settings = asyncio.get_running_loop(), self._settings
        while self._gathered:
            wait = self._last_asked + settings.quiet - loop.time()
            if wait > 0 and len(self._gathered) < settings.largest:
                await asyncio.sleep(min(wait, settings.quiet))
                continue
            custom_ids = list(self._gathered)[: settings.largest]
            requests = {custom_id: self._gathered.pop(custom_id) for custom_id in custom_ids}
            watch = _Watch(Wave(uuid.uuid4().hex, self.identity))
            watch.waiting = {custom_id: answer for custom_id, (_, answer) in requests.items()}
            try:
                await self._submit(watch, {custom_id: body for custom_id, (body, _) in requests.items()})
            except (Exception, StopRun) as error:  # noqa: BLE001 (rows wait for this task, so it must not die)
                self._end(watch, dict.fromkeys(watch.waiting, error))

    async def _submit(self, watch: _Watch, bodies: Mapping[str, Mapping[str, Any]]) -> None:
        wave = watch.wave
        await asyncio.to_thread(self._store.begin, wave, list(bodies))
        try:
            wave = replace(wave, input_file=await self._api.upload(wave.id, bodies))
            self._store.update(wave)
            wave = replace(wave, batch=await self._create(wave))
        except lm15.LM15Error:
            # The provider accepted nothing; where that is uncertain, `_create` raises EndpointDown instead.
            self._store.forget(wave)
            raise
        self._store.update(wave)
        watch.wave = wave
        self._watch(watch)

    async def _create(self, wave: Wave) -> str:
        """Submit exactly once: if the answer is lost, ask the provider whether it has the batch."""
        assert wave.input_file is not None
        loop, wait = asyncio.get_running_loop(), self._settings.first_look
        give_up = loop.time() + self._settings.patience
        while True:
            try:
                return await self._api.create(wave.id, wave.input_file)
            except (lm15.TimeoutError, lm15.TransportError, lm15.ServerError) as lost:
                await asyncio.sleep(wait)
                if (taken := await self._patiently(lambda: self._api.find(wave.id))) is not None:
                    return taken
                wait = self._longer(wait)
                if loop.time() + wait > give_up:
                    raise self._down(lost) from lost

    async def _patiently(self, ask: Callable[[], Any]) -> Any:  # noqa: ANN401
        """What `ask` returns, however often the batch API fails within the patience.

        Raises:
            EndpointDown: If it fails for longer.
        """
        loop, wait = asyncio.get_running_loop(), self._settings.first_look
        give_up = loop.time() + self._settings.patience
        while True:
            try:
                return await ask()
            except lm15.LM15Error as error:
                if not (is_transient(error) or isinstance(error, lm15.RateLimitError)):
                    raise
                if loop.time() + wait > give_up:
                    raise self._down(error) from error
                await asyncio.sleep(wait)
                wait = self._longer(wait)

    def _longer(self, wait: float) -> float:
        return min(1.5 * wait, self._settings.longest_wait)

    def _down(self, error: lm15.LM15Error) -> EndpointDown:
        return EndpointDown(
            f"the batch API of {self._endpoint.model} has failed for {self._settings.patience:g} seconds, "
            f"the last time with: {error}; its batches go on"
        )

    def _await(self, wave: Wave, custom_id: str, answer: asyncio.Future[Reply]) -> bool:
        """Resolve `answer` from a wave that already contains the request; returns whether it is `ours`."""
        watch = self._watches.get(wave.id)
        if watch is None:
            watch = _Watch(wave, ours=False)
            self._watch(watch)
        if watch.outcomes is None:
            watch.waiting[custom_id] = answer
        else:
            _settle(answer, watch.outcomes.pop(custom_id, _unanswered(wave)))
            self._drop_if_delivered(watch)
        return watch.ours

    def _watch(self, watch: _Watch) -> None:
        self._watches[watch.wave.id] = watch
        watch.task = asyncio.ensure_future(self._follow(watch))

    async def _follow(self, watch: _Watch) -> None:
        """Poll a batch until it ends, then hand each answer to whoever waits for it."""
        batch, wait = watch.wave.batch, self._settings.first_look
        assert batch is not None, "only submitted waves are polled"
        try:
            while True:
                state: BatchState = await self._patiently(lambda: self._api.state(batch))
                self._on_progress(BatchProgress(watch.wave, state))
                if state.status in ENDED:
                    break
                await asyncio.sleep(wait)
                wait = self._longer(wait)
            outcomes: dict[str, _Outcome] = {}
            for file in state.files:
                outcomes |= await self._patiently(lambda file=file: self._read(file))
            missing = state.problem or _unanswered(watch.wave, state.status)
            custom_ids = self._store.custom_ids(watch.wave)
        except (Exception, StopRun) as error:  # noqa: BLE001 (rows wait for this task, so it must not die)
            # Requests that nobody has asked for yet will poll the batch again.
            self._end(watch, dict.fromkeys(watch.waiting, error))
            return
        self._end(watch, {custom_id: outcomes.get(custom_id, missing) for custom_id in custom_ids})

    async def _read(self, file: str) -> dict[str, _Outcome]:
        return {custom_id: outcome async for custom_id, outcome in self._api.answers(file)}

    def _end(self, watch: _Watch, outcomes: dict[str, _Outcome]) -> None:
        for custom_id, answer in watch.waiting.items():
            _settle(answer, outcomes.pop(custom_id, _unanswered(watch.wave)))
        watch.waiting.clear()
        # The rest belongs to rows that a resumed run has not reached yet.
        watch.outcomes = outcomes
        self._drop_if_delivered(watch)

    def _drop_if_delivered(self, watch: _Watch) -> None:
        # A long run has hundreds of waves, and `_is_awaited` looks through all that are left here.
        if not watch.outcomes:
            self._watches.pop(watch.wave.id, None)


def _settle(answer: asyncio.Future[Reply], outcome: _Outcome) -> None:
    if answer.done():  # its caller was cancelled
        return
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)


def _unanswered(wave: Wave, status: str = "completed") -> lm15.ServerError:
    return lm15.ServerError(f"the batch {wave.batch} ended ({status}) without an answer to this request")
