"""One game: a command that is killed again and again, gone on with to its end, and looked at."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from autoevol.experiments.soak.checks import KEYS, broken_promises
from autoevol.experiments.soak.plan import Plan, Score
from autoevol.experiments.soak.seeds import write_seeds
from autoevol.experiments.soak.server import Behaviour, Counts, Endpoints
from autoevol.experiments.soak.terminal import Shown, on_terminal

_ENDS = 12
"""Starts without a kill that a game may take to its end; far more than any has needed."""


def play(plan: Plan, folder: Path) -> Score:
    """Play one game in `folder`, which is empty."""
    draw, score = random.Random(plan.seed), Score()
    seeds, out = write_seeds(folder, plan.rows, plan.file_format, plan.seed), folder / "run"
    shown: list[Shown] = []
    with Endpoints(Behaviour(seed=plan.seed)) as servers:
        counts = servers.counts
        words = _words(plan, servers.urls)
        begin = [plan.command, str(seeds), "--out", str(out), *words]
        for _ in range(plan.kills):
            capped = [*begin, "--max-calls", str(plan.cap)]
            shown.append(on_terminal(capped, KEYS, _moment(plan, counts, draw)))
            counts.hold_from = None
        score.kills = sum(one.code < 0 for one in shown)
        shown += _to_the_end(begin, plan.cap, score)
        if (out / "parts").is_dir():
            retried = on_terminal(["retry", str(out), *_requests(plan)], KEYS)
            shown.append(retried)
            if retried.code != 0:
                score.problems.append(f"retry ended with {retried.code}: {retried.output[-600:]}")
        shown.append(on_terminal(["show", str(out)], KEYS))
        passed_on = ["export", str(out), "--format", "messages", "--out", str(folder / "exported.jsonl")]
        shown.append(on_terminal(passed_on, KEYS))
    score.starts += plan.kills
    score.requests, score.replies, score.faults = counts.requests, counts.replies, counts.faults
    score.problems += broken_promises(plan, folder, shown, score, counts)
    return score


def _to_the_end(begin: list[str], cap: int, score: Score) -> list[Shown]:
    """Go on until the command is done; a budget that is spent is raised, as its last line says."""
    shown: list[Shown] = []
    for _ in range(_ENDS):
        done = on_terminal([*begin, "--max-calls", str(cap)], KEYS)
        score.starts += 1
        shown.append(done)
        if done.code == 0:
            return shown
        if done.code == 3:
            cap = 1000 + 2 * cap
        elif done.code != 1 or "Traceback" in done.output:
            break
    score.problems.append(f"did not come to its end: {shown[-1].code}, {shown[-1].output[-1200:]}")
    return shown


def _moment(plan: Plan, counts: Counts, draw: random.Random) -> Callable[[], bool]:
    """When to kill: so many requests from now, or, as `moments` has it, after some seconds."""
    # So that all kills fall into the two requests and more that every row takes.
    wanted = counts.requests + draw.randint(1, max(1, 3 * plan.rows // plan.kills))
    wait = draw.uniform(0.2, 6.0) if plan.moments and draw.random() < 0.5 else None
    began = time.monotonic()
    if wait is None:
        # Beyond that, nothing is answered: the process cannot end, nor can it be killed too late.
        counts.hold_from = wanted + 1

    def due() -> bool:
        if wait is not None:
            return time.monotonic() - began >= wait
        return counts.requests >= wanted

    return due


def _requests(plan: Plan) -> list[str]:
    return ["--client", plan.client, "--concurrency", str(plan.concurrency), "--retries", "1"]


def _words(plan: Plan, urls: dict[str, str]) -> list[str]:
    words = [*_requests(plan), "--temperature", str(plan.temperature), "--part-rows", "10"]
    words += ["--evol-model", "evolving", "--api-base", urls["evol"], "--api-key-env", "SOAK_EVOL"]
    words += [
        "--judge-model",
        "judging",
        "--judge-api-base",
        urls["judge"],
        "--judge-api-key-env",
        "SOAK_JUDGE",
    ]
    words += ["--forget-calls"] if plan.forget else []
    words += ["--max-usd", "1000"]
    words += [word for name in ("evolving", "judging") for word in ("--price", f"{name}=1,2")]
    if plan.command == "run":
        words += ["--optimizer-model", "optimizing", "--optimizer-api-base", urls["optimizer"]]
        words += ["--optimizer-api-key-env", "SOAK_OPTIMIZER", "--price", "optimizing=1,2"]
        words += ["--selection", "race", "--dev-size", "6", "--holdout-size", "6", "--batch-size", "2"]
        words += ["--reserve-size", "4", "--m", "2", "--steps", "2"]
    return words
