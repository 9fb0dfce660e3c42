"""A small OpenAI-compatible server with a set latency, in a process of its own.

It shares the machine with the clients that are measured, so it does as little as it can: one
prepared answer for every request, HTTP/1.1 with keep-alive, no framework.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Behaviour:
    """What the server does.

    Attributes:
        latency: Seconds for every reply.
        most: Requests at once; those over it are refused with 429 at once. 0 for no limit.
        retry_after: Value of that header on a refusal, '' for none.
        text: What every reply says.
    """

    latency: float = 0.0
    most: int = 0
    retry_after: str = ""
    text: str = ""


@dataclass(frozen=True)
class Counts:
    """What the server saw since it was asked last. `refused` is part of `requests`."""

    requests: int
    refused: int
    at_once: int
    seconds: float


class _Connection(asyncio.Protocol):
    """One client connection; the server's counters are shared by all of them."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        data = self._waiting + data if self._waiting else data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            head = data[:end]
            length = _length(head)
            if len(data) < end + 4 + length:
                break
            self._answer(head)
            data = data[end + 4 + length :]
        self._waiting = data

    def _answer(self, head: bytes) -> None:
        server = self._server
        if head.startswith(b"GET"):
            self._write(server.counts())
        elif server.arrives():
            if server.behaviour.latency:
                server.loop.call_later(server.behaviour.latency, self._reply)
            else:
                self._reply()
        else:
            self._write(server.refusal)

    def _reply(self) -> None:
        self._server.leaves()
        self._write(self._server.reply)

    def _write(self, content: bytes) -> None:
        if self._transport is not None:
            self._transport.write(content)


class _Server:
    def __init__(self, behaviour: Behaviour, loop: asyncio.AbstractEventLoop) -> None:
        self.behaviour = behaviour
        self.loop = loop
        message = {"role": "assistant", "content": behaviour.text}
        usage = {"prompt_tokens": 100, "completion_tokens": 100, "total_tokens": 200}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self.reply = _http(
            200,
            {
                "id": "x",
                "object": "chat.completion",
                "created": 1,
                "model": "m",
                "choices": [choice],
                "usage": usage,
            },
        )
        wait = f"Retry-After: {behaviour.retry_after}\r\n" if behaviour.retry_after else ""
        self.refusal = _http(429, {"error": {"message": "slow down", "type": "rate_limit"}}, wait)
        self._now = self._requests = self._refused = self._most = 0
        self._first = self._last = 0.0

    def arrives(self) -> bool:
        """Count a request; False if it is one too many."""
        if not self._requests:
            self._first = self.loop.time()
        self._requests += 1
        if self.behaviour.most and self._now >= self.behaviour.most:
            self._refused += 1
            return False
        self._now += 1
        self._most = max(self._most, self._now)
        return True

    def leaves(self) -> None:
        """Count a reply."""
        self._now -= 1
        self._last = self.loop.time()

    def counts(self) -> bytes:
        """What was counted since the last time, as an HTTP answer."""
        counted = Counts(self._requests, self._refused, self._most, max(0.0, self._last - self._first))
        self._requests = self._refused = self._most = 0
        return _http(200, asdict(counted))


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


def _http(status: int, content: object, headers: str = "") -> bytes:
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """A server process on a free port; its base URL. It ends with the block."""
    command = [sys.executable, "-m", __name__, json.dumps(asdict(behaviour))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.stdin.close()  # the server ends when nobody holds its input open


def counts(url: str) -> Counts:
    """What the server has seen since this was asked last."""
    from urllib.request import urlopen

    with urlopen(f"{url}/counts") as answer:
        return Counts(**json.load(answer))


async def _serve(behaviour: Behaviour) -> None:
    loop = asyncio.get_running_loop()
    state = _Server(behaviour, loop)
    listening = await loop.create_server(lambda: _Connection(state), "127.0.0.1", 0, backlog=4096)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Behaviour(**json.loads(sys.argv[1]))))
