"""A scripted OpenAI-compatible endpoint on a real loopback socket."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Answer:
    """What the server does with one request.

    Attributes:
        cut: Bytes of the body to send before the connection is reset; None sends all of it.
        drip: Seconds between single bytes of the body, 0 for all at once.
        condition: The reply is held until this is true.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay: float = 0.0
    cut: int | None = None
    drip: float = 0.0
    condition: Callable[[], bool] | None = None

    def after(self, seconds: float) -> Answer:
        """The same, later."""
        return replace(self, delay=seconds)

    def once(self, condition: Callable[[], bool]) -> Answer:
        """The same, held until `condition` is true, however long the machine takes for that."""
        return replace(self, condition=condition)


@dataclass(frozen=True)
class Seen:
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    at: float


Script = Callable[[dict[str, Any]], Answer]


def says(text: str | None, finish: str = "stop", usage: tuple[int, int] | None = (7, 3)) -> Answer:
    """A chat completion."""
    data: dict[str, Any] = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "served",
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
    }
    if usage:
        data["usage"] = {
            "prompt_tokens": usage[0],
            "completion_tokens": usage[1],
            "total_tokens": usage[0] + usage[1],
        }
    return as_json(data)


def as_json(data: object, status: int = 200, **headers: str) -> Answer:
    """Any JSON; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(json.dumps(data).encode(), status, named)


def refuses(status: int, message: str = "no", code: str | None = None, **headers: str) -> Answer:
    """An error object as OpenAI writes it."""
    return as_json({"error": {"message": message, "type": "error", "code": code}}, status, **headers)


def html(status: int = 200) -> Answer:
    """What a gateway in trouble shows."""
    return Answer(b"<html><body><h1>Bad gateway</h1></body></html>", status=status, content_type="text/html")


def resets(after: int = 0) -> Answer:
    """A reset connection, after that many bytes of a good body."""
    return replace(says("never seen"), cut=after)


FAULTS: dict[str, Answer] = {
    "429": refuses(429, "FAULT"),
    "429 and when": refuses(429, "FAULT", Retry_After="0.02"),
    "500": refuses(500, "FAULT"),
    "503": refuses(503, "FAULT"),
    "page": html(),
    "bad gateway": html(502),
    "reset": resets(),
    "reset midway": resets(after=20),
    "truncated": Answer(b'{"id": "FAULT", "choices": [{"ind'),
    "no choices": as_json({"id": "FAULT", "choices": []}),
    "late": says("FAULT").after(3600.0),
    "refused by a filter": refuses(400, "FAULT", code="content_filter"),
    "stopped by a filter": says("", "content_filter"),
    "cut off": says("Step 1: I th", "length"),
    "bad request": refuses(400, "FAULT"),
}
"""Whatever an endpoint in trouble sends; where there is a text, it says FAULT."""


class Endpoint:
    """Serves `script`: answers in order (the last one is repeated), or `request body -> answer`.

    Args:
        script: The answers.
        models: What /v1/models lists.

    Attributes:
        seen: All requests, in order.
        most_at_once: Highest number of requests under way at the same time.
        address: http://host:port
    """

    def __init__(self, script: Sequence[Answer] | Script, models: Sequence[str] = ()) -> None:
        self._models = list(models)
        self.seen: list[Seen] = []
        self.most_at_once = 0
        self._at_once = 0
        self._script = script if callable(script) else _in_order(script)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.address = ""

    @property
    def url(self) -> str:
        """What a client takes as its base URL."""
        return f"{self.address}/v1"

    def __enter__(self) -> Endpoint:
        self._thread.start()
        assert self._ready.wait(120), "the test server did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(120)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.run_until_complete(_drop_late_answers())
        self._loop.close()

    async def _start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._handle)
        app.router.add_get("/v1/models", self._list)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": name} for name in self._models]})

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.seen.append(Seen(request.path, dict(request.headers), body, self._loop.time()))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            answer = self._script(body)
            await asyncio.sleep(answer.delay)
            while answer.condition and not answer.condition():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            return await send(request, answer)
        finally:
            self._at_once -= 1


async def _drop_late_answers() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _in_order(answers: Sequence[Answer]) -> Script:
    left = list(answers)
    return lambda body: left.pop(0) if len(left) > 1 else left[0]


async def send(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Write `answer` to who asked."""
    headers = {**answer.headers, "Content-Type": answer.content_type}
    if answer.cut is None and not answer.drip:
        return web.Response(body=answer.body, status=answer.status, headers=headers)
    reply = web.StreamResponse(status=answer.status, headers=headers)
    reply.content_length = len(answer.body)
    if answer.cut != 0:
        await reply.prepare(request)
    for byte in answer.body[: answer.cut]:
        await reply.write(bytes([byte]))
        await asyncio.sleep(answer.drip)
    if answer.cut is not None and request.transport is not None:
        request.transport.abort()
    return reply
