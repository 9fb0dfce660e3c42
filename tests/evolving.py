"""A server that evolves `row 3` into `harder row 3`, and the bulk stage over it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dspy
from dspy.lm15 import Request

from autoevol.config import PipelineConfig
from autoevol.core.records import Case, FailureKind, Method, Outcome, Row, Trajectory, Verdict, digest
from autoevol.evolution.gates import Gate
from autoevol.evolution.outputs import Tally
from autoevol.evolution.policy import Choice, Policy
from autoevol.evolution.retry import retry_rows
from autoevol.evolution.rounds import RowPipeline
from autoevol.evolution.source import PlacedRow, RowSource
from autoevol.evolution.stage import evolve_rows
from autoevol.lm.budget import Caps
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from autoevol.lm.transport import Reply
from autoevol.store.calls import CallStore
from autoevol.store.parts import Parts
from autoevol.testing import Answer, ScriptedTransport

METHOD = Method("Make it harder.", name="plain")
ONE_ROUND = Policy((Choice("plain", METHOD, 1.0),))
NO_RETRIES = RetryPolicy(attempts=1, base=0.0, breaker=1000, breaker_unproven=1000)


class ListRows:
    """Rows in memory as a source; their places are their records."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def rows(self, after: int, done: Iterator[int]) -> Iterator[PlacedRow]:
        for record in range(after + 1, len(self._rows)):
            yield PlacedRow(self._rows[record], record)


class Judge:
    """Fails what says so, and never sees an error."""

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        if trajectory.evolved is None:
            return Verdict(Outcome.FAILED, (FailureKind.UNPARSED,), "nothing marked")
        if "refuse" in trajectory.evolved:
            return Verdict(Outcome.FAILED, (FailureKind.REFUSED,), "refused")
        return Verdict(Outcome.PASSED)


def rows(*instructions: str) -> list[Row]:
    """Rows whose ids are distinct even where the texts are not."""
    return [Row(digest(text, str(number)), text) for number, text in enumerate(instructions)]


def numbered(count: int) -> list[Row]:
    """`row 0`, `row 1`, ..."""
    return rows(*(f"row {number}" for number in range(count)))


def number_of(asked: Request) -> int:
    """The number of the row that a request is about."""
    return int(re.findall(r"row (\d+)", asked.messages[-1].text or "")[-1])


def is_evolution(asked: Request) -> bool:
    """Whether a request is for a rewrite."""
    return "between these two tags" in (asked.messages[0].text or "")


def tagged(text: str) -> str:
    """A reply that marks `text` as its result."""
    return f"<final_instruction>{text}</final_instruction>"


def evolves(asked: Request) -> Answer:
    """Evolves and answers."""
    if is_evolution(asked):
        instruction = (asked.messages[-1].text or "").rpartition("#Instruction#:\n")[2]
        return Reply(tagged(f"harder {instruction}"), "stop", 1, 1)
    return Reply(f"answer to row {number_of(asked)}", "stop", 1, 1)


class Bulk:
    """The stage over one folder; every `run` is a process of its own as far as state goes."""

    def __init__(self, folder: Path, script: Callable[[Request], Answer], latency: float = 0.0) -> None:
        self.folder = folder
        self.transport = ScriptedTransport(script, latency=latency)
        self.cases: list[Case] = []

    def run(
        self,
        seeds: Sequence[Row] | RowSource,
        policy: Policy = ONE_ROUND,
        *,
        caps: Caps | None = None,
        concurrency: int = 4,
        temperature: float = 0.7,
        gates: Sequence[Gate] = (),
        judge: Any = None,
        retry: bool = False,
        **config: Any,
    ) -> Tally:
        store = CallStore(self.folder / "calls.sqlite", power_safe=False)
        settings = PipelineConfig(**config)
        with Session(store, caps=caps, retry=NO_RETRIES, concurrency=concurrency) as session:
            lm = session.lm("openai/m", transport=self.transport, temperature=temperature)
            work = RowPipeline(
                policy, judge or Judge(), "openai/m", gates=gates, compare=settings.keep == "best"
            )
            with dspy.context(lm=lm):
                if retry:
                    parts = Parts(self.folder / "parts", None)
                    return retry_rows(
                        work, parts, self.folder, concurrency=concurrency, on_case=self.cases.append
                    )
                source: RowSource = ListRows(seeds) if isinstance(seeds, Sequence) else seeds
                return evolve_rows(
                    work,
                    source,
                    self.folder,
                    settings,
                    concurrency=concurrency,
                    on_case=self.cases.append,
                    forget=store.forget if settings.forget_calls else None,
                )

    def file(self, name: str) -> list[dict[str, Any]]:
        with (self.folder / name).open(encoding="utf-8", newline="\n") as file:
            return [json.loads(line) for line in file]

    @property
    def kept(self) -> list[dict[str, Any]]:
        return self.file("dataset.jsonl")

    @property
    def rejected(self) -> list[dict[str, Any]]:
        return self.file("rejected.jsonl")

    @property
    def dead(self) -> list[dict[str, Any]]:
        return self.file("dead.jsonl")
