"""Fakes for tests, at the lowest seam: real adapters, parsing, store and budget run above them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from dspy.lm15 import Request

from autoevol.lm.transport import Reply

Answer = str | Reply | Exception


class ScriptExhausted(BaseException):
    """A scripted engine was asked more than its script holds.

    A BaseException, or DSPy would turn the mistake of a test into a low score.
    """


class ScriptedTransport:
    """Answers from a script: a list used up in order, or a function of the request.

    Args:
        script: Answers in the order of requests, or `request -> answer`. An exception as an
            answer is raised.
        latency: Seconds that every reply takes.

    Attributes:
        requests: Every request that reached the transport, in order.
        most_under_way: Highest number of simultaneous requests seen.
    """

    seeded = False

    def __init__(
        self,
        script: Sequence[Answer] | Callable[[Request], Answer],
        *,
        latency: float = 0.0,
        identity: str = "scripted",
    ) -> None:
        self.identity = identity
        self.requests: list[Request] = []
        self.most_under_way = 0
        self._under_way = 0
        self._latency = latency
        self._script = script if callable(script) else self._in_order(list(script))

    def _in_order(self, answers: list[Answer]) -> Callable[[Request], Answer]:
        def next_answer(request: Request) -> Answer:
            if not answers:
                raise ScriptExhausted(
                    f"no answer left for request {len(self.requests)}: {request.messages[-1].text!r}"
                )
            return answers.pop(0)

        self.left = answers
        return next_answer

    async def send(self, request: Request) -> Reply:
        """The next answer of the script."""
        self.requests.append(request)
        self._under_way += 1
        self.most_under_way = max(self.most_under_way, self._under_way)
        try:
            if self._latency:
                await asyncio.sleep(self._latency)
            answer = self._script(request)
        finally:
            self._under_way -= 1
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Reply):
            return answer
        prompt = sum(len(message.text or "") for message in request.messages)
        return Reply(answer, "stop", max(1, prompt // 4), max(1, len(answer) // 4) if answer else 0)

    async def aclose(self) -> None:
        """Nothing to release."""
