"""The recorder as DSPy sees it: a sync engine and an async engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from dspy.lm15 import Message, Request, Response, Usage, response_to_events

from autoevol.core import aio
from autoevol.core.context import THINKING, Role, current_role
from autoevol.lm.answers import FINISH_WORDS
from autoevol.lm.budget import Price
from autoevol.lm.recorder import Recorder
from autoevol.lm.transport import Transport
from autoevol.store.calls import CallRecord


class _Face:
    """Shared by both engines. Copying returns the engine itself, so that copied programs share one ledger."""

    # Without these DSPy's adapters fall back to plain text prompts, which is all that is recorded.
    supports_function_calling = False
    supports_reasoning = False
    supports_response_schema = False
    supported_params = frozenset(
        {"temperature", "max_tokens", "top_p", "top_k", "seed", "stop", "response_format"}
    )

    def __init__(
        self,
        recorder: Recorder,
        transport: Transport,
        role: Role = "other",
        price: Price | None = None,
        attempts: int | None = None,
    ) -> None:
        self.recorder = recorder
        self.transport = transport
        self.role: Role = role
        self.price = price
        self.attempts = attempts

    def __copy__(self) -> _Face:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> _Face:
        return self

    async def _complete(self, request: Request) -> Response:
        role = current_role(self.role)
        record = await self.recorder.complete(request, self.transport, role, self.price, self.attempts)
        return _response(record)


class RecordedEngine(_Face):
    """For `dspy.LM(engine=...)`: programs that run in threads."""

    def complete(self, request: Request) -> Response:
        """One recorded call; blocks the calling thread, which must not be the shared loop's."""
        return aio.run_and_wait(self._complete(request))

    async def acomplete(self, request: Request) -> Response:
        """As a coroutine, for programs that bypass DSPy's wrapping of a call."""
        return await aio.join(self._complete(request))

    def stream(self, request: Request) -> Iterator[Any]:
        """The whole reply as one stream; recorded replies are not re-streamed token by token."""
        return response_to_events(self.complete(request))

    def close(self) -> None:
        """Nothing to release: connections belong to the session."""


class AsyncRecordedEngine(_Face):
    """For `dspy.LM(async_engine=...)`: programs that run as coroutines."""

    async def complete(self, request: Request) -> Response:
        """One recorded call, from any event loop."""
        return await aio.join(self._complete(request))

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        """The whole reply as one stream."""
        for event in response_to_events(await self.complete(request)):
            yield event

    async def aclose(self) -> None:
        """Nothing to release: connections belong to the session."""


def _response(record: CallRecord) -> Response:
    """The response for DSPy. Thinking is not part of the message, so no parser ever sees it."""
    return Response(
        id=None,
        model=record.model,
        message=Message.assistant(record.text),
        finish_reason=FINISH_WORDS.get(record.finish_reason.lower(), "error"),  # type: ignore[arg-type]
        usage=Usage(
            input_tokens=record.input_tokens,
            output_tokens=record.output_tokens,
            reasoning_tokens=record.reasoning_tokens or None,
        ),
        provider_data={THINKING: record.thinking} if record.thinking else None,
    )
