"""Answers or judges existing rounds again. Nothing is evolved again."""

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
    """The finished rows of another run as a source, and the pipeline that renews them.

    Every round with an instruction is answered and judged on its own, against the instructions it was made
    from, whatever becomes of those. Rounds without an instruction, rounds that a gate refused, and rounds
    without a response to judge stay as they are.

    Args:
        policy: Of the other run.
        metric: Judges, if `judge` says so.
        model: The answering model.
        parts: The finished rows; open parts are left out.
        answer: Ask for new responses; references from the seed file stay.
        judge: Judge again. New responses are always judged.
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
        """See `RowSource`. The lineage of a row is kept until `run` is called for it."""
        self._parts.verify()
        whole = (part for part in self._parts if not part.open)
        lines = (line for part in whole for line in self._parts.lines_of(part))
        for record, line in enumerate(lines):
            if record > after:
                lineage = decode_lineage(line)
                self._waiting[lineage.row.id] = lineage
                yield PlacedRow(lineage.row, record)

    async def run(self, row: Row) -> Lineage:
        """All rounds, renewed, of a row that `rows` has yielded."""
        return await self._renewed(self._waiting.pop(row.id), lost_only=False)

    async def retry(self, lineage: Lineage) -> Lineage:
        """A dead row with the rounds that were lost during renewal, renewed again."""
        return await self._renewed(lineage, lost_only=True)

    async def _renewed(self, old: Lineage, *, lost_only: bool) -> Lineage:
        # In the order in which they were made: an earlier renewal may have moved lost rounds to the end.
        rounds = tuple(sorted(old.rounds, key=lambda step: (step.round, step.attempt)))
        done: list[Round] = []
        lost: list[Round] = []
        for index, step in enumerate(rounds):
            # A later attempt at the same round has replaced a lost one.
            replaced = step.fate is Fate.LOST and any(
                later.round == step.round for later in rounds[index + 1 :]
            )
            if not replaced and (step.fate is Fate.LOST or not lost_only) and self._renewable(step):
                with in_scope(f"again:{old.row.id}:{step.round}.{step.attempt}"):
                    step = await self._renew(Lineage(old.row, rounds[:index]), step)
            (lost if step.fate is Fate.LOST and not replaced else done).append(step)
        # Lost rounds go last: the last round decides whether the row is dead and will be retried.
        renewed = Lineage(old.row, (*done, *lost), old.scores)
        scored = old.scores or {}
        return renewed if all(step.id in scored for step in renewed.passed) else await self._compared(renewed)

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
