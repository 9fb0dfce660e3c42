"""Rounds that are there, answered or judged anew. Nothing is evolved again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dspy.utils.exceptions import LMError

from autoevol.core.context import in_scope
from autoevol.core.records import Row
from autoevol.evolution.lineage import Fate, Lineage, Round, decode_lineage
from autoevol.evolution.policy import Policy
from autoevol.evolution.rounds import RowPipeline
from autoevol.evolution.source import PlacedRow
from autoevol.lm.answers import FILTERED
from autoevol.metrics.base import Metric
from autoevol.store.parts import Parts


class Renewal(RowPipeline):
    """The finished rows of another run as a source, and the work on them.

    Every round that has an instruction is answered and judged by itself, against the instructions
    that it was made from, whatever becomes of those. What has no instruction, what a gate
    refused and what has no response that could be judged stays as it is.

    Args:
        policy: That of the other run.
        metric: Judges, where `judge` says so.
        model: Who answers.
        parts: The finished rows; parts that are open are left out.
        answer: Ask for new responses; those of the seed file stay.
        judge: Judge anew. New responses always are.
        system: As for `RowPipeline`.
        compare: As for `RowPipeline`.
    """

    def __init__(
        self,
        policy: Policy,
        metric: Metric,
        model: str,
        parts: Parts,
        *,
        answer: bool = False,
        judge: bool = False,
        system: str | None = None,
        compare: bool = False,
    ) -> None:
        super().__init__(policy, metric, model, system=system, compare=compare)
        self._parts = parts
        self._answer = answer
        self._judge = judge or answer
        self._waiting: dict[str, Lineage] = {}

    def rows(self, after: int, done: Iterator[int]) -> Iterator[PlacedRow]:
        """See `RowSource`. What is known of a row waits until `run` is asked for it."""
        self._parts.verify()
        whole = (part for part in self._parts if not part.open)
        lines = (line for part in whole for line in self._parts.lines_of(part))
        for record, line in enumerate(lines):
            if record > after:
                lineage = decode_lineage(line)
                self._waiting[lineage.row.id] = lineage
                yield PlacedRow(lineage.row, record)

    async def run(self, row: Row) -> Lineage:
        """All rounds of a row that has come out of `rows`."""
        return await self._renewed(self._waiting.pop(row.id), lost_only=False)

    async def retry(self, lineage: Lineage) -> Lineage:
        """The rounds of a dead row that were lost while they were renewed."""
        return await self._renewed(lineage, lost_only=True)

    async def _renewed(self, old: Lineage, *, lost_only: bool) -> Lineage:
        rounds = tuple(sorted(old.rounds, key=lambda step: (step.round, step.attempt)))
        done: list[Round] = []
        lost: list[Round] = []
        for place, step in enumerate(rounds):
            made_up = step.fate is Fate.LOST and any(
                later.round == step.round for later in rounds[place + 1 :]
            )
            if not made_up and (step.fate is Fate.LOST or not lost_only) and self._renewable(step):
                with in_scope(f"again:{old.row.id}:{step.round}.{step.attempt}"):
                    step = await self._renew(Lineage(old.row, rounds[:place]), step)
            (lost if step.fate is Fate.LOST and not made_up else done).append(step)
        # What is lost stands last, where it makes the row one of the dead.
        made = Lineage(old.row, (*done, *lost), old.scores)
        known = old.scores or {}
        return made if all(step.id in known for step in made.passed) else await self._compared(made)

    def _renewable(self, step: Round) -> bool:
        if step.fate is Fate.GATED:
            return False
        if not step.round:
            return self._answer and step.model != "reference"
        if step.evolved is None:
            return False
        return self._answer or (self._judge and step.response is not None)

    async def _renew(self, before: Lineage, step: Round) -> Round:
        row = before.row
        begun = step
        if self._answer:
            begun = replace(
                step, model=self._model, response=None, response_finish_reason=None, thinking=None
            )
        try:
            if not step.round:
                return await self._answered_seed(row, begun)
            if self._answer:
                step = await self._answered(begun, step.evolved or "", row)
                if step.response_finish_reason == FILTERED:
                    return self._filtered(step)
            return await self._judged(before, step)
        except LMError as error:
            return self._lost(begun, error)
