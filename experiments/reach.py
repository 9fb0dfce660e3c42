"""How many calls a selection rule needs to reach what the paper's loop reaches. *Simulated*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autoevol.config import LoopConfig
from autoevol.experiments.loop import run_loop
from autoevol.experiments.testbed import Testbed
from autoevol.experiments.testbed.bench import TRAIN, heat_of
from autoevol.metrics.paired import PairedTest, PointEstimate
from autoevol.optimization.rule import SelectionRule

LABEL = "simulated"
GOAL = 0.4  # of the paper loop's calls


@dataclass(frozen=True)
class Walk:
    """True rate of the method in force over the calls of one loop: one value per step, step 0 first."""

    calls: tuple[int, ...]
    rates: tuple[float, ...]
    improved: tuple[bool, ...]

    def patient(self, patience: int) -> Walk:
        """The part of it that a loop with this patience would have made."""
        still, end = 0, len(self.calls)
        for number, better in enumerate(self.improved[1:], 1):
            still = 0 if better else still + 1
            if still == patience:
                end = number + 1
                break
        return Walk(self.calls[:end], self.rates[:end], self.improved[:end])

    def reaches(self, rate: float) -> int | None:
        """Calls paid when the method in force first has at most this true rate; None if never."""
        return next((calls for calls, true in zip(self.calls, self.rates, strict=True) if true <= rate), None)

    def rate_after(self, calls: float) -> float:
        """True rate of the method in force when so many calls are paid."""
        reached = [rate for paid, rate in zip(self.calls, self.rates, strict=True) if paid <= calls]
        return reached[-1] if reached else self.rates[0]


def walk(
    testbed: Testbed,
    rule: str | SelectionRule,
    config: LoopConfig,
    folder: Path,
    cap: int | None = None,
    train: int = TRAIN,
    first: int = 0,
    *,
    shortcut: bool = False,
) -> Walk:
    """One loop in one testbed, to its last step or to `cap` calls, on `train` rows beside the dev rows."""
    heat = heat_of(testbed, config.dev_size, train, first, shortcut=shortcut)
    name = rule if isinstance(rule, str) else rule.name
    path = folder / f"{name}-{testbed.seed}-{config.seed}-{first}.sqlite"
    reached = run_loop(heat, rule, config, path, cap)
    told = [(place.calls, testbed.true_rate(place.method), place.improved) for place in reached]
    calls, rates, improved = zip(*told, strict=True)
    return Walk(calls, rates, improved)


@dataclass(frozen=True)
class Reach:
    """What one testbed says about calls to the same quality, *simulated*.

    Attributes:
        end: Which end of the paper's loop.
        paper_calls: Calls of the paper's loop to this end.
        paper_rate: True rate of its final method.
        calls: Calls of the other rule until it first has this rate; None if it does not within
            as many calls as the paper's loop.
        rate_at_goal: True rate of the other rule's method after 40 % of the paper's calls.
    """

    seed: int
    end: str
    paper_calls: int
    paper_rate: float
    calls: int | None
    rate_at_goal: float

    @property
    def share(self) -> float:
        """Of the paper's calls; 1 where the rate is not reached, which is then a lower bound."""
        return (self.calls if self.calls is not None else self.paper_calls) / self.paper_calls


def calls_to_reach(testbed: Testbed, rule: str, folder: Path, m: int = 5) -> list[Reach]:
    """The paper's loop (10 steps, m 5, batches of 10, 50 dev rows) against `rule` `m` rewrites a step."""
    paper = walk(testbed, "paper", LoopConfig(seed=testbed.seed, patience=10), folder)
    endless = LoopConfig(seed=testbed.seed, m=m, steps=10_000, patience=10_000)
    other = walk(testbed, rule, endless, folder, cap=paper.calls[-1])
    ends = {"ten steps": paper, "patience 1": paper.patient(1)}
    reaches = []
    for end, part in ends.items():
        reached = other.reaches(part.rates[-1])
        within = reached if reached is not None and reached <= part.calls[-1] else None
        goal = other.rate_after(GOAL * part.calls[-1])
        reaches.append(Reach(testbed.seed, end, part.calls[-1], part.rates[-1], within, goal))
    return reaches


def total_share(reaches: Sequence[Reach], seed: int = 0) -> PointEstimate:
    """Calls of all testbeds together as a share of the paper's, bootstrapped over testbeds."""
    mine = np.array([reach.share * reach.paper_calls for reach in reaches])
    its = np.array([reach.paper_calls for reach in reaches])
    drawn = np.random.default_rng(seed).integers(0, len(reaches), (10_000, len(reaches)))
    shares = mine[drawn].sum(axis=1) / its[drawn].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return PointEstimate(float(mine.sum() / its.sum()), float(low), float(high))


def _behind(reaches: Sequence[Reach]) -> str:
    """Mean difference to the paper's end at the goal, with a bootstrap interval over testbeds."""
    return PairedTest.of(
        [reach.paper_rate for reach in reaches], [reach.rate_at_goal for reach in reaches]
    ).span


def show_reach(reaches: Sequence[Reach], rule: str) -> list[str]:
    """A line per testbed and one for all."""
    lines = [
        f"{LABEL}  testbed {reach.seed}: paper {reach.paper_rate:.1%} after {reach.paper_calls} calls "
        f"({reach.end}); {rule} "
        + (f"after {reach.calls}, {reach.share:.0%}" if reach.calls is not None else "not within as many")
        for reach in reaches
    ]
    share, low, high = total_share(reaches)
    missed = sum(reach.calls is None for reach in reaches)
    bound = f" (a lower bound: {missed} of {len(reaches)} not reached)" if missed else ""
    shares = sorted(reach.share for reach in reaches)
    end, rate_at_goal = reaches[0].end, np.mean([reach.rate_at_goal for reach in reaches])
    return [
        *lines,
        f"{LABEL}  {end}: {rule} needs {share:.0%} [{low:.0%}, {high:.0%}] of the paper's calls in "
        f"total{bound}; median {shares[len(shares) // 2]:.0%}; goal {GOAL:.0%}",
        f"{LABEL}  {end}: after {GOAL:.0%} of the paper's calls {rule} is at "
        f"{rate_at_goal:.1%}, {_behind(reaches)} against the paper's end",
    ]
