"""A world whose failure rates can be computed by hand, and the bench that runs AutoEvol in it.

A method of strength k, written `strength k` in its text, evolves task i into the same task
marked `[strength k]`, and the response to that fails if and only if i % 10 >= k. On rows that
hold every last digit equally often its failure rate is therefore (10 - k) / 10.

The optimizer LM moves the strength by `DELTAS[seed % 4]`, where `seed` is the sampling seed of
the chain. So the whole run follows from the seeds, and `expected_strengths` computes it apart
from the code under test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dspy
from dspy.lm15 import Request

from autoevol.config import LoopConfig
from autoevol.core.records import FailureKind, Mark, Method, Outcome, Row, digest
from autoevol.core.seeds import derived_random
from autoevol.lm.budget import Caps
from autoevol.lm.recorder import LedgerLine
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.rules import PaperRules
from autoevol.optimization.rules import LowestFailureRate
from autoevol.optimization.teleprompter import AutoEvol
from autoevol.programs.evolver import Evolver
from autoevol.store.calls import CallStore
from autoevol.store.journal import FileJournal
from autoevol.testing import Answer, ScriptedTransport

DELTAS = (-1, 0, 1, 2)
SMALL = LoopConfig(batch_size=3, m=2, steps=4, patience=100, dev_size=10, seed=3)
START = Method("Rewrite the instruction with strength 2.", name="start")
MARKS = {
    "p": Mark(Outcome.PASSED),
    "f": Mark(Outcome.FAILED, FailureKind.REFUSED),
    "u": Mark(Outcome.UNSCORED),
}


def strength_of(text: str) -> int:
    """The last strength that `text` names."""
    return int(re.findall(r"strength (\d+)", text)[-1])


def task_of(text: str) -> int:
    """The number of the task that `text` holds."""
    found = re.search(r"Task (\d+):", text)
    assert found, text
    return int(found[1])


def rows(count: int, first: int = 0) -> list[Row]:
    """`count` tasks with consecutive numbers."""
    texts = [f"Task {number}: name a prime above {number}." for number in range(first, first + count)]
    return [Row(digest(text), text) for text in texts]


def kind_of(request: Request) -> str:
    """Which program asks: analyze, propose, evolve or respond."""
    text = request.messages[0].text or ""
    if "\n\n#Cases#:\n" in text:
        return "analyze"
    if "<improved_method>" in text:
        return "propose"
    return "evolve" if "\n\n#Instruction#:\n" in text else "respond"


def world(request: Request) -> Answer:
    """The reply of the one LM that plays every role."""
    text, seed = request.messages[-1].text or "", request.config.seed or 0
    match kind_of(request):
        case "analyze":
            return f"Feedback of chain {seed}."
        case "propose":
            stronger = max(0, strength_of(text.partition("#Feedback#")[0]) + DELTAS[seed % 4])
            return tagged(
                "improved_method", f"Rewrite the instruction, way {seed}, with strength {stronger}."
            )
        case "evolve":
            method = (request.messages[0].text or "").partition("\n\n#Instruction#:\n")[0]
            instruction = text.rpartition("#Instruction#:\n")[2].partition("\n\nRewrite this")[0]
            way = re.search(r"way (\d+)", method)
            return "Step 1. I think.\n" + tagged(
                "final_instruction",
                f"{instruction} [strength {strength_of(method)}, way {way[1] if way else 0}]",
            )
        case _:
            bad = task_of(text) % 10 >= strength_of(text)
            return "Please provide more." if bad else f"Here is a prime above {task_of(text)}."


def tagged(tag: str, text: str) -> str:
    return f"<{tag}>\n{text}\n</{tag}>"


class EpochBatches:
    """A sampler of one's own: all rows in a shuffled order before any row comes again."""

    def draw(self, rows: Sequence[Row], size: int, step: int, seed: int) -> tuple[Row, ...]:
        size = min(size, len(rows))
        epoch, place = divmod(step - 1, max(1, len(rows) // size))
        order = derived_random(seed, "epoch", epoch).sample(list(rows), len(rows))
        return tuple(order[place * size : (place + 1) * size])


def chain_seed(seed: int, step: int, chain: int) -> int:
    """The sampling seed of one chain, as the loop is specified to derive it."""
    return int(digest(str(seed), str(step), str(chain))[:7], 16)


def expected_strengths(config: LoopConfig, start: int = 2) -> list[int]:
    """Strength of the method in force after step 0, 1, ..., `config.steps`, without early stops."""
    strengths = [start]
    for step in range(1, config.steps + 1):
        seeds = [chain_seed(config.seed, step, chain) for chain in range(config.m)]
        best = max(min(10, strengths[-1] + DELTAS[seed % 4]) for seed in seeds)
        strengths.append(max(strengths[-1], best))
    return strengths


@dataclass
class Run:
    """One compile, looked at from outside."""

    best: Any
    transport: ScriptedTransport
    ledger: dict[str, LedgerLine]
    journal: bytes
    stepped: list[int] = field(default_factory=list)

    def asked(self, kind: str) -> list[Request]:
        """Requests of one kind that reached the transport."""
        return [request for request in self.transport.requests if kind_of(request) == kind]

    @property
    def rates(self) -> list[float]:
        """Failure rate of the method in force after every step."""
        return [
            step.chosen_score.rate for step in self.best.trial_logs.values() if step.chosen_score is not None
        ]


@contextmanager
def bench(
    folder: Path, script: Callable[[Request], Answer] = world, *, caps: Caps | None = None, **sampling: Any
) -> Iterator[tuple[Session, ScriptedTransport, dspy.LM]]:
    """A session over a scripted transport; its LM is in force inside."""
    folder.mkdir(parents=True, exist_ok=True)
    transport = ScriptedTransport(script)
    retry = RetryPolicy(attempts=1, base=0.0)
    # Nobody cuts the power of a test, and fsync is most of what these runs would spend.
    store = CallStore(folder / "calls.sqlite", power_safe=False)
    with Session(store, caps=caps, retry=retry, concurrency=64) as session:
        lm = session.lm("scripted/world", transport=transport, **{"temperature": 0.0, **sampling})
        with dspy.context(lm=lm):
            yield session, transport, lm


def optimise(
    folder: Path,
    config: LoopConfig,
    script: Callable[[Request], Answer] = world,
    *,
    train: Sequence[Row] | None = None,
    dev: Sequence[Row] | None = None,
    start: Method = START,
    rounds: int = 1,
    caps: Caps | None = None,
    sampling: dict[str, Any] | None = None,
    **more: Any,
) -> Run:
    """Compile in a process-like way: the session, its counters and the journal are opened anew."""
    stepped: list[int] = []
    with bench(folder, script, caps=caps, **(sampling or {})) as (session, transport, _):
        journal = FileJournal(folder / "journal.jsonl")
        options = {
            "sampler": EpochBatches(),
            "metric": FailureMetric(PaperRules()),
            "selection": LowestFailureRate(),  # every method on every row, so that calls can be counted
            **more,
        }
        teleprompter = AutoEvol(
            config=config, journal=journal, on_step=lambda step: stepped.append(step.number), **options
        )
        best = teleprompter.compile(
            Evolver(start, rounds=rounds),
            trainset=rows(150, 1000) if train is None else train,
            valset=rows(config.dev_size) if dev is None else dev,
        )
        ledger = {line.role: line for line in session.ledger()}
    path = folder / "journal.jsonl"
    return Run(best, transport, ledger, path.read_bytes() if path.exists() else b"", stepped)


def endless(request: Request) -> Answer:
    """The synthetic world with strengths that never reach 10, so that no run is ever solved."""
    answer = world(request)
    if kind_of(request) == "propose" and isinstance(answer, str):
        return answer.replace("strength 10", "strength 9").replace("strength 11", "strength 9")
    return answer
