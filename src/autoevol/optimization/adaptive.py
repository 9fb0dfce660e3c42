"""The default rule: as many dev rows as the evidence needs, and no longer method without a gain."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Self

from autoevol.core.errors import InputError
from autoevol.core.records import Method, Outcome, Row
from autoevol.optimization.race import Race, RaceSettings, Runner, counts_told, cured_and_broken
from autoevol.optimization.rule import Evaluate, Proposing

# No later step takes back which of several starts was taken.
_FOR_STARTS = 10


class AdaptiveRace(Race):
    """A race on rows until the incumbent has failed some of them, with a price on every added word.

    What a rewrite can cure is what the incumbent fails. So a step is decided on as many rows as
    it takes to see `failures` of the incumbent's failures: few while it fails often and much is to be
    gained, all dev rows when it fails rarely. The number grows from step to step: early mistakes are
    cheap and are mended, late gains are small and need more rows to be seen. Challengers race on these
    as in `Race`, those that the incumbent failed first. There is no reserve: the next step, on other
    rows, corrects.

    The leader replaces the incumbent only if it cures more rows than it breaks by more than
    `per_word` failures a row for every word that it is longer; a tie goes to the shorter text, and
    to the incumbent between equals. Without this price long runs collect idle sentences. Where neither
    passes a row, nothing tells them apart and the incumbent stays: the shortest of several starts
    that all fail is not the best of them.

    The rows of a step are read by the optimizer at the next one, which is decided on others: so no
    mini-batch is paid for. And what a mistake has added can leave again, since one rewrite of a step
    is the method less one of its sentences.

    To stop at the incumbent's failures overstates its rate a little (by up to 1/failures of it).
    Single decisions are meant to be cheap, not safe: `confirming` guards the whole run. The
    defaults were chosen by simulation (`experiments/LOG.md`).

    Args:
        settings: How challengers race; `error` and `step` are not used.
        failures: Failures of the incumbent to wait for, >= 1; ten at least between several starts.
        growth: By how much this grows with every step, >= 0.
        per_word: Failure rate that an added word must pay for, >= 0.
    """

    name = "adaptive"
    uses_reserve = False
    dev_rows = "fresh"
    confirms = True
    proposing = Proposing(reads="dev", leave_out="longer")

    def __init__(
        self,
        settings: RaceSettings | None = None,
        *,
        failures: float = 4,
        growth: float = 0.4,
        per_word: float = 0.003,
    ) -> None:
        super().__init__(settings or RaceSettings(hope=0.4, doubt=1.0))
        if failures < 1 or growth < 0 or per_word < 0:
            raise InputError(
                f"failures must be at least 1, growth and per_word at least 0, got {failures}, {growth} "
                f"and {per_word}"
            )
        self.failures, self.growth, self.per_word = failures, growth, per_word

    def at_step(self, number: int) -> Self:
        """See `Scheduled`."""
        grown = copy(self)
        grown.failures = self.failures + self.growth * number if number else max(self.failures, _FOR_STARTS)
        return grown

    async def _bar_rows(self, bar: Runner, rows: Sequence[Row], evaluate: Evaluate) -> Sequence[Row]:
        seen = 0
        while seen < len(rows) and (missing := int(self.failures) - bar.score.count(Outcome.FAILED)) > 0:
            # At least as many rows are needed as failures are missing; single rows would only take time.
            end = seen + max(missing, self.settings.block)
            await bar.look(rows[seen:end], evaluate)
            seen = min(end, len(rows))
        return rows[:seen]

    def _verdict(self, bar: Runner, leader: Runner) -> tuple[bool, str]:
        cured, broken = cured_and_broken(bar.marks, leader.marks)
        passed = bar.score.count(Outcome.PASSED) + leader.score.count(Outcome.PASSED)
        # Of failures that are graded, one may still be the lesser.
        if cured == broken == passed == 0:
            return False, f"no method passed any of {len(bar.marks)} rows: incumbent kept"
        longer = _words(leader.method) - _words(bar.method)
        price = self.per_word * longer * len(bar.marks)
        counts = f"{counts_told(cured, broken)}, {longer:+d} words"
        if cured - broken > price:
            return True, f"better by more than its length costs ({counts})"
        return False, f"not better by more than its length costs: incumbent kept ({counts})"


def _words(method: Method) -> int:
    shown = [part for demo in method.demos for part in (demo.instruction, demo.evolved_instruction)]
    return sum(len(text.split()) for text in (method.text, *shown))
