"""Nothing in the LM layer grows with the number of calls."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import dspy
import pytest
from dspy.lm15 import Request

from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.lm.session import Session
from autoevol.lm.transport import Reply
from autoevol.programs.evolver import Evolver
from autoevol.programs.methods import INITIAL
from autoevol.store.calls import CallStore
from autoevol.testing import ScriptedTransport

TEXT = "<final_instruction>" + "Name a prime. " * 20 + "</final_instruction>"


class Forgetful(ScriptedTransport):
    """Keeps no list of its requests."""

    async def send(self, request: Request) -> Reply:
        self.requests.clear()
        return await super().send(request)


@pytest.mark.slow
def test_memory_stays_as_it_is_over_thousands_of_sampled_rows(tmp_path: Path) -> None:
    store = CallStore(tmp_path / "calls.sqlite", power_safe=False)
    program = Evolver(INITIAL)

    async def rows(numbers: range) -> None:
        async def one(number: int) -> None:
            with in_scope(f"row {number}", tag=f"part {number // 500}"):
                await program.acall(instruction=f"Task {number}")

        for first in range(numbers.start, numbers.stop, 50):
            await aio.gather(one(number) for number in range(first, first + 50))
            if first % 500 == 450:
                store.forget(f"part {first // 500}")

    with Session(store, concurrency=32) as session:
        lm = session.lm("m", transport=Forgetful(lambda _: Reply(TEXT, "stop", 9, 9)), temperature=0.7)
        with dspy.context(lm=lm, trace=None, disable_history=True):
            aio.run_and_wait(rows(range(1000)))
            gc.collect()
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            aio.run_and_wait(rows(range(1000, 4000)))
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
            tracemalloc.stop()
        assert session.ledger()[0].paid.calls == 4000
    # 6,000 calls of 1 kB; what stays is what the allocator and asyncio happen to hold.
    assert grown < 6000 * 25
