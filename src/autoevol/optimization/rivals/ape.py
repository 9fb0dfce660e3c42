"""APE: an LM infers methods from examples of what one did, then varies the best of them."""

from __future__ import annotations

from typing import Any

from autoevol.core.errors import InputError
from autoevol.core.fence import fenced
from autoevol.core.records import Candidate, Method, Outcome
from autoevol.core.seeds import derived_random
from autoevol.metrics.base import Metric
from autoevol.optimization.rivals.base import MethodSearch, SearchState, Writer
from autoevol.signatures.ape import FromExamples, Variation


def ape_calls(
    *, resamplings: int, candidates: int, examples: int, dev: int, rounds: int = 1
) -> dict[str, int]:
    """LM calls of a whole search, by role, if every reply parses and every proposal is new.

     With l rounds of evolution, D dev rows, E examples, R resamplings and n candidates: evol
    l*(E + D*(1 + (1+R)*n)), respond E + D*(1 + (1+R)*n), optimizer (1+R)*n. Unparsed
    evolutions, refused proposals and calls found in the store make it less; nothing makes
    it more.
    """
    proposals = (1 + resamplings) * candidates
    runs = examples + dev * (1 + proposals)
    return {"evol": rounds * runs, "respond": runs, "optimizer": proposals}


class APE(MethodSearch):
    """Automatic prompt engineer (Zhou et al., arXiv 2211.01910), iterative Monte Carlo search.

    Step 1 asks for the method that would explain a few examples. Every later step takes the
    best methods so far and asks for variations of them. The paper's examples are gold pairs;
    there are none for evolved instructions, so the student's own evolutions of some train
    rows serve, those that pass. The paper scores by likelihood or accuracy on samples of the
    training set, here the dev rows decide.

    Args:
        metric: Judges trajectories; by default `FailureMetric()`.
        resamplings: Steps after the first, >= 0.
        candidates: Proposals at each step, >= 1.
        keep: How many of the best methods are varied, >= 1.
        examples: Train rows that are evolved as examples, >= 1; the order in which they are
            shown differs between proposals.
        more: See `MethodSearch`; `steps` is 1 + `resamplings`.
    """

    def __init__(
        self,
        metric: Metric | None = None,
        *,
        resamplings: int = 3,
        candidates: int = 8,
        keep: int = 3,
        examples: int = 5,
        **more: Any,  # noqa: ANN401 (the settings of MethodSearch)
    ) -> None:
        if resamplings < 0 or keep < 1 or examples < 1:
            raise InputError(f"out of range: resamplings={resamplings}, keep={keep}, examples={examples}")
        super().__init__(metric, steps=1 + resamplings, candidates=candidates, **more)
        self.keep = keep
        self.examples = examples
        self.infer = Writer(FromExamples, "the complete method")
        self.vary = Writer(Variation, "the complete variation")

    async def propose(self, search: SearchState, number: int) -> list[Candidate]:
        """See `MethodSearch`."""
        start, places = search.student.method, range(self.candidates)
        if number == 1:
            pairs = await self._pairs(search, start)
            shuffled = [derived_random(self.seed, place).sample(pairs, len(pairs)) for place in places]
            given = [(start, {"examples": "\n\n".join(order)}) for order in shuffled]
            return await search.write(self.infer, number, given)
        best = search.ranked()[: self.keep]
        around = [best[place % len(best)] for place in places]
        return await search.write(
            self.vary, number, [(method, {"method": fenced({"method": method.text})}) for method in around]
        )

    async def _pairs(self, search: SearchState, start: Method) -> list[str]:
        """Originals beside their evolutions, those that passed; originals alone if none did."""
        draw = derived_random(self.seed, "examples")
        rows = draw.sample(search.train, min(self.examples, len(search.train)))
        cases = await search.board.cases(start, rows, "examples")
        pairs = [
            fenced({"original": case.trajectory.seed, "evolved": case.trajectory.evolved or ""})
            for case in cases
            if case.trajectory is not None and case.verdict.outcome is Outcome.PASSED
        ]
        return pairs or [fenced({"original": row.instruction}) for row in rows]
