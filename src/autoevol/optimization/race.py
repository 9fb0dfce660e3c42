"""Racing: challengers that are not going to win leave after a few rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import NamedTuple

from autoevol.core import aio
from autoevol.core.errors import InputError
from autoevol.core.records import Mark, Method, Outcome, Row, Score
from autoevol.optimization.rule import Evaluate, Selection

# The pooled rates start from one failure in two rows that the incumbent failed, and from one
# in twelve of the others.
_PRIOR = ((1.0, 2.0), (1.0, 12.0))


@dataclass(frozen=True)
class RaceSettings:
    """How a race is run. The defaults were chosen by simulation (`experiments/selection.py`).

    Attributes:
        error: Chance, in (0, 0.5], that a single look at two equal methods calls one of them
            better (one-sided, normal approximation, not corrected for looking repeatedly).
        first: Rows that every challenger looks at, >= 1.
        block: Rows of each further look, >= 1.
        step: Reserve rows of each further look at leader and incumbent, >= 1.
        hope: Standard deviations below its mean at which a challenger is ranked, >= 0: more
            spreads the looks over more challengers.
        doubt: Standard deviations below its mean at which the best challenger must beat the
            incumbent for the race to go on, >= 0.
        strengths: Rows that the pooled rate counts for in a challenger's own rate, > 0; on rows
            that the incumbent failed, and on the others.
    """

    error: float = 0.2
    first: int = 3
    block: int = 3
    step: int = 5
    hope: float = 0.75
    doubt: float = 1.5
    strengths: tuple[float, float] = (10.0, 40.0)

    def __post_init__(self) -> None:
        if not 0 < self.error <= 0.5:
            raise InputError(f"error must be in (0, 0.5], got {self.error}")
        if min(self.first, self.block, self.step) < 1:
            raise InputError("first, block and step must be at least 1")
        if min(self.hope, self.doubt) < 0 or min(self.strengths) <= 0:
            raise InputError("hope and doubt must be at least 0, strengths above 0")


class Seen(NamedTuple):
    """What was seen of one kind of rows: `failed` (their losses added up) of `scored`, `total` in all."""

    failed: float
    scored: int
    total: int


class Forecast(NamedTuple):
    """Predicted number of failures over all rows, seen ones included."""

    mean: float
    sd: float

    def low(self, deviations: float) -> float:
        """The mean, less so many standard deviations."""
        return self.mean - deviations * self.sd


def forecast(seen: Sequence[Seen], rates: Sequence[float], strengths: Sequence[float]) -> Forecast:
    """The failures that a method will have had once every row is scored.

    For each kind of rows, the unseen ones are beta-binomial: the prior has mean `rate` and
    counts for `strength` rows. Kinds are independent.

    Args:
        seen: Counts by kind.
        rates: Prior failure rate by kind, in (0, 1).
        strengths: Weight of the prior by kind, in rows, > 0.
    """
    mean = variance = 0.0
    for (failed, scored, total), rate, strength in zip(seen, rates, strengths, strict=True):
        left, weight = total - scored, strength + scored
        own = (strength * rate + failed) / weight
        mean += failed + left * own
        variance += left * own * (1 - own) * (weight + left) / (weight + 1)
    return Forecast(mean, math.sqrt(variance))


class Race:
    """Best-first racing: the most promising challenger looks at the next rows.

    All methods meet the dev rows in one order, those that the incumbent failed first: whether
    a challenger cures what it was made to cure is the quickest evidence. Every challenger
    looks at a few rows. From then on the one with the lowest optimistic forecast of its
    failures looks at the next block, until it has seen all rows, or until even the most
    promising one cannot be expected to beat the incumbent. A challenger that has seen all rows
    meets the incumbent on reserve rows, as long as their difference is within the error level.

    The incumbent's marks on the dev rows are reused. A tie goes to the leader: that it is the
    best of several rewrites speaks for it, and nothing counted speaks against it.
    Rows lost to the network carry no information; a challenger that lost more than half of
    its looks is left out, and rows lost for the incumbent are left out for all.

    The paper scores every candidate on every dev row (section 3.3; `LowestFailureRate`).
    Racing follows Maron and Moore (1994) and the bound of Auer et al. (2002); the pooled,
    stratified forecast is ours.

    The error level holds for one look at one pair. It is no promise over a run: a leader that
    is ahead when the reserve ends is taken, and where no rewrite is ever better, ten steps end
    with a worse method nearly as often as under the paper's rule (*simulated*,
    `experiments/selection.py`, which measures this).
    """

    name = "race"
    uses_reserve = True
    dev_rows = "fixed"
    confirms = False

    def __init__(self, settings: RaceSettings | None = None) -> None:
        self.settings = settings or RaceSettings()

    async def select(
        self,
        incumbent: Method,
        challengers: Sequence[Method],
        rows: Sequence[Row],
        evaluate: Evaluate,
        reserve: Sequence[Row] = (),
    ) -> Selection:
        """See `SelectionRule`. Asks for a row of a method once at most.

        Evaluations beyond the incumbent's on `rows`: at most challengers x rows + 2 x reserve.
        """
        bar = Runner(incumbent)
        rows = await self._bar_rows(bar, rows, evaluate)
        track = _Track.of(bar, rows)
        runners = [Runner(method) for method in challengers]
        if not runners:
            return Selection(incumbent, (bar.score,), "no challenger")
        if 2 * len(track.rows) < len(rows):
            note = f"the incumbent was scored on {len(track.rows)} of {len(rows)} rows only: no race"
            return Selection(incumbent, (bar.score,), note)
        leader = await self._lead(track, runners, evaluate)
        note = f"no challenger can be expected below {bar.score.loss:.1%}: incumbent kept"
        won = False
        if leader is not None:
            await self._confirm(bar, leader, reserve, evaluate)
            won, note = self._verdict(bar, leader)
        spent = sum(len(r.marks) for r in (bar, *runners)) - len(rows)
        return Selection(
            leader.method if leader is not None and won else incumbent,
            tuple(runner.score for runner in (bar, *runners)),
            f"{note}; rows tried: {spent} instead of {len(runners) * len(rows)}",
        )

    async def _bar_rows(self, bar: Runner, rows: Sequence[Row], evaluate: Evaluate) -> Sequence[Row]:
        """Scores the incumbent; returns the rows that this step is decided on, here all of `rows`."""
        await bar.look(rows, evaluate)
        return rows

    async def _lead(self, track: _Track, runners: Sequence[Runner], evaluate: Evaluate) -> Runner | None:
        """The challenger that is best by forecast and has seen all rows, or None if none is worth it."""
        settings = self.settings
        await aio.gather(runner.look(track.rows[: settings.first], evaluate) for runner in runners)
        while fair := [runner for runner in runners if runner.fair]:
            seen = {runner.method.id: track.seen(runner) for runner in runners}
            rates = pooled(list(seen.values()))
            ahead = {
                runner.method.id: forecast(seen[runner.method.id], rates, settings.strengths)
                for runner in fair
            }
            # Of equals, the one that has seen more, then the earlier one.
            best = min(fair, key=lambda r: (ahead[r.method.id].low(settings.hope), -len(r.marks)))
            looked = len(best.marks)
            if looked == len(track.rows):
                return best
            # Not a whole failure above the incumbent is still a tie, which the leader wins.
            if ahead[best.method.id].low(settings.doubt) >= track.lost + 1 - 1e-9:
                return None
            await best.look(track.rows[looked : looked + settings.block], evaluate)
        return None

    async def _confirm(self, bar: Runner, leader: Runner, reserve: Sequence[Row], evaluate: Evaluate) -> None:
        for start in range(0, len(reserve), self.settings.step):
            if self._clear(*cured_and_broken(bar.marks, leader.marks)):
                return
            block = reserve[start : start + self.settings.step]
            await aio.gather(runner.look(block, evaluate) for runner in (bar, leader))

    def _clear(self, cured: float, broken: float) -> bool:
        bound = NormalDist().inv_cdf(1 - self.settings.error)
        return abs(broken - cured) > bound * math.sqrt(broken + cured + 1)

    def _verdict(self, bar: Runner, leader: Runner) -> tuple[bool, str]:
        cured, broken = cured_and_broken(bar.marks, leader.marks)
        counts = counts_told(cured, broken)
        if broken > cured:
            return False, f"no significant winner: incumbent kept ({counts})"
        if self._clear(cured, broken):
            return True, f"clearly better ({counts})"
        return True, f"ahead, which may be chance ({counts})"


class Sprint(Race):
    """A race for many steps on few calls: fewer challengers are followed, and no reserve is asked.

    One decision is less certain than in `Race` and costs about a third less; over a run,
    the next steps correct it. Which of the two pays depends on how often methods fail: see the
    simulations in `experiments/LOG.md`.
    """

    name = "sprint"
    uses_reserve = False

    def __init__(self, settings: RaceSettings | None = None) -> None:
        super().__init__(settings or RaceSettings(hope=0.4, doubt=1.0))


def pooled(seen: Sequence[Sequence[Seen]]) -> list[float]:
    """Failure rate by kind of rows over all challengers, with the prior's pseudo-counts."""
    return [
        (sum(kind.failed for kind in kinds) + failed) / (sum(kind.scored for kind in kinds) + scored)
        for kinds, (failed, scored) in zip(zip(*seen, strict=True), _PRIOR, strict=True)
    ]


