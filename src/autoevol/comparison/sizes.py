"""The size of each optimizer that a budget allows: one pure function per optimizer.

Args of all functions:
    budget: Paid calls of the entry, >= 1.
    row: Calls for one row with one method: its rounds and the response, and judgements if any.
    dev: Number of dev rows.

Sizes are chosen so that the optimizer would use up the budget if every row cost `row` calls. Rows that
yield no instruction and repeated calls cost less, so an optimizer of fixed size may end early; it then
plays again with the rest (see `play.run_entry`).
"""

from __future__ import annotations

import math
from typing import NamedTuple


class LoopSizes(NamedTuple):
    """Sizes of AutoEvol."""

    batch_size: int
    m: int
    steps: int


def loop(budget: int, row: int, dev: int, train: int) -> LoopSizes:
    """The paper's batch of 10 and m of 5; a smaller m if fewer than three full steps would fit.

    A step of the paper's rule costs row * (batch + m * dev) + 2m. The number of steps is deliberately
    out of reach: rules that score fewer rows make more steps.
    """
    batch = min(10, train)
    left = budget - row * dev
    fitting = [m for m in (5, 4, 3, 2) if 3 * (row * (batch + m * dev) + 2 * m) <= left]
    m = fitting[0] if fitting else 1
    return LoopSizes(batch, m, budget // (2 * m) + 1)


class OproSizes(NamedTuple):
    """Sizes of OPRO."""

    steps: int
    candidates: int


class ApeSizes(NamedTuple):
    """Sizes of APE."""

    resamplings: int
    candidates: int


def proposals(budget: int, row: int, dev: int) -> int:
    """Number of methods that can be proposed and scored on all dev rows besides the start, >= 1."""
    return max(1, (budget - row * dev) // (row * dev + 1))


def opro(budget: int, row: int, dev: int) -> OproSizes:
    """Up to the paper's 8 candidates per step, but at least five steps; the cap ends it."""
    candidates = min(8, max(1, proposals(budget, row, dev) // 5))
    return OproSizes(budget // candidates + 1, candidates)


def ape(budget: int, row: int, dev: int) -> ApeSizes:
    """A quarter of the proposals from examples, as by default; then variations until the cap."""
    candidates = max(1, proposals(budget, row, dev) // 4)
    return ApeSizes(budget // candidates + 1, candidates)


class CoproSizes(NamedTuple):
    """Sizes of COPRO."""

    breadth: int
    depth: int


def copro(budget: int, row: int, dev: int) -> CoproSizes:
    """DSPy scores breadth * depth methods on all rows: first its depth of 3, then a breadth of up to 10.

    A larger budget goes into depth. COPRO requires a breadth of at least 2.
    """
    wanted = 1 + proposals(budget, row, dev)
    breadth = min(10, max(2, math.ceil(wanted / 3)))
    return CoproSizes(breadth, max(1, math.ceil(wanted / breadth)))


class MiproSizes(NamedTuple):
    """Sizes of MIPROv2."""

    num_candidates: int
    num_trials: int
    minibatch: bool
    minibatch_size: int


_BOOTSTRAP_ROWS = 6
_PROMPTS = 3


def mipro(budget: int, row: int, dev: int) -> MiproSizes:
    """As many instructions as can be proposed and scored on all dev rows.

    To propose one, MIPROv2 evolves some train rows as examples (about six until three pass) and makes
    three calls. Trials follow its own rule, max(2 log2 n, 1.5 n); trials on an instruction that was scored
    already are free here. Minibatches of 35 only above 50 dev rows, as with its `auto`.
    """
    each = row * (dev + _BOOTSTRAP_ROWS) + _PROMPTS
    count = max(2, math.ceil((budget - row * dev) / each))
    trials = int(max(2 * math.log2(count), 1.5 * count))
    return MiproSizes(count, trials, dev > 50, min(35, dev))


class SimbaSizes(NamedTuple):
    """Sizes of SIMBA."""

    bsize: int
    num_candidates: int
    max_steps: int


def simba(budget: int, row: int, dev: int) -> SimbaSizes:
    """Its default sizes, shrunk together until four steps and the final scoring fit.

    A step costs up to bsize * (2n + 1) rows and n + 1 prompts; the end scores n + 1 programs on
    all rows.
    """
    for bsize, count in ((32, 6), (24, 5), (16, 4), (12, 3), (8, 2), (4, 2)):
        step = row * bsize * (2 * count + 1) + count + 1
        fitting = (budget - row * dev * (count + 1)) // step
        if bsize <= dev and fitting >= 4:
            return SimbaSizes(bsize, count, fitting)
    return SimbaSizes(min(4, dev), 2, 1)


def gepa(budget: int, row: int, dev: int) -> int:
    """Metric calls of GEPA: one per paid call, more than it can pay for, so that the cap ends it.

    GEPA's own count includes scores from the store and excludes reflection, so it cannot express the
    budget.
    """
    return max(budget, 2 * dev)


_DEMO_ROWS = 8


def bootstrap(budget: int, row: int, dev: int) -> int:
    """Sets of demos for random search: each is bootstrapped from about eight rows and scored.

    DSPy adds three sets; the one without demos and the one with labels are the same program here.
    """
    return max(1, math.ceil((budget - row * dev) / (row * (dev + _DEMO_ROWS))) - 1)
