"""How often the first look of a run declines an optimisation, rightly and wrongly. *Simulated*.

`python -m autoevol.experiments.headroom` takes the look of `run --optimize auto` in testbeds (400 and
up, that no choice was made on) whose starting method fails more and more often. Declined rightly is a
start with all its cures (2 %); wrongly is one from which the default loop gains 10 points, for which
`--loop` runs that loop in the first testbeds of each rate.
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
from autoevol.experiments.climb import DEFAULT, climb
from autoevol.experiments.reach import LABEL
from autoevol.experiments.testbed import Testbed, TestbedConfig
from autoevol.experiments.testbed.bench import heat_of
from autoevol.lm.budget import Caps
from autoevol.metrics.intervals import wilson
from autoevol.optimization.first_look import ROWS, FirstLook, look
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


def world_of(rate: float, correlation: float = TestbedConfig().correlation) -> TestbedConfig:
    """Testbeds whose starting method has nearly this true failure rate."""
    width = min(0.005, rate / 4)
    return replace(TestbedConfig(), start_low=rate - width, start_high=rate + width, correlation=correlation)


def take_look(seed: int, world: TestbedConfig, folder: Path, rows: int = ROWS) -> Looked:
    """The look of a run in the testbed of `seed`, with the real machinery."""
    testbed = Testbed(seed, world)
    heat = heat_of(testbed, dev=rows)
    path = folder / f"look-{seed}-{world.start_low:g}-{world.correlation:g}.sqlite"
    with heat.bench.session(path, Caps()) as session:
        board = Scoreboard(heat.student, heat.bench.metric(session), concurrency=1)
        with dspy.context(lm=heat.bench.task_lm(session), trace=None, disable_history=True):
            seen = aio.run_and_wait(look(testbed.start, heat.dev, board.evaluate))
    return Looked(seen, testbed.true_rate(testbed.start))


def lines(seeds: Sequence[int], rates: Sequence[float], correlation: float, looped: int = 0) -> Iterator[str]:
    """A line per starting rate.

    Args:
        seeds: Testbeds.
        rates: True failure rates of the starting method.
        correlation: Of two outcomes on one row.
        looped: In so many of the testbeds the default loop is run as well.
    """
    for rate in rates:
        world = world_of(rate, correlation)
        with tempfile.TemporaryDirectory() as folder:
            looks = [take_look(seed, world, Path(folder)) for seed in seeds]
            walks = [climb(DEFAULT, seed, world, Path(folder)) for seed in seeds[:looped]]
        declined = sum(not one.look.worth for one in looks)
        low, high = wilson(declined, len(looks))
        text = (
            f"{LABEL}  start {np.mean([one.true for one in looks]):.1%}  declined {declined} of {len(looks)} "
            f"[{low:.1%}, {high:.1%}]  {np.mean([one.look.scored for one in looks]):.0f} rows"
        )
        if walks:
            gains = [walk.rates[0] - walk.rates[-1] for walk in walks]
            text += f"  the loop gains {np.mean(gains):.1%}, at most {max(gains):.1%}"
        yield text


def main(argv: Sequence[str] | None = None) -> None:
    """Read the options and print a line per starting rate."""
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.headroom", description=__doc__)
    parser.add_argument("--first", type=int, default=400, help="First testbed (default 400).")
    parser.add_argument("--seeds", type=int, default=100, help="How many testbeds (default 100).")
    parser.add_argument("--rate", type=float, action="append", help="True rates of the start. Repeatable.")
    parser.add_argument("--correlation", type=float, default=TestbedConfig().correlation)
    parser.add_argument("--loop", type=int, default=0, help="Testbeds in which the default loop runs too.")
    options = parser.parse_args(argv)
    seeds = range(options.first, options.first + options.seeds)
    for line in lines(seeds, options.rate or RATES, options.correlation, options.loop):
        print(line, flush=True)


if __name__ == "__main__":
    main()
