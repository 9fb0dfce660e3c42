"""Takes one row through its rounds: evolve, gate, respond, judge, repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dspy.utils.exceptions import LMError

from autoevol.core.context import as_role, in_scope
from autoevol.core.records import Assessment, FailureKind, Outcome, Row, Trajectory, Verdict
from autoevol.evolution.gates import Gate, refusal
from autoevol.evolution.lineage import SEED, Fate, Judged, Lineage, Round, round_id
from autoevol.evolution.policy import Attempt, Policy
from autoevol.lm.answers import FILTERED
from autoevol.lm.retry import BAD_REQUEST, first_line, reason_of
from autoevol.metrics.base import UNREADABLE_VERDICT, Metric, failed
from autoevol.metrics.complexity import ComplexityScorer
from autoevol.programs.evolve import EvolveInstruction, as_evolution
from autoevol.programs.respond import RespondToInstruction

# Failures of a rewrite that are the purpose of a breadth operation, which makes a new instruction.
_MEANT_IN_BREADTH = frozenset({FailureKind.LOST_INFORMATION, FailureKind.OFF_TASK, FailureKind.STAGNANT})


class RowPipeline:
    """Takes rows through their rounds, independently; safe to use for many rows concurrently.

    Uses the LM of the current `dspy.context`. A call that fails for good leaves its row dead; errors that
    must end the run pass through.

    Args:
        policy: Methods, number of rounds, and what follows a failure.
        metric: Judges every round.
        model: Name of the model, for the records.
        gates: Asked in order.
        system: Optional system prompt for responses.
        compare: Score the rounds that passed side by side, with one more call for rows with several.
        responds: Name of the model that answers (see `answering_with`), if it is a different one.
    """

    def __init__(
        self,
        policy: Policy,
        metric: Metric,
        model: str,
        *,
        gates: Sequence[Gate] = (),
        system: str | None = None,
        compare: bool = False,
        responds: str | None = None,
    ) -> None:
        self.policy = policy
        self._metric = metric
        self._model = model
        self._responds = responds
        self.gates = tuple(gates)
        self._respond = RespondToInstruction(system)
        self._evolve = {choice.method.id: EvolveInstruction(choice.method) for choice in policy.choices}
        self._scorer = ComplexityScorer() if compare else None

    async def run(self, row: Row) -> Lineage:
        """All rounds of a new row."""
        lineage = Lineage(row)
        refused = refusal(self.gates, row.instruction, row, round=0)
        if refused is not None:
            reason = f"{refused.gate}: {refused.reason}"
            return lineage.plus(replace(self._begun(lineage, Attempt(0, 0)), fate=Fate.GATED, reason=reason))
        return await self._go_on(lineage, self.policy.next_attempt(row.id, ()))

    async def retry(self, lineage: Lineage) -> Lineage:
        """A dead row, resumed where it was lost; earlier rounds stay.

        An existing rewrite is answered and judged, not made again, unless the model refused to answer this
        particular one, or the judge's verdict on it cannot be read. Everything else is a fresh attempt.
        """
        *before, last = lineage.rounds
        lost = Attempt(last.round, last.attempt)
        hopeless = last.reason.startswith(BAD_REQUEST) or UNREADABLE_VERDICT in last.reason
        if not lost.round or last.evolved is None or hopeless:
            return await self._go_on(lineage, Attempt(lost.round, lost.number + 1))
        resumed = replace(lineage, rounds=tuple(before))
        with in_scope(_scope(lineage.row.id, lost)):
            resumed = resumed.plus(await self._finished(resumed, last))
        return await self._go_on(resumed, self.policy.next_attempt(lineage.row.id, resumed.rounds))

    async def _go_on(self, lineage: Lineage, attempt: Attempt | None) -> Lineage:
        row_id = lineage.row.id
        while attempt is not None:
            with in_scope(_scope(row_id, attempt)):
                lineage = lineage.plus(await self._made(lineage, attempt))
            attempt = self.policy.next_attempt(row_id, lineage.rounds)
        return await self._compared(lineage)

    async def _compared(self, lineage: Lineage) -> Lineage:
        if self._scorer is None or len(lineage.passed) < 2:
            return lineage
        with in_scope(f"bulk:{lineage.row.id}:best"), as_role("judge"):
            return replace(lineage, scores=await self._scores(self._scorer, lineage.passed))

    async def _made(self, lineage: Lineage, attempt: Attempt) -> Round:
        begun = self._begun(lineage, attempt)
        try:
            if attempt.round == 0:
                return await self._answered_seed(lineage.row, begun)
            step = await self._rewritten(lineage, begun)
        except LMError as error:
            return self._lost(begun, error)
        # A round is LOST until something decides it: still LOST here means that it is not finished.
        return step if step.fate is not Fate.LOST else await self._finished(lineage, step)

    def _lost(self, begun: Round, error: LMError) -> Round:
        # Some providers refuse a filtered request with an error instead of ending the reply.
        word = reason_of(error)
        fate = Fate.FILTERED if word == FILTERED else Fate.LOST
        return replace(begun, fate=fate, kinds=(), reason=f"{word}: {first_line(error)}"[:500])

    def _filtered(self, step: Round) -> Round:
        return replace(
            step, fate=Fate.FILTERED, kinds=(), reason="The provider's filter stopped the response."
        )

    async def _rewritten(self, lineage: Lineage, begun: Round) -> Round:
        """The rewrite; its fate is set if that ends the round, else it stays LOST."""
        choice = self.policy.draw(lineage.row.id, begun.round)
        parent = lineage.parent[1]
        attempt = Attempt(begun.round, begun.attempt)
        sampling = self.policy.sampling(begun.seed_id, attempt, lineage.rounds)
        reply = await self._evolve[choice.method.id].acall(instruction=parent, **sampling)
        evolution = as_evolution(parent, reply)
        step = replace(
            begun,
            id=round_id(begun.seed_id, begun.round, begun.attempt, evolution.evolved),
            evolution=evolution,
            tokens=tuple(reply.tokens),
        )
        if evolution.finish_reason == FILTERED:
            return replace(step, fate=Fate.FILTERED, reason="The provider's filter stopped the rewrite.")
        if evolution.evolved is not None:
            refused = refusal(self.gates, evolution.evolved, lineage.row, round=begun.round)
            if refused is not None:
                return replace(step, fate=Fate.GATED, reason=f"{refused.gate}: {refused.reason}")
        return step

    async def _finished(self, lineage: Lineage, step: Round) -> Round:
        """A rewrite completed by response and verdict. If these are lost, the rewrite is kept."""
        try:
            if step.evolved is not None and step.response is None:
                step = await self._answered(step, step.evolved, lineage.row)
                if step.response_finish_reason == FILTERED:
                    return self._filtered(step)
            return await self._judged(lineage, step)
        except LMError as error:
            return self._lost(step, error)

    async def _answered(self, step: Round, instruction: str, row: Row) -> Round:
        said = await self._respond.acall(instruction=instruction, context=row.context)
        spent = (step.tokens[0] + said.tokens[0], step.tokens[1] + said.tokens[1])
        step = replace(
            step,
            response=said.response,
            response_finish_reason=said.finish_reason,
            thinking=said.get("thinking"),
        )
        # Whoever trains on a pair needs to know which model wrote the response.
        return replace(step, tokens=spent, model=self._responds or step.model)

    async def _judged(self, lineage: Lineage, step: Round) -> Round:
        verdict = await self._metric.ajudge(self._since_breadth(lineage.plus(step), step))
        if step.evolved is None and verdict.outcome is Outcome.PASSED:
            # Detectors that only look at responses pass a reply without an instruction.
            verdict = failed(verdict.detector, FailureKind.UNPARSED, "The reply marks no final instruction.")
        if self._breadth(step):
            verdict = _without(verdict, _MEANT_IN_BREADTH)
        fate = _fate(verdict, step)
        judged = _judged(verdict.assessment)
        step = replace(step, fate=fate, kinds=verdict.kinds, reason=verdict.reason, judged=judged)
        if fate is Fate.PASSED and step.evolution:
            # Most of a reply is chain of thought, and detectors only read it if it marks no instruction. So
            # passed rounds do not keep theirs.
            step = replace(step, evolution=replace(step.evolution, reply=None))
        return step

    def _since_breadth(self, lineage: Lineage, step: Round) -> Trajectory:
        """The trajectory to judge a rewrite on; it begins after the last breadth round, if there is one."""
        before = lineage.path(step)[:-1]
        begin = next((earlier for earlier in reversed(before) if self._breadth(earlier)), None)
        trajectory = lineage.trajectory(step, begin)
        assert trajectory is not None, "only rounds that were evolved and answered are judged"
        return replace(trajectory, shown=self.policy.draw(step.seed_id, step.round).method.demos)

    def _breadth(self, step: Round) -> bool:
        return self.policy.draw(step.seed_id, step.round).breadth

    async def _answered_seed(self, row: Row, begun: Round) -> Round:
        if row.reference is not None:
            return replace(begun, response=row.reference, model="reference", fate=Fate.PASSED)
        step = await self._answered(begun, row.instruction, row)
        if not (step.response or "").strip():
            return replace(
                step, fate=Fate.FAILED, kinds=(FailureKind.EMPTY,), reason="The response is blank."
            )
        ends = {FILTERED: Fate.FILTERED, "length": Fate.LENGTH}
        return replace(step, fate=ends.get(step.response_finish_reason or "", Fate.PASSED))

    def _begun(self, lineage: Lineage, attempt: Attempt) -> Round:
        """The record of an attempt that has not made any call yet."""
        row = lineage.row
        if not attempt.round:
            id_ = round_id(row.id, *attempt, row.instruction)
            return Round(id_, row.id, row.id, *attempt, SEED, "", self._model)
        choice = self.policy.draw(row.id, attempt.round)
        id_ = round_id(row.id, *attempt, None)
        return Round(id_, lineage.parent[0], row.id, *attempt, choice.name, choice.method.id, self._model)

    async def _scores(self, scorer: ComplexityScorer, passed: Sequence[Round]) -> dict[str, float] | None:
        scores = (await scorer.acall(versions=[step.evolved or "" for step in passed])).scores
        if scores is None:
            return None
        return {step.id: score for step, score in zip(passed, scores, strict=True)}


def _scope(row_id: str, attempt: Attempt) -> str:
    # One scope per attempt, so that a fresh attempt is a fresh sample. The first has the name that estimates
    # use, so that their calls are found in the store.
    return f"bulk:{row_id}" if attempt == (1, 0) else f"bulk:{row_id}:{attempt.round}.{attempt.number}"


def _without(verdict: Verdict, kinds: frozenset[FailureKind]) -> Verdict:
    remaining = tuple(kind for kind in verdict.kinds if kind not in kinds)
    if verdict.outcome is not Outcome.FAILED or remaining == verdict.kinds:
        return verdict
    if remaining:
        return replace(verdict, kinds=remaining)
    return Verdict(Outcome.PASSED, detector=verdict.detector, assessment=verdict.assessment)


def _judged(assessment: Assessment | None) -> Judged | None:
    """The judge's figures, which come with the verdict at no extra cost; None if there are none."""
    if assessment is None:
        return None
    figures = Judged(assessment.gain, assessment.before, assessment.after)
    return None if figures == Judged() else figures


def _fate(verdict: Verdict, step: Round) -> Fate:
    if verdict.outcome is Outcome.UNSCORED:
        return Fate.LOST
    if step.evolved is None:
        return Fate.LENGTH if step.finish_reasons[0] == "length" else Fate.UNPARSED
    if verdict.outcome is Outcome.PASSED:
        return Fate.PASSED
    return Fate.LENGTH if verdict.kinds[:1] == (FailureKind.TRUNCATED,) else Fate.FAILED
