"""How often the first look of a run declines an optimisation, rightly and wrongly. *Simulated*.

`python -m autoevol.experiments.headroom` takes the look of `run --optimize auto` in testbeds (400 and
up, that no choice was made on) whose starting method fails more and more often. Three worlds: `spread`, in
which it fails in six ways that rewrites cure in part; `single`, in which it fails in one of them;
`incurable`, in which no rewrite ever helps. Declined rightly is a start with hardly a failure, and any start
of the last world; wrongly is one from which the default loop gains 10 points, for which `--loop` runs that
loop in the first testbeds of each rate.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import dspy
import numpy as np

from autoevol.core import aio
from autoevol.experiments.climb import DEFAULT, NULL, TRAIN
from autoevol.experiments.reach import LABEL, walk
from autoevol.experiments.testbed import Testbed, TestbedConfig
from autoevol.experiments.testbed.bench import heat_of
from autoevol.experiments.testbed.texts import PLANTED
from autoevol.lm.budget import Caps
from autoevol.metrics.intervals import wilson
from autoevol.optimization.first_look import ROWS, WORTH, FirstLook, look
from autoevol.optimization.scoreboard import Scoreboard

RATES = (0.02, 0.05, 0.10, 0.15, 0.20, 0.40)


class Looked(NamedTuple):
    """One look in one testbed.

    Attributes:
        look: What it said.
        true: True failure rate of the starting method, 0..1.
    """

    look: FirstLook
    true: float


def world_of(seed: int, rate: float, kind: str, correlation: float = TestbedConfig().correlation) -> Testbed:
    """A testbed of this kind of world whose starting method has nearly this true failure rate."""
    width = min(0.005, rate / 4)
    base = NULL if kind == "incurable" else TestbedConfig()
    world = replace(base, start_low=rate - width, start_high=rate + width, correlation=correlation)
    testbed = Testbed(seed, world)
    if kind == "single":
        testbed.truth.concentrate(seed % len(PLANTED))
    return testbed


def take_look(testbed: Testbed, folder: Path, rows: int = ROWS) -> Looked:
    """The look of a run in a testbed, with the real machinery."""
    heat = heat_of(testbed, dev=rows)
    with heat.bench.session(folder / f"look-{testbed.seed}.sqlite", Caps()) as session:
        board = Scoreboard(heat.student, heat.bench.metric(session), concurrency=1)
        with dspy.context(lm=heat.bench.task_lm(session), trace=None, disable_history=True):
            seen = aio.run_and_wait(look(testbed.start, heat.dev, board.evaluate))
    return Looked(seen, testbed.true_rate(testbed.start))


def gain_of(testbed: Testbed, folder: Path) -> float:
    """What the default loop gains in a testbed: true rate before less after, 0..1."""
    config = replace(DEFAULT.config, seed=testbed.seed)
    made = walk(testbed, DEFAULT.rule, config, folder, train=TRAIN, shortcut=True)
    return made.rates[0] - made.rates[-1]


def lines(testbeds: Sequence[Testbed], looped: int = 0) -> Iterator[str]:
    """A line for testbeds of one kind and rate.

    Args:
        testbeds: All of them.
        looped: In so many of them the default loop is run as well.
    """
    with tempfile.TemporaryDirectory() as folder:
        looks = [take_look(testbed, Path(folder)) for testbed in testbeds]
        gains = [gain_of(testbed, Path(folder)) for testbed in testbeds[:looped]]
    declined = sum(not one.look.worth for one in looks)
    low, high = wilson(declined, len(looks))
    text = (
        f"{LABEL}  start {np.mean([one.true for one in looks]):.1%}  declined {declined} of {len(looks)} "
        f"[{low:.1%}, {high:.1%}]  {np.mean([one.look.scored for one in looks]):.0f} rows"
    )
    if gains:
        large = [one for one, gain in zip(looks, gains, strict=False) if gain >= WORTH]
        wrong = sum(not one.look.worth for one in large)
        text += f"  the loop gains {np.mean(gains):.1%}, at most {max(gains):.1%}"
        text += f"; 10 points in {len(large)} of {len(gains)}, of which {wrong} declined"
    yield text


def main(argv: Sequence[str] | None = None) -> None:
    """Read the options and print a line per starting rate."""
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.headroom", description=__doc__)
    parser.add_argument("--first", type=int, default=400, help="First testbed (default 400).")
    parser.add_argument("--seeds", type=int, default=100, help="How many testbeds (default 100).")
    parser.add_argument("--rate", type=float, action="append", help="True rates of the start. Repeatable.")
    parser.add_argument("--correlation", type=float, default=TestbedConfig().correlation)
    parser.add_argument("--loop", type=int, default=0, help="Testbeds in which the default loop runs too.")
    parser.add_argument("--world", choices=["spread", "single", "incurable"], default="spread")
    options = parser.parse_args(argv)
    seeds = range(options.first, options.first + options.seeds)
    for rate in options.rate or RATES:
        testbeds = [world_of(seed, rate, options.world, options.correlation) for seed in seeds]
        for line in lines(testbeds, options.loop):
            print(f"{line}  ({options.world})", flush=True)


if __name__ == "__main__":
    main()
