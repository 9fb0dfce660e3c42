"""An optimisation played with drawn outcomes: what it is likely to ask for, before anything is paid.

The rules, dev rows, first look and confirmation are the real ones; no model is asked. What nobody can know
is drawn anew for every rehearsal: how often the first method fails (from a sample, or from a wide range
without one), how much alike rows fail under different methods, how good rewrites are (from never better
to nine failures of ten cured) and how long. The spread over many rehearsals is therefore wide, as is
what is known.

Under a budget the look, the steps, the confirmation and the holdout are each cut off where the run would
cut them off, by the very limits of the run (`purse`).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from autoevol.config import LoopConfig
from autoevol.core import aio
from autoevol.core.errors import BudgetReached
from autoevol.core.records import FailureKind, Mark, Method, Outcome, Row, Score, Step
from autoevol.optimization.confirming import confirm
from autoevol.optimization.dev_rows import DevRows, find_dev_rows
from autoevol.optimization.first_look import look
from autoevol.optimization.plan import confirm_rows
from autoevol.optimization.purse import Account, Budgeted, whole
from autoevol.optimization.rewriting import rows_to_read
from autoevol.optimization.rule import SelectionRule, at_step, proposing

# Of two kinds in turn, as of most methods: a first look expects more of a single one.
_FAILED = tuple(Mark(Outcome.FAILED, kind, 1, 1) for kind in (FailureKind.UNSOLVABLE, FailureKind.STAGNANT))
_PASSED = Mark(Outcome.PASSED, None, 1, 1)
_UNKNOWN = (0.6, 1.3)
"""Beta distribution of the first method's failure rate where nothing is known of it: 30 % on average, below
3 % in one case of seven, above 80 % in one of fourteen.
"""


@dataclass(frozen=True, slots=True)
class Odds:
    """How often the first method failed in a sample; none without one."""

    failed: int = 0
    scored: int = 0

    def draw(self, chance: np.random.Generator) -> float:
        """A failure rate that fits the sample (Jeffreys' prior)."""
        if not self.scored:
            return float(chance.beta(*_UNKNOWN))
        return float(chance.beta(self.failed + 0.5, self.scored - self.failed + 0.5))


@dataclass(frozen=True)
class Course:
    """What is rehearsed.

    Attributes:
        loop: Settings of the loop.
        rule: The selection rule.
        starts: Starting methods, the first one first.
        train: Rows of which mini-batches are drawn.
        dev: Rows of a step.
        spare: Rows in reserve.
        holdout: Rows of the holdout.
        look: Rows of the first look; 0 without one.
        is_sampled: Whether the same row is asked anew wherever it is met; at temperature 0 it is not.
    """

    loop: LoopConfig
    rule: SelectionRule
    starts: tuple[Method, ...]
    train: int
    dev: int
    spare: int
    holdout: int
    look: int
    is_sampled: bool = True

    @property
    def dev_rows(self) -> DevRows:
        """Which rows a step is decided on."""
        return find_dev_rows(self.loop.dev_rows or self.rule.dev_rows)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How one rehearsal went.

    Attributes:
        declined: Whether there was no loop: by the first look, or for want of budget.
        passed: Rows run that passed, before the holdout.
        failed: Rows run that failed.
        chains: Analyses with a rewrite each.
        waves: How often rows were waited for, each time as long as one row takes.
        holdout: Rows run on the holdout.
        rate: Failure rate of the method at the end.
        persists: Probability that a row that failed fails again with a fresh sample.
        known: Rows that the last method was run on and that need not be paid for again.
        steps: Whole steps.
    """

    declined: bool
    passed: int
    failed: int
    chains: int
    waves: float
    holdout: int
    rate: float
    persists: float
    known: int = 0
    steps: int = 0


def rehearse(
    course: Course, odds: Odds, times: int, seed: int, budget: Budgeted | None = None
) -> list[Rehearsed]:
    """`times` rehearsals, within a budget if there is one; the same for the same arguments."""

    async def one(number: int) -> Rehearsed:
        return await _Play(course, odds, np.random.default_rng([seed, number]), budget).run()

    async def play() -> list[Rehearsed]:
        return [await one(number) for number in range(times)]

    return aio.run_and_wait(play())


class _Play:
    """One rehearsal: a world of rows and methods, and the loop in it."""

    def __init__(
        self, course: Course, odds: Odds, chance: np.random.Generator, budget: Budgeted | None
    ) -> None:
        self.course, self.chance, self.account = course, chance, Account(budget)
        self._reads_dev = proposing(course.rule, course.loop).reads == "dev"
        unused = confirm_rows(course.loop, course.rule, course.spare)
        rows = [Row(str(number), f"row {number}") for number in range(course.dev + course.spare)]
        self.pool, self.unused = rows[: len(rows) - unused], rows[len(rows) - unused :]
        alike = chance.uniform(0.0, 0.6)
        self._own = math.sqrt(1 - alike)
        self._difficulty = math.sqrt(alike) * chance.standard_normal(len(rows))
        # From rewrites of which none is better to those that cure nine of ten failures.
        self._best = 1.0 - 0.9 * chance.uniform()
        self._fails: dict[str, np.ndarray] = {}
        self._seen: dict[str, set[str]] = {}
        self._batched: dict[str, set[int]] = {}
        self.rates: dict[str, float] = {}
        base = odds.draw(chance)
        self._add(course.starts[0], base)
        for other in course.starts[1:]:
            self._add(other, min(0.99, base * chance.uniform(0.7, 2.0)))
        self.passed = self.failed = self.chains = 0
        self.waves = 0.0
        self._under_way = self._wave = 0
        self.steps: list[Step] = []
        self.inforce = course.starts[0]

    async def run(self) -> Rehearsed:
        """As `commands.optimizing` goes about it."""
        first = self.course.starts[0]
        if self.account.is_too_small or await self._is_declined(first) or self.account.is_too_small:
            return self._ended(first, declined=True)
        with suppress(BudgetReached):
            await self._loop()
        if not self.steps:
            return self._ended(first, declined=True)
        self.account.confirm()
        with suppress(BudgetReached):
            if self.unused and self.inforce.id != first.id:
                self.inforce = (await confirm(first, self.inforce, self.unused, self.evaluate)).chosen
        return self._ended(self.inforce, declined=False)

    async def _is_declined(self, first: Method) -> bool:
        rows = self.account.look(self.course.look, self.course.dev)
        try:
            return rows > 0 and not (await look(first, self.pool[:rows], self.evaluate)).worth
        except BudgetReached:
            return False

    async def _loop(self) -> None:
        loop, rule, draw = self.course.loop, self.course.rule, self.course.dev_rows
        reserve = loop.reserve_size if rule.uses_reserve else 0
        steps, still = self.steps, 0
        for number in range(loop.steps + 1):
            rows = draw.draw(self.pool, self.course.dev + reserve, steps)
            dev, spare = rows[: self.course.dev], rows[self.course.dev :]
            challengers = self.course.starts[1:] if number == 0 else self._rewrites(self.inforce)
            if number and not (self._reads_dev and rows_to_read(steps[-1], self.pool, rows, 1)):
                self._batch(self.inforce)
            of_step = at_step(rule, number, challengers)
            picked = await of_step.select(self.inforce, challengers, dev, self.evaluate, spare)
            improved = picked.chosen.id != self.inforce.id
            self.inforce = picked.chosen
            steps.append(Step(number, (), (), picked.scores, self.inforce.id, improved))
            still = 0 if improved or number == 0 else still + 1
            if still >= loop.patience or self._is_solved(steps[-1], dev, moves=draw.moves):
                break

    async def evaluate(self, method: Method, rows: Sequence[Row]) -> Score:
        """Drawn marks; what is asked for while other rows are under way is one wait with them."""
        fails, seen = self._fails[method.id], self._seen[method.id]
        fresh = [row for row in rows if row.id not in seen]
        asked = len(fresh)
        fresh = fresh[: self.account.rows(asked)]
        seen.update(row.id for row in fresh)
        failed = sum(bool(fails[int(row.id)]) for row in fresh)
        self.failed, self.passed = self.failed + failed, self.passed + len(fresh) - failed
        self._wave += len(fresh)
        whole(len(fresh), asked)
        self._under_way += 1
        try:
            await asyncio.sleep(0)
        finally:
            self._under_way -= 1
        if not self._under_way and self._wave:
            self.waves += max(1.0, self._wave / self.course.loop.concurrency)
            self._wave = 0
        numbers = [int(row.id) for row in rows]
        return Score(method.id, {str(n): _FAILED[n % 2] if fails[n] else _PASSED for n in numbers})

    def _rewrites(self, inforce: Method) -> list[Method]:
        made: list[Method] = []
        paid = self.account.chains(self.course.loop.m)
        self.chains += paid
        whole(paid, self.course.loop.m)
        words, rate = max(1, len(inforce.text.split())), self.rates[inforce.id]
        for _ in range(self.course.loop.m):
            length = max(1, round(words * self.chance.uniform(0.4, 1.6)))
            method = Method(f"{len(self.rates)} {'word ' * (length - 1)}")
            self._add(method, min(0.99, rate * self.chance.uniform(self._best, 1.6)))
            made.append(method)
        return made

    def _batch(self, inforce: Method) -> None:
        size = min(self.course.loop.batch_size, self.course.train)
        drawn = self.chance.choice(self.course.train, size, replace=False)
        met = self._batched[inforce.id]
        size = len(drawn) if self.course.is_sampled else len({*map(int, drawn)} - met)
        met.update(map(int, drawn))
        asked, size = size, self.account.rows(size)
        failed = int(self.chance.binomial(size, self.rates[inforce.id]))
        self.failed, self.passed = self.failed + failed, self.passed + size - failed
        self.waves += max(1.0, size / self.course.loop.concurrency)
        whole(size, asked)

    def _add(self, method: Method, rate: float) -> None:
        noise = self._own * self.chance.standard_normal(len(self._difficulty))
        threshold = NormalDist().inv_cdf(min(max(rate, 1e-6), 1 - 1e-6))
        self._fails[method.id] = self._difficulty + noise < threshold
        self._seen[method.id], self._batched[method.id], self.rates[method.id] = set(), set(), rate

    def _is_solved(self, step: Step, dev: Sequence[Row], *, moves: bool) -> bool:
        score = step.chosen_score
        covered = score is not None and score.covers({row.id for row in dev})
        return bool(covered and score and score.rate == 0 and not (moves and step.improved))

    def _ended(self, last: Method, *, declined: bool) -> Rehearsed:
        rate = self.rates[last.id]
        both = 1 if last.id == self.course.starts[0].id else 2
        held = 0 if declined else self.course.holdout
        self.account.hold_out()
        scored = self.account.rows(both * held)
        met = len(self._seen[last.id]) + len(self._batched[last.id]) + held
        return Rehearsed(
            declined,
            self.passed,
            self.failed,
            self.chains,
            self.waves,
            scored,
            rate,
            float(self.chance.uniform(rate, 1.0)),
            0 if self.course.is_sampled else met,
            max(0, len(self.steps) - 1),
        )
