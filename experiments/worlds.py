"""The default loop against others over many worlds: start rates, alike rows, a judge that errs. *Simulated*.

`python -m autoevol.experiments.worlds --out DIR` runs them all in each of `--seeds` testbeds, by the short
way (`testbed.shortcut`). It prints what each reaches after 2,450 calls and at its end, and how far the
default lies behind it, with intervals by testbed that hold for all worlds and rivals at once. Finished loops
are kept in DIR by their settings, and by no version of the code: begin a new folder where that has changed.
The same command goes on where it was stopped; with `--show` it only prints what there is.

Rivals that would stop before are let run on, so that all have paid as many calls at the first figure; at the
second one each has paid what its line says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from statistics import fmean as mean
from typing import NamedTuple

import numpy as np

from autoevol.experiments.climb import DEFAULT, EARLY, PAPER, PAPER_CALLS, Arm, climb
from autoevol.experiments.reach import LABEL, Walk
from autoevol.experiments.testbed import TestbedConfig
from autoevol.metrics.simultaneous import jointly
from autoevol.optimization.rules import RULES
from autoevol.store.log import cut_torn_line

_LATE = 4_000
"""Calls that race and sprint may pay: more than the default takes to its end where much can be gained."""
ARMS = (
    DEFAULT,
    PAPER,
    Arm("paper, fresh rows", "paper", replace(PAPER.config, dev_rows="fresh"), PAPER_CALLS),
    Arm("race", "race", PAPER.config, _LATE),
    Arm("sprint, m 3", "sprint", replace(PAPER.config, m=3), _LATE),
)


class World(NamedTuple):
    """One world.

    Attributes:
        start: True failure rate of the starting method, within two points; None for 42 to 58 %.
        correlation: Of two outcomes on one row.
        misjudged: Probability that a verdict is the wrong one.
    """

    start: float | None = None
    correlation: float = TestbedConfig().correlation
    misjudged: float = 0.0

    @property
    def config(self) -> TestbedConfig:
        """The settings of its testbeds."""
        if self.start is None:
            return TestbedConfig(correlation=self.correlation, misjudged=self.misjudged)
        return TestbedConfig(
            correlation=self.correlation,
            start_low=self.start - 0.02,
            start_high=self.start + 0.02,
            misjudged=self.misjudged,
        )

    def __str__(self) -> str:
        """`start 10 %, correlation 0.2`."""
        start = "50 %" if self.start is None else f"{self.start * 100:.0f} %"
        errs = f", judge errs {self.misjudged * 100:.0f} %" if self.misjudged else ""
        return f"start {start}, correlation {self.correlation:g}{errs}"


_STARTS = (0.1, None, 0.7)
WORLDS = (
    *(World(start, correlation) for start in _STARTS for correlation in (0.2, 0.4, 0.8)),
    *(World(start, misjudged=misjudged) for misjudged in (0.1, 0.2) for start in _STARTS),
)


class Walks:
    """Finished loops, kept as JSON lines in a folder.

    A loop is known by everything that decides it, so that one of other settings is run anew.

    Args:
        folder: Where `walks.jsonl` is; made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "walks.jsonl"
        cut_torn_line(self._path)
        lines = self._path.read_text("utf-8").splitlines() if self._path.exists() else []
        kept = (json.loads(line) for line in lines)
        self._kept = {
            one["key"]: Walk(*map(tuple, (one["calls"], one["rates"], one["improved"]))) for one in kept
        }

    def get(self, arm: Arm, world: World, seed: int, loop: int, *, run: bool = True) -> Walk | None:
        """The walk of this loop; where it is not known, None or, with `run`, a new one."""
        rule = RULES[arm.rule]() if isinstance(arm.rule, str) else arm.rule
        decides = [rule.name, str(vars(rule)), asdict(arm.config), arm.cap, asdict(world.config), seed, loop]
        key = hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:20]
        if key not in self._kept and run:
            with tempfile.TemporaryDirectory() as folder:
                walk = climb(arm, seed, world.config, Path(folder), loop, shortcut=True)
            told = {"key": key, "arm": arm.name, "world": str(world), "seed": seed, "loop": loop}
            walked = {"calls": walk.calls, "rates": walk.rates, "improved": walk.improved}
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(told | walked) + "\n")
            self._kept[key] = walk
        return self._kept.get(key)


