"""A reply is on disk before anybody sees it, whoever goes away meanwhile."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from asking import ask, ask_all, numbered, request
from autoevol.core import aio
from autoevol.core.errors import StoreLost
from autoevol.lm.recorder import Recorder
from autoevol.store.calls import CallStore, Spent


def test_a_reply_is_on_disk_before_the_caller_sees_it(store: CallStore) -> None:
    recorder, transport = Recorder(store), numbered()
    for number in range(20):
        record = ask(recorder, transport, request(str(number)))
        with sqlite3.connect(store.path) as other:
            assert other.execute("SELECT text FROM calls WHERE key=?", (record.key,)).fetchone() == (
                record.text,
            )
        other.close()


_CALLERS = """
import os, random, signal, sys, time
from asking import request
from autoevol.core import aio
from autoevol.lm.recorder import Recorder
from autoevol.store.calls import CallStore
from autoevol.testing import ScriptedTransport

async def caller(recorder, transport, name):
    for number in range(100000):
        record = await recorder.complete(request(f"{name} {number}"), transport, "evol")
        os.write(1, f"{record.key}|{record.text}\\n".encode())

async def main():
    recorder = Recorder(CallStore(sys.argv[1]))
    transport = ScriptedTransport(lambda asked: "reply to " + asked.messages[-1].text, latency=0.001)
    await aio.gather(caller(recorder, transport, name) for name in range(8))

random.seed(5)
for _ in range(int(sys.argv[2])):
    before, least = os.fstat(1).st_size, random.randint(1, 40_000)
    child = os.fork()
    if not child:
        aio.run_and_wait(main())
    while os.fstat(1).st_size < before + least:
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def test_a_process_killed_at_any_moment_has_lost_no_reply_that_it_had_seen(tmp_path: Path) -> None:
    path, kills = tmp_path / "calls.sqlite", 20
    with (tmp_path / "seen").open("w+") as seen_file:
        subprocess.run(
            [sys.executable, "-c", _CALLERS, str(path), str(kills)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=seen_file,
            check=True,
        )
        seen_file.seek(0)
        seen = dict(line.rstrip("\n").split("|", 1) for line in seen_file)
    assert len(seen) > 5 * kills
    with sqlite3.connect(path) as store:
        stored = dict(store.execute("SELECT key, text FROM calls"))
        assert store.execute("SELECT count(*) FROM calls").fetchone() == (len(stored),), "none paid twice"
    store.close()
    assert {key: stored.get(key) for key in seen} == seen


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def test_a_cancelled_caller_does_not_lose_a_call_that_is_being_paid(store: CallStore) -> None:
    transport = numbered(latency=0.1)
    recorder = Recorder(store)

    async def impatient() -> None:
        call = asyncio.ensure_future(recorder.complete(request(), transport, "evol"))
        while not transport.requests:  # noqa: ASYNC110
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    aio.run_and_wait(impatient())
    wait_for(lambda: store.spent() == {"evol": Spent(1, 1, 1)})
    assert ask(recorder, transport).text == "r0"
    assert len(transport.requests) == 1


def test_a_cancelled_caller_does_not_cancel_the_one_who_shares_the_call(store: CallStore) -> None:
    transport = numbered(latency=0.1)
    recorder = Recorder(store)

    async def two() -> str:
        impatient = asyncio.ensure_future(recorder.complete(request(), transport, "evol"))
        patient = asyncio.ensure_future(recorder.complete(request(), transport, "evol"))
        while not transport.requests:  # noqa: ASYNC110
            await asyncio.sleep(0)
        impatient.cancel()
        return (await patient).text

    assert aio.run_and_wait(two()) == "r0"
    assert len(transport.requests) == 1


def test_no_call_is_paid_after_the_store_is_lost(store: CallStore) -> None:
    transport = numbered(latency=0.02)
    recorder = Recorder(store, concurrency=4)
    ask(recorder, transport)
    saboteur = sqlite3.connect(store.path, isolation_level=None)
    saboteur.execute("CREATE TRIGGER full BEFORE INSERT ON calls BEGIN SELECT RAISE(ABORT, 'full'); END")
    saboteur.close()
    results = ask_all(recorder, transport, [request(str(n)) for n in range(40)])
    assert {type(result) for result in results} == {StoreLost}
    # The first four, and the four that took their slots while the first were being stored.
    assert len(transport.requests) <= 1 + 4 + 4
