"""The synthetic world for OPRO and APE: their prompts are answered by the same rule of strengths."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dspy.lm15 import Request

import synthetic
from autoevol.core.records import Method
from autoevol.lm.budget import Caps
from autoevol.lm.recorder import LedgerLine
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.rules import PaperRules
from autoevol.optimization.rivals.base import MethodSearch
from autoevol.programs.evolver import Evolver
from autoevol.testing import Answer, ScriptedTransport
from synthetic import DELTAS, START, bench, chain_seed, rows, tagged

OUTPUTS = ("better_method", "induced_method", "method_variant")
TRAIN, DEV = rows(30, 1000), rows(10)


def kind_of(request: Request) -> str:
    """The output that a rival asks for, or evolve, or respond."""
    text = request.messages[0].text or ""
    return next((name for name in OUTPUTS if f"<{name}>" in text), synthetic.kind_of(request))


def shown_strengths(request: Request) -> list[int]:
    """Strengths of the methods in a proposal's prompt, in order; the examples are left out."""
    text = (request.messages[0].text or "").partition("#Examples#:")[0]
    return [int(found) for found in re.findall(r"with strength (\d+)", text)]


def world(request: Request) -> Answer:
    """As `synthetic.world`; a proposal moves the last strength shown, or 3, by DELTAS[seed % 4]."""
    kind = kind_of(request)
    if kind not in OUTPUTS:
        return synthetic.world(request)
    seed = request.config.seed or 0
    strength = max(0, (shown_strengths(request) or [3])[-1] + DELTAS[seed % 4])
    return tagged(kind, f"Rewrite the instruction, way {seed}, with strength {strength}.")


def proposed(base: int, seed: int, step: int, candidates: int) -> list[int]:
    """Strengths of the proposals of a step that all start from `base`, apart from the code under test."""
    return [max(0, base + DELTAS[chain_seed(seed, step, place) % 4]) for place in range(candidates)]


@dataclass
class Found:
    """One compile, looked at from outside."""

    best: Any
    transport: ScriptedTransport
    ledger: dict[str, LedgerLine]

    def asked(self, kind: str) -> list[Request]:
        """Requests of one kind that reached the transport."""
        return [request for request in self.transport.requests if kind_of(request) == kind]


def search(
    folder: Path,
    rival: Callable[..., MethodSearch],
    script: Callable[[Request], Answer] = world,
    *,
    start: Method = START,
    caps: Caps | None = None,
    rounds: int = 1,
    **settings: Any,
) -> Found:
    """Compile with a rival in the synthetic world, judged by the paper's rules."""
    with bench(folder, script, caps=caps) as (session, transport, _):
        optimizer = rival(FailureMetric(PaperRules()), **settings)
        best = optimizer.compile(Evolver(start, rounds=rounds), trainset=TRAIN, valset=DEV)
        return Found(best, transport, {line.role: line for line in session.ledger()})
