"""Three *simulated* models behind loopback endpoints that fail, lie, and repeat what they were sent."""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType

from aiohttp import web

ESCAPE = "\x1b[2J\x1b]52;c;cm0=\x07\x9b31m\u202e[/] [bold]"
"""What must not reach a terminal as it is."""
MARK = "FAULT"
"""Stands in every error, and belongs into no row."""
_FIELDS = {"work": "Read.", "kinds": "none", "reason": "Fine.", "severity": "0"}
_VERDICT = "\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in _FIELDS.items())
_TASK = re.compile(r"Task (\d+):")
_TAG = re.compile(r"between these two tags:\n<(\w+)>")


@dataclass(frozen=True)
class Behaviour:
    """How bad an endpoint is.

    Attributes:
        fault_share: Of requests, 0..1, that meet a passing fault.
        refused: Tasks of this remainder modulo 25 are refused with 400, always.
        broken: Tasks of this remainder modulo 25 meet a 500, always.
        latency: Seconds for a reply.
    """

    seed: int = 0
    fault_share: float = 0.06
    refused: int = 7
    broken: int = 13
    latency: float = 0.005


@dataclass
class Counts:
    """What came in and what went out.

    Attributes:
        requests: All requests.
        replies: Answers with status 200, which a provider bills whether they can be used or not.
        keys: Values of the header Authorization, by role.
        hold_from: Requests from this number on are answered by nothing, so that a process that is to be
            killed cannot end before; None answers all.
    """

    requests: int = 0
    replies: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    keys: dict[str, set[str]] = field(default_factory=dict)
    hold_from: int | None = None


class Endpoints:
    """One server; every role has a port of its own, so that no key may be seen at another's."""

    def __init__(self, behaviour: Behaviour, roles: tuple[str, ...] = ("evol", "optimizer", "judge")) -> None:
        self.counts = Counts()
        self.urls: dict[str, str] = {}
        self._behaviour, self._roles = behaviour, roles
        self._draw = random.Random(behaviour.seed)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Endpoints:
        self._thread.start()
        if not self._ready.wait(60):
            raise RuntimeError("the endpoints did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runners = [self._loop.run_until_complete(self._listen(role)) for role in self._roles]
        self._ready.set()
        self._loop.run_forever()
        for runner in runners:
            self._loop.run_until_complete(runner.cleanup())
        self._loop.run_until_complete(_drop_held())
        self._loop.close()

    async def _listen(self, role: str) -> web.AppRunner:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._answer(role, request)

        app = web.Application()
        app.router.add_post("/{path:.*}", handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.urls[role] = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        return runner

    async def _answer(self, role: str, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        counts, behaviour = self.counts, self._behaviour
        counts.requests += 1
        key = request.headers.get("Authorization", "")
        counts.keys.setdefault(role, set()).add(key)
        if counts.hold_from is not None and counts.requests >= counts.hold_from:
            await asyncio.sleep(3600)
        await asyncio.sleep(behaviour.latency)
        prompt = "\n".join(str(message["content"]) for message in body["messages"])
        task = _TASK.search(prompt)
        kind = int(task[1]) % 25 if task and role == "evol" else -1
        if kind == behaviour.refused:
            return self._fault("400", request, key)
        if kind == behaviour.broken:
            return self._fault("500", request, key)
        if self._draw.random() < behaviour.fault_share:
            return self._fault(self._draw.choice(_PASSING), request, key)
        counts.replies += 1
        # Usage that no reply can have is bounded where it comes in.
        usage = 2**63 if self._draw.random() < 0.01 else 30
        return _completion(_says(role, prompt), usage)

    def _fault(self, kind: str, request: web.Request, key: str) -> web.StreamResponse:
        self.counts.faults[kind] += 1
        told = f"{MARK} {'x' * 150} {key} {key.removeprefix('Bearer ')[:-4]} {ESCAPE}"
        if kind == "reset":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if kind in _BILLED:
            self.counts.replies += 1
        if kind == "page":
            page = f"<html><body><h1>502 Bad Gateway</h1>{MARK}</body></html>"
            return web.Response(text=page, content_type="text/html")
        if kind == "torn":
            return web.Response(body=b'{"id": "FAULT", "choices": [{"ind', content_type="application/json")
        if kind == "no choices":
            return web.json_response({"id": MARK, "choices": []})
        status, _, after = kind.partition(" ")
        headers = {"Retry-After": after} if after else {}
        error = {"error": {"message": told, "type": "error", "code": None}}
        return web.json_response(error, status=int(status), headers=headers)


async def _drop_held() -> None:
    """End the requests that were held when their process was killed."""
    held = asyncio.all_tasks() - {asyncio.current_task()}
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)


_BILLED = ("page", "torn", "no choices")
_PASSING = ("429", "429 0.05", "500", "503", "reset", *_BILLED)


def _says(role: str, prompt: str) -> str:
    if role == "judge":
        return _VERDICT
    tag = _TAG.search(prompt)
    if tag and role == "optimizer":
        number = len(prompt)
        method = (
            f"Make the instruction harder: ask for one more step, a reason and {number} words on its cost."
        )
        return f"<{tag[1]}>\n{method}\n</{tag[1]}>"
    if role == "optimizer":
        return "No case failed. Ask for one more step and for its reason."
    if tag:
        task = prompt.rpartition("#Instruction#:\n")[2]
        return f"<{tag[1]}>\n{task} Explain every step and its cost.\n</{tag[1]}>"
    task = _TASK.search(prompt)
    return (
        f"Here is the answer in full to task {task[1] if task else '-'}, with a reason for each step of it."
    )


def _completion(text: str, output_tokens: int) -> web.Response:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 50, "completion_tokens": output_tokens, "total_tokens": 50 + output_tokens}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    content = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    return web.Response(
        body=json.dumps({**content, "choices": [choice], "usage": usage}).encode(),
        content_type="application/json",
    )
