"""How low the default loop gets for its calls, against the paper's rule and the race of 0.2. *Simulated*.

`python -m autoevol.experiments.climb worlds` asks for the same number of calls what the paper's rule
on fixed rows reaches; `ablations` takes one thing after another from the default; `schedules` are other
numbers of failures to wait for, steps and patience; `never-better` lets the loop run where no rewrite is ever
better; `told` changes what the optimizer LM is told, which it heeds with a probability of `--heeding`. All
with the real loop in the testbed, in one process, by the short way (`testbed.shortcut`), which makes the same
steps. `experiments.worlds` goes through other worlds.

Several loops in one testbed (`--loops`) see other rows and other chances. They are averaged before
anything is compared, so that intervals are over testbeds, and hold for testbeds.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autoevol.config import LoopConfig
from autoevol.experiments.reach import LABEL, Walk, walk
from autoevol.experiments.testbed import Testbed, TestbedConfig
from autoevol.metrics.intervals import wilson
from autoevol.metrics.paired import PointEstimate
from autoevol.optimization.adaptive import AdaptiveRace
from autoevol.optimization.rule import SelectionRule

TRAIN = 1_500
_LOOPS_APART = 100_000
PAPER_CALLS = 6_120
EARLY = 2_450


class Arm(NamedTuple):
    """A loop that takes part.

    Attributes:
        name: As it is printed.
        rule: Name of the selection rule, or one with settings of its own.
        config: Its settings; the seed is that of the testbed.
        cap: Most calls; None for as many as its steps take.
    """

    name: str
    rule: str | SelectionRule
    config: LoopConfig
    cap: int | None = None


ENDLESS = 10_000
DEFAULT = Arm("adaptive (the default)", "adaptive", LoopConfig())
PAPER = Arm("paper, fixed rows", "paper", LoopConfig(steps=ENDLESS, patience=ENDLESS), PAPER_CALLS)
OLD = Arm("race, patience 1", "race", LoopConfig(steps=10, patience=1))
OTHERS = (
    Arm("race, ten steps", "race", LoopConfig(steps=10, patience=10)),
    Arm("sprint, m 3", "sprint", LoopConfig(steps=20, patience=20, m=3)),
    Arm("paper, fresh", "paper", replace(PAPER.config, dev_rows="fresh"), PAPER_CALLS),
    Arm("adaptive, fixed", "adaptive", LoopConfig(dev_rows="fixed")),
    Arm("adaptive, after-adoption", "adaptive", LoopConfig(dev_rows="after-adoption")),
    Arm("adaptive, growing", "adaptive", LoopConfig(dev_rows="growing")),
    Arm("adaptive, m 3", "adaptive", LoopConfig(m=3)),
    Arm("adaptive, m 7", "adaptive", LoopConfig(m=7)),
)
_BEFORE = LoopConfig(reads="train", leave_out="never")
ABLATIONS = (
    DEFAULT,
    Arm("rows run for the optimizer", "adaptive", LoopConfig(reads="train")),
    Arm("no sentence left out", "adaptive", LoopConfig(leave_out="never")),
    Arm("ten failures throughout", AdaptiveRace(failures=10, growth=0), LoopConfig()),
    Arm("no price on words", AdaptiveRace(per_word=0), LoopConfig()),
    Arm("all as it was in 0.2", AdaptiveRace(failures=10, growth=0), _BEFORE),
)
_FAILURES = ((4, 0.6), (6, 0.3), (6, 0), (8, 0), (10, 0))
SCHEDULES = (
    DEFAULT,
    *(
        Arm(f"until {first} + {growth:g} a step", AdaptiveRace(failures=first, growth=growth), LoopConfig())
        for first, growth in _FAILURES
    ),
    Arm("patience 8", "adaptive", LoopConfig(patience=8)),
    Arm("30 steps, patience 8", "adaptive", LoopConfig(steps=30, patience=8)),
)
TOLD = (
    DEFAULT,
    Arm("told of ten rewrites", "adaptive", LoopConfig(history=10)),
    Arm("told of forty rewrites", "adaptive", LoopConfig(history=40)),
    Arm("told rates by kind", "adaptive", LoopConfig(kind_rates="yes")),
    Arm("told of stubborn rows", "adaptive", LoopConfig(stubborn="yes")),
    Arm("two good ones combined", "adaptive", LoopConfig(combine="yes")),
)
"""The default, with one more thing that its optimizer LM is told."""
_VARIED = {"ablations": ABLATIONS, "schedules": SCHEDULES, "told": TOLD}
NULL = TestbedConfig(start_low=0.09, start_high=0.11, insight=0.0, blind=(0.0, 0.5, 0.5), dropping=0.0)
"""No rewrite is ever better: half of them harm, half do nothing."""


def climb(
    arm: Arm, seed: int, world: TestbedConfig, folder: Path, loop: int = 0, *, shortcut: bool = True
) -> Walk:
    """Loop number `loop` in the testbed of `seed`: each has rows and random numbers of its own.

    With `shortcut`, by the short way through the world (`testbed.shortcut`), which makes the same steps.
    """
    config = replace(arm.config, seed=seed + _LOOPS_APART * loop)
    first = loop * (config.dev_size + TRAIN)
    return walk(Testbed(seed, world), arm.rule, config, folder, arm.cap, TRAIN, first, shortcut=shortcut)


def ratio(mine: Sequence[float], its: Sequence[float], seed: int = 0) -> PointEstimate:
    """Mean of `mine` as a share of the mean of `its`, bootstrapped over pairs of testbeds."""
    pairs = np.column_stack([mine, its])
    drawn = np.random.default_rng(seed).integers(0, len(pairs), (10_000, len(pairs)))
    means = pairs[drawn].mean(axis=1)
    low, high = np.quantile(means[:, 0] / means[:, 1], [0.025, 0.975])
    return PointEstimate(float(pairs[:, 0].mean() / pairs[:, 1].mean()), float(low), float(high))


def world_lines(
    seeds: Sequence[int], world: TestbedConfig, arms: Sequence[Arm], loops: int = 1
) -> Iterator[str]:
    """A line per testbed and per arm, then the first arm against each of the others, paired by testbed."""
    walks: dict[str, list[list[Walk]]] = {arm.name: [] for arm in arms}
    for seed in seeds:
        for arm in arms:
            with tempfile.TemporaryDirectory() as folder:
                walks[arm.name].append([climb(arm, seed, world, Path(folder), loop) for loop in range(loops)])
        told = "; ".join(
            f"{name} {_after(found[-1], EARLY):.1%}, end {_end(found[-1]):.1%}"
            for name, found in walks.items()
        )
        yield f"{LABEL}  testbed {seed}, after {EARLY} calls: {told}"
    for name, found in walks.items():
        yield f"{LABEL}  {name:28} {_curve([one for loop in found for one in loop])}"
    mine = walks[arms[0].name]
    early, end = [_after(one, EARLY) for one in mine], list(map(_end, mine))
    for arm in arms[1:]:
        its = walks[arm.name]
        share = ratio(early, [_after(one, EARLY) for one in its])
        yield f"{LABEL}  at {EARLY} calls, of {arm.name} at {EARLY}: {_share(share)}"
        share = ratio(end, list(map(_end, its)))
        yield f"{LABEL}  at the end, of {arm.name} at its end: {_share(share)}"
    if PAPER.name in walks:
        share = ratio(early, list(map(_end, walks[PAPER.name])))
        yield f"{LABEL}  at {EARLY} calls, of {PAPER.name} at {PAPER_CALLS}: {_share(share)}"


def never_better_lines(seeds: Sequence[int], arms: Sequence[Arm]) -> Iterator[str]:
    """How often ten steps end with a worse method where no rewrite is ever better."""
    for arm in arms:
        config = replace(arm.config, steps=10, patience=10)
        short = arm._replace(name=arm.name.replace(", patience 1", ", ten steps"), config=config)
        with tempfile.TemporaryDirectory() as folder:
            walks = [climb(short, seed, NULL, Path(folder)) for seed in seeds]
        worse = sum(one.rates[-1] > one.rates[0] + 1e-9 for one in walks)
        low, high = wilson(worse, len(walks))
        yield (
            f"{LABEL}  never better  {short.name:24} {worse} of {len(walks)} runs end worse "
            f"[{low:.1%}, {high:.1%}], {np.mean([one.calls[-1] for one in walks]):.0f} calls"
        )


def _after(loops: Sequence[Walk], calls: int) -> float:
    return float(np.mean([one.rate_after(calls) for one in loops]))


def _end(loops: Sequence[Walk]) -> float:
    return float(np.mean([one.rates[-1] for one in loops]))


def _curve(walks: Sequence[Walk]) -> str:
    marks = (1224, EARLY, 4000, PAPER_CALLS)
    rates = " ".join(f"{calls}: {np.mean([one.rate_after(calls) for one in walks]):.1%}" for calls in marks)
    start, end = (np.mean([one.rates[place] for one in walks]) for place in (0, -1))
    return (
        f"{start:.1%} | {rates} | end {end:.1%} after {np.mean([one.calls[-1] for one in walks]):.0f} calls"
    )


def _share(share: PointEstimate) -> str:
    return f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}]"


def main(argv: Sequence[str] | None = None) -> None:
    """Read the options and print a line per arm."""
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.climb", description=__doc__)
    parser.add_argument("what", choices=["worlds", "never-better", *_VARIED])
    parser.add_argument("--first", type=int, default=300, help="First testbed (default 300).")
    parser.add_argument("--seeds", type=int, default=20, help="How many testbeds (default 20).")
    parser.add_argument("--loops", type=int, default=1, help="Loops in each testbed (default 1).")
    parser.add_argument("--start", type=float, help="True rate of the starting method (default 42-58 %%).")
    parser.add_argument("--correlation", type=float, default=TestbedConfig().correlation)
    parser.add_argument("--heeding", type=float, default=TestbedConfig().heeding, help="Of what it is told.")
    parser.add_argument("--others", action="store_true", help="Also the other rules and dev rows.")
    options = parser.parse_args(argv)
    seeds = range(options.first, options.first + options.seeds)
    world = TestbedConfig(correlation=options.correlation, heeding=options.heeding)
    if options.start is not None:
        world = replace(world, start_low=options.start - 0.02, start_high=options.start + 0.02)
    arms = (DEFAULT, PAPER, OLD, *(OTHERS if options.others else ()))
    if options.what == "worlds":
        lines = world_lines(seeds, world, arms, options.loops)
    elif options.what in _VARIED:
        lines = world_lines(seeds, world, _VARIED[options.what], options.loops)
    else:
        lines = never_better_lines(seeds, [arm for arm in arms if arm is not PAPER])
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
