"""Which rewrites a step tries: chains of the optimizer LM, two methods made one, one sentence less."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import dspy
from dspy.utils.exceptions import LMError

from autoevol.config import LoopConfig
from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.core.errors import MethodError
from autoevol.core.records import Candidate, Case, Method, Row, Step
from autoevol.core.seeds import derived_random, derived_seed
from autoevol.optimization.past import COMBINED, Past
from autoevol.optimization.rule import Proposing
from autoevol.optimization.sentences import without_a_sentence
from autoevol.programs.analyze import AnalyzeTrajectory, Others
from autoevol.programs.propose import CombineTwo, ProposeMethod, check_new, usable
from autoevol.programs.track_record import TrackRecord


class Rewriter:
    """Rewrites the method in force in m ways.

    Most are chains: the optimizer LM analyses what it reads, then rewrites. Where `proposing` says so, one is
    the method in force combined with another good one, which costs one call, and one leaves out a sentence,
    which costs none and is the one way in which a sentence that came in by a lucky score surely is put to
    the test again.

    Args:
        config: m, and how the optimizer LM is asked.
        optimizer_lm: The LM that analyses and rewrites.
        proposing: What it is told, and what else is tried.
    """

    def __init__(self, config: LoopConfig, optimizer_lm: dspy.LM | None, proposing: Proposing) -> None:
        self.config, self.optimizer_lm, self.proposing = config, optimizer_lm, proposing
        self.analyze, self.propose, self.combine = AnalyzeTrajectory(), ProposeMethod(), CombineTwo()

    async def rewrites(self, step: int, cases: Sequence[Case], past: Past) -> list[Candidate]:
        """M proposals at most, unusable ones included.

        Args:
            step: Number of the step, which seeds all that is drawn.
            cases: What the optimizer LM reads: what became of rows under the method in force.
            past: The steps before.
        """
        asks, method = self.proposing, past.incumbent
        told = _Told(
            method,
            cases,
            past.others() if asks.stubborn == "yes" else {},
            past.record(changes=asks.history, kinds=asks.kind_rates == "yes"),
        )
        shorter = self._shorter(step, method, list(past.methods.values()))
        slots = self.config.m - len(shorter)
        # The last slot that is left stays a chain: new ideas come from nowhere else.
        partner = past.partner() if asks.combine == "yes" and slots > 1 else None
        chains = slots - (partner is not None)
        asked = [self._chain(step, chain, told) for chain in range(chains)]
        if partner is not None:
            asked.append(self._combined(step, chains, method, partner))
        return [*await aio.gather(asked), *shorter]

    def _shorter(self, step: int, method: Method, known: Sequence[Method]) -> list[Candidate]:
        """The method less one sentence, where one is to be left out and that gives a new method."""
        is_longer = len(method.text.split()) > len(known[0].text.split())
        if self.proposing.leave_out == "never" or not is_longer or self.config.m < 2:
            return []
        left_out = without_a_sentence(method.text)
        derived_random(self.config.seed, step, "leave out").shuffle(left_out)
        for text, sentence in left_out:
            try:
                shorter = usable(text, method)
                check_new(shorter, known)
            except MethodError:
                continue
            return [Candidate(shorter, method.id, f"Left out: {sentence}")]
        return []

    async def _chain(self, step: int, chain: int, told: _Told) -> Candidate:
        """Analysis, then rewrite. Whatever goes wrong costs this chain its slot, not the step."""
        # Chains that are all told of the same past propose the same next thing, and only one of these counts.
        record = told.record if chain % 2 else replace(told.record, changes=())
        sampling = chain_sampling(self.config, step, chain)
        feedback = ""
        with dspy.context(lm=self.optimizer_lm), in_scope(f"chain-{step}-{chain}"):
            try:
                analysis = await self.analyze.acall(told.cases, others=told.others, **sampling)
                feedback = analysis.feedback
                proposal = await self.propose.acall(told.method, feedback, record, **sampling)
                return Candidate(proposal.method, told.method.id, feedback)
            except (MethodError, LMError) as error:
                return Candidate(None, told.method.id, feedback, problem=str(error))

    async def _combined(self, step: int, chain: int, method: Method, partner: Method) -> Candidate:
        """Both methods in one; like a chain, it can fail alone."""
        said = f"{COMBINED} {partner.id}, which did good and was never put in force."
        with dspy.context(lm=self.optimizer_lm), in_scope(f"chain-{step}-{chain}"):
            try:
                sampling = chain_sampling(self.config, step, chain)
                both = (await self.combine.acall(method, partner, **sampling)).method
                return Candidate(both, method.id, said)
            except (MethodError, LMError) as error:
                return Candidate(None, method.id, said, problem=str(error))


class _Told(NamedTuple):
    """What all chains of a step are given."""

    method: Method
    cases: Sequence[Case]
    others: Others
    record: TrackRecord


def rows_to_read(step: Step, pool: Sequence[Row], decided_on: Collection[Row], size: int) -> list[Row]:
    """At most `size` rows of `pool` that `step` scored its chosen method on, those that it failed first.

    Rows of `decided_on` are left out: a rewrite made by looking at rows must not be chosen on them.
    """
    score = step.chosen_score
    if score is None:
        return []
    next_ids = {row.id for row in decided_on}
    rows = [row for row in pool if score.scored(row.id) and row.id not in next_ids]
    return sorted(rows, key=lambda row: -score.marks[row.id].loss)[:size]


def chain_sampling(config: LoopConfig, step: int, chain: int) -> dict[str, Any]:
    """How one chain of one step asks the optimizer LM; every chain has a seed of its own."""
    return {
        "temperature": config.optimizer_temperature,
        "top_p": config.optimizer_top_p,
        "seed": derived_seed(config.seed, step, chain),
    }
