"""One bulk stage in a process that may be killed; a simulated model that writes down every call.

Forked from a server that has DSPy imported already, so that a restart takes no seconds.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import dspy
from dspy.lm15 import Request

from autoevol.config import PipelineConfig
from autoevol.core.records import Method
from autoevol.evolution.policy import Choice, Policy
from autoevol.evolution.rounds import RowPipeline
from autoevol.evolution.stage import evolve_rows
from autoevol.lm.session import Session
from autoevol.lm.transport import Reply
from autoevol.store.calls import CallStore
from autoevol.store.run import RunFolder
from evolving import Judge, ListRows, evolves, numbered

CONCURRENCY = 64


class Logged:
    """Answers at once, after a mark in a file that survives the process.

    After `most_calls` marks it answers no more, so that a process that is to be killed cannot end before.
    """

    identity = "logged"
    seeded = False

    def __init__(self, log: Path, most_calls: int | None) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._most_calls = most_calls

    async def send(self, request: Request) -> Reply:
        os.write(self._log, b".")
        if self._most_calls is not None and os.fstat(self._log).st_size > self._most_calls:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        said = evolves(request)
        assert isinstance(said, Reply)
        return said

    async def aclose(self) -> None:
        os.close(self._log)


def main(folder: str, log: str, count: int, part_rows: int, most_calls: int | None) -> None:
    """Evolve `count` rows to the end, or go on where the last process was killed."""
    policy = Policy((Choice("plain", Method("Make it harder."), 1.0),))
    with RunFolder(folder, {"count": count}):
        store = CallStore(Path(folder) / "calls.sqlite", power_safe=False)
        with Session(store, concurrency=CONCURRENCY) as session:
            lm = session.lm("openai/m", transport=Logged(Path(log), most_calls), temperature=0.7)
            with dspy.context(lm=lm):
                evolve_rows(
                    RowPipeline(policy, Judge(), "openai/m"),
                    ListRows(numbered(count)),
                    Path(folder),
                    PipelineConfig(part_rows=part_rows, forget_calls=True),
                    concurrency=CONCURRENCY,
                    forget=store.forget,
                )
