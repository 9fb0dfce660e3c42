"""A provider with a batch API on a real loopback socket: `/files` and `/batches` as they are documented."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web

from servers import Answer, says

Script = Callable[[dict[str, Any]], Answer]


@dataclass
class Job:
    """One batch at the provider. `looks` counts how often it was asked for."""

    id: str
    file: str
    metadata: dict[str, str]
    looks: int = 0
    cancelled: bool = False
    output: str | None = None
    errors: str | None = None


@dataclass
class Faults:
    """What goes wrong, counted down where it is a number.

    Attributes:
        takes_none: Whether every new batch gets a 503.
        lost_answers: Batches that are taken while the connection breaks before the answer.
        unavailable: Requests to the batch API that get a 503.
        expires: Whether batches expire, with only every second request answered.
        invalid: Message with which every batch fails its validation.
    """

    takes_none: bool = False
    lost_answers: int = 0
    unavailable: int = 0
    expires: bool = False
    invalid: str | None = None
    code: str = "invalid_json_line"


@dataclass
class BatchProvider:
    """Serves `script` by batches, each of which ends at its `looks_needed`-th look.

    Attributes:
        asked: Bodies answered by batches, by their JSON.
        jobs: Batches taken, in order.
        held: While it is set, no batch ends but those that are `released`.
        looked_at: Set as soon as a batch that is held has been looked at.
    """

    script: Script = field(default=lambda body: says("a reply"))
    looks_needed: int = 2
    faults: Faults = field(default_factory=Faults)
    keys: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    jobs: list[Job] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    held: threading.Event = field(default_factory=threading.Event)
    looked_at: threading.Event = field(default_factory=threading.Event)
    released: set[str] = field(default_factory=set)
    url: str = ""

    def release(self, job: Job) -> None:
        """Let one batch end, whatever is held."""
        self.released.add(job.id)

    def requests(self, job: Job) -> list[dict[str, Any]]:
        """What was handed in with `job`, line by line."""
        return [json.loads(line) for line in self.files[job.file].splitlines()]

    def __enter__(self) -> BatchProvider:
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10), "the batch server did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _start(self) -> web.AppRunner:
        app = web.Application(client_max_size=2**28)
        app.router.add_post("/v1/files", self._upload)
        app.router.add_get("/v1/files/{id}/content", self._content)
        app.router.add_post("/v1/batches", self._create)
        app.router.add_get("/v1/batches", self._list)
        app.router.add_get("/v1/batches/{id}", self._retrieve)
        app.router.add_post("/v1/chat/completions", self._chat)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        return runner

    def _check(self, request: web.Request) -> None:
        self.keys.add(request.headers.get("Authorization", ""))
        if self.faults.unavailable:
            self.faults.unavailable -= 1
            raise web.HTTPServiceUnavailable(text="FAULT")

    async def _upload(self, request: web.Request) -> web.Response:
        self._check(request)
        form = await request.post()
        part: Any = form["file"]
        assert form["purpose"] == "batch"
        name = f"file-{len(self.files)}"
        self.files[name] = part.file.read()
        size = len(self.files[name])
        about = {"id": name, "object": "file", "bytes": size, "created_at": 1, "filename": part.filename}
        return web.json_response({**about, "purpose": "batch", "status": "processed"})

    async def _content(self, request: web.Request) -> web.Response:
        self._check(request)
        return web.Response(body=self.files[request.match_info["id"]])

    async def _create(self, request: web.Request) -> web.Response:
        self._check(request)
        if self.faults.takes_none:
            raise web.HTTPServiceUnavailable(text="FAULT")
        wanted = await request.json()
        assert wanted["endpoint"] == "/v1/chat/completions"
        job = Job(f"batch-{len(self.jobs)}", wanted["input_file_id"], wanted.get("metadata") or {})
        self.jobs.append(job)
        if self.faults.lost_answers and request.transport is not None:
            self.faults.lost_answers -= 1
            request.transport.abort()
        return web.json_response(self._shown(job))

    async def _list(self, request: web.Request) -> web.Response:
        self._check(request)
        shown = [self._shown(job) for job in reversed(self.jobs)]
        return web.json_response({"object": "list", "data": shown, "has_more": False})

    async def _retrieve(self, request: web.Request) -> web.Response:
        self._check(request)
        job = next(job for job in self.jobs if job.id == request.match_info["id"])
        job.looks += 1
        free = not self.held.is_set() or job.id in self.released
        if not free:
            self.looked_at.set()
        if job.looks >= self.looks_needed and free and job.output is None:
            self._work(job)
        return web.json_response(self._shown(job))

    async def _chat(self, request: web.Request) -> web.Response:
        answer = self.script(await request.json())
        return web.Response(body=answer.body, status=answer.status, content_type="application/json")

    def _shown(self, job: Job) -> dict[str, Any]:
        total = len(self.files[job.file].splitlines())
        ended = "expired" if self.faults.expires else "completed"
        if self.faults.invalid is not None:
            problem = {"code": self.faults.code, "message": self.faults.invalid, "line": 1}
            about: dict[str, Any] = {"status": "failed", "errors": {"object": "list", "data": [problem]}}
        else:
            about = {"status": ended if job.output is not None else "in_progress"}
        return {
            "id": job.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "input_file_id": job.file,
            "completion_window": "24h",
            "created_at": 1,
            "metadata": job.metadata,
            "output_file_id": job.output or None,
            "error_file_id": job.errors,
            "request_counts": {"total": total, "completed": total if job.output else 0, "failed": 0},
            **about,
        }

    def _work(self, job: Job) -> None:
        good: list[dict[str, Any]] = []
        bad: list[dict[str, Any]] = []
        for number, line in enumerate(self.files[job.file].splitlines()):
            wanted = json.loads(line)
            if self.faults.expires and number % 2:
                gone = {"code": "batch_expired", "message": "This request could not be executed in time."}
                bad.append({"custom_id": wanted["custom_id"], "response": None, "error": gone})
                continue
            self.asked[json.dumps(wanted["body"], sort_keys=True)] += 1
            answer = self.script(wanted["body"])
            response = {"status_code": answer.status, "request_id": "r", "body": json.loads(answer.body)}
            told = {
                "id": f"r-{number}",
                "custom_id": wanted["custom_id"],
                "response": response,
                "error": None,
            }
            (good if answer.status == 200 else bad).append(told)
        # Answers come in any order.
        job.output = self._file([*reversed(good)])
        job.errors = self._file(bad) if bad else None

    def _file(self, lines: list[dict[str, Any]]) -> str:
        name = f"file-{len(self.files)}"
        self.files[name] = "".join(json.dumps(line) + "\n" for line in lines).encode()
        return name