class Cell(NamedTuple):
    """What one arm reached in the testbeds of one world: means over loops, one value per testbed."""

    early: list[float]
    end: list[float]
    calls: list[float]


Table = dict[tuple[World, str], Cell]


@dataclass(frozen=True)
class Grid:
    """Which loops there are: every arm in every world, `loops` times in each testbed."""

    seeds: Sequence[int]
    loops: int = 1
    arms: Sequence[Arm] = ARMS
    worlds: Sequence[World] = WORLDS

    def run(self, walks: Walks) -> Iterator[int]:
        """Run every loop that is not known yet, testbed by testbed; yield each one that is whole."""
        for seed in self.seeds:
            for world, arm, loop in product(self.worlds, self.arms, range(self.loops)):
                walks.get(arm, world, seed, loop)
            yield seed

    def reached(self, walks: Walks) -> Table:
        """What every arm reached, over the testbeds in which every loop is known."""
        table = {(world, arm.name): Cell([], [], []) for world in self.worlds for arm in self.arms}
        for seed in self.seeds:
            known = {
                (world, arm.name): [
                    walks.get(arm, world, seed, loop, run=False) for loop in range(self.loops)
                ]
                for world, arm in product(self.worlds, self.arms)
            }
            if not all(walk for several in known.values() for walk in several):
                continue
            for key, several in known.items():
                walked = [walk for walk in several if walk]
                table[key].early.append(mean(walk.rate_after(EARLY) for walk in walked))
                table[key].end.append(mean(walk.rates[-1] for walk in walked))
                table[key].calls.append(mean(walk.calls[-1] for walk in walked))
        return table


def grid_lines(table: Table) -> Iterator[str]:
    """A line per world and arm: where it stands, and the default less it, corrected for all of them."""
    default = next(name for _, name in table)
    rivals = [key for key in table if key[1] != default]
    whole = len(next(iter(table.values())).early)
    yield f"{LABEL}  {whole} testbeds: after {EARLY} calls | end (calls) | the default less this one at both"
    if not whole:
        return
    early = [_gaps(table[world, default].early, table[world, name].early) for world, name in rivals]
    end = [_gaps(table[world, default].end, table[world, name].end) for world, name in rivals]
    told = jointly(np.transpose([*early, *end]).tolist())
    behind = {key: (told[number], told[len(rivals) + number]) for number, key in enumerate(rivals)}
    for (world, name), cell in table.items():
        text = f"{LABEL}  {world!s:42} {name:24} {mean(cell.early):.1%} | {mean(cell.end):.1%}"
        text += f" ({mean(cell.calls):.0f})"
        yield " | ".join([text, *map(str, behind.get((world, name), ()))])


def _gaps(mine: Sequence[float], its: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(mine, its, strict=True)]


def main(argv: Sequence[str] | None = None) -> None:
    """Read the options, run what is missing, print the table."""
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.worlds", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="Folder of finished loops; goes on in it.")
    parser.add_argument("--first", type=int, default=9300, help="First testbed (default 9300).")
    parser.add_argument("--seeds", type=int, default=20, help="How many testbeds (default 20).")
    parser.add_argument("--loops", type=int, default=1, help="Loops in each testbed (default 1).")
    parser.add_argument("--show", action="store_true", help="Run nothing; print what there is.")
    options = parser.parse_args(argv)
    grid = Grid(range(options.first, options.first + options.seeds), options.loops)
    walks = Walks(options.out)
    if not options.show:
        for seed in grid.run(walks):
            print(f"{LABEL}  testbed {seed} is whole", flush=True)
    for line in grid_lines(grid.reached(walks)):
        print(line)


if __name__ == "__main__":
    main()
