"""OPRO: an LM sees the best methods so far with their scores, and writes better ones."""

from __future__ import annotations

from typing import Any

from autoevol.core.errors import InputError
from autoevol.core.fence import fenced
from autoevol.core.records import Candidate, Score
from autoevol.core.seeds import derived_random
from autoevol.metrics.base import Metric
from autoevol.optimization.rivals.base import MethodSearch, SearchState, Writer
from autoevol.signatures.opro import FromScores


def opro_calls(*, steps: int, candidates: int, dev: int, rounds: int = 1) -> dict[str, int]:
    """LM calls of a whole search, by role, if every reply parses and every proposal is new.

    With l rounds, D dev rows, T steps of n candidates: evol l*D*(1 + T*n), respond
    D*(1 + T*n), optimizer T*n. Unparsed evolutions, refused proposals and calls found in
    the store make it less; nothing makes it more.
    """
    runs = dev * (1 + steps * candidates)
    return {"evol": rounds * runs, "respond": runs, "optimizer": steps * candidates}


class OPRO(MethodSearch):
    """Optimisation by prompting (Yang et al., arXiv 2309.03409), instructions only.

    At every step the prompt shows the best methods so far in ascending order of score and a
    few task examples, and n new methods are sampled from it. There are no gold answers for
    evolved instructions, so the examples are seed instructions without an output; and the
    scores come from the dev rows, where the paper takes a part of the training set. The
    paper runs up to 200 steps of 8 candidates with 20 shown and 3 examples.

    Args:
        metric: Judges trajectories; by default `FailureMetric()`.
        steps: Steps, >= 0.
        candidates: Methods sampled at each step, >= 1.
        shown: Most methods in the prompt, >= 1.
        examples: Train rows in the prompt, drawn anew at every step, >= 0.
        more: See `MethodSearch`.
    """

    def __init__(
        self,
        metric: Metric | None = None,
        *,
        steps: int = 10,
        candidates: int = 8,
        shown: int = 20,
        examples: int = 3,
        **more: Any,  # noqa: ANN401 (the settings of MethodSearch)
    ) -> None:
        super().__init__(metric, steps=steps, candidates=candidates, **more)
        if shown < 1 or examples < 0:
            raise InputError(f"shown must be at least 1 and examples 0, got {shown} and {examples}")
        self.shown = shown
        self.examples = examples
        self.writer = Writer(FromScores, "the complete new method")

    async def propose(self, search: SearchState, number: int) -> list[Candidate]:
        """See `MethodSearch`."""
        best_first = search.ranked()[: self.shown]
        scored = [
            f"Score {_points(search.scores[m.id])}:\n{fenced({'method': m.text})}"
            for m in reversed(best_first)
        ]
        draw = derived_random(self.seed, number)
        rows = draw.sample(search.train, min(self.examples, len(search.train)))
        inputs = {
            "scored_methods": "\n\n".join(scored),
            "examples": fenced(
                {f"instruction {number}": row.instruction for number, row in enumerate(rows, 1)}
            ),
        }
        return await search.write(self.writer, number, [(best_first[0], inputs)] * self.candidates)


def _points(score: Score) -> int:
    """Share of usable rows in percent; the paper rounds to integers."""
    return round(100.0 * (1.0 - score.loss))