def cured_and_broken(incumbent: dict[str, Mark], challenger: dict[str, Mark]) -> tuple[float, float]:
    """How many rows the challenger cures and how many it breaks, of those scored for both.

    A row on which it gains or loses a part of the points counts for that part.
    """
    cured = broken = 0.0
    for row_id, mine in incumbent.items():
        its = challenger.get(row_id)
        if its is None or Outcome.UNSCORED in (mine.outcome, its.outcome):
            continue
        cured += max(0.0, mine.loss - its.loss)
        broken += max(0.0, its.loss - mine.loss)
    return cured, broken


def counts_told(cured: float, broken: float) -> str:
    """`1 row cured, 0 broken`."""
    return f"{cured:.3g} row{'' if cured == 1 else 's'} cured, {broken:.3g} broken"


@dataclass
class Runner:
    """A method and the marks it has so far, in the order of its looks."""

    method: Method
    marks: dict[str, Mark] = field(default_factory=dict)

    @property
    def score(self) -> Score:
        """Its marks so far."""
        return Score(self.method.id, self.marks)

    @property
    def fair(self) -> bool:
        """Whether at most half of its looks were lost to the network."""
        return 2 * self.score.count(Outcome.UNSCORED) <= len(self.marks)

    async def look(self, rows: Sequence[Row], evaluate: Evaluate) -> None:
        """Score it on `rows` too."""
        self.marks |= (await evaluate(self.method, rows)).marks


class _Track(NamedTuple):
    """The dev rows scored for the incumbent, the `failed` ones first; `lost` is its loss on all of them."""

    rows: Sequence[Row]
    failed: int
    lost: float

    @classmethod
    def of(cls, bar: Runner, rows: Sequence[Row]) -> _Track:
        failed = [row for row in rows if bar.marks[row.id].outcome is Outcome.FAILED]
        passed = [row for row in rows if bar.marks[row.id].outcome is Outcome.PASSED]
        track = [*failed, *passed]
        return cls(track, len(failed), sum(bar.marks[row.id].loss for row in track))

    def seen(self, runner: Runner) -> tuple[Seen, Seen]:
        """Rows lost to the network count as not seen."""
        marks = list(runner.marks.values())
        first, rest = marks[: self.failed], marks[self.failed :]
        return _seen(first, self.failed), _seen(rest, len(self.rows) - self.failed)


def _seen(marks: Sequence[Mark], total: int) -> Seen:
    losses = [mark.loss for mark in marks if mark.outcome is not Outcome.UNSCORED]
    return Seen(sum(losses), len(losses), total)
