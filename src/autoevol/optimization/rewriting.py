"""Which rewrites a step tries: chains of the optimizer LM, and the method less one of its sentences."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import dspy
from dspy.utils.exceptions import LMError

from autoevol.config import LoopConfig
from autoevol.config.choices import LeaveOut
from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.core.errors import MethodError
from autoevol.core.records import Candidate, Case, Method, Row, Step
from autoevol.core.seeds import derived_random, derived_seed
from autoevol.programs.analyze import AnalyzeTrajectory
from autoevol.programs.propose import ProposeMethod, check_new, usable

# Between sentences and between lines. A full stop behind a digit numbers an item of a list.
_BETWEEN = re.compile(r"((?<=[^\s\d][.!?])\s+|(?<=[。！？])\s*|\n+)")


class Rewriter:
    """Rewrites the method in force in m ways.

    Args:
        config: m, and how the optimizer LM is asked.
        optimizer_lm: The LM that analyses and rewrites.
        leave_out: When one of the m leaves out a sentence instead. That costs no call, and is the one
            way in which a sentence that came in by a lucky score surely is put to the test again.
    """

    def __init__(self, config: LoopConfig, optimizer_lm: dspy.LM | None, leave_out: LeaveOut) -> None:
        self.config, self.optimizer_lm, self.leave_out = config, optimizer_lm, leave_out
        self.analyze, self.propose = AnalyzeTrajectory(), ProposeMethod()

    async def rewrites(
        self, step: int, method: Method, cases: Sequence[Case], known: Sequence[Method]
    ) -> list[Candidate]:
        """M proposals at most, unusable ones included.

        Args:
            step: Number of the step, which seeds all that is drawn.
            method: The method in force.
            cases: What became of rows under it.
            known: All methods of the run so far, the first one first.
        """
        shorter = self._shorter(step, method, known)
        chains = [self._chain(step, chain, method, cases) for chain in range(self.config.m - len(shorter))]
        return [*await aio.gather(chains), *shorter]

    def _shorter(self, step: int, method: Method, known: Sequence[Method]) -> list[Candidate]:
        """The method less one sentence, where one is to be left out and that gives a new method."""
        is_longer = len(method.text.split()) > len(known[0].text.split())
        if self.leave_out == "never" or not is_longer or self.config.m < 2:
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

    async def _chain(self, step: int, chain: int, method: Method, cases: Sequence[Case]) -> Candidate:
        """Analysis, then rewrite. Whatever goes wrong costs this chain its slot, not the step."""
        sampling = chain_sampling(self.config, step, chain)
        feedback = ""
        with dspy.context(lm=self.optimizer_lm), in_scope(f"chain-{step}-{chain}"):
            try:
                feedback = (await self.analyze.acall(cases, **sampling)).feedback
                proposal = await self.propose.acall(method, feedback, **sampling)
                return Candidate(proposal.method, method.id, feedback)
            except (MethodError, LMError) as error:
                return Candidate(None, method.id, feedback, problem=str(error))


def without_a_sentence(text: str) -> list[tuple[str, str]]:
    """Every text that lacks one sentence or line of `text`, with what it lacks; the first one stays."""
    pieces = _BETWEEN.split(text)
    return [
        ("".join([*pieces[: place - 1], *pieces[place + 1 :]]), pieces[place])
        for place in range(2, len(pieces), 2)
        if pieces[place].strip()
    ]


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
