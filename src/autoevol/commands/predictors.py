"""What a local model finds of the pairs of a data set: `autoevol quality --predictors`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from autoevol.commands.job import Listener
from autoevol.core import aio
from autoevol.core.errors import BudgetReached
from autoevol.core.records import Case
from autoevol.dataset.figures import Figures
from autoevol.dataset.lineages import EvolvedPair, SeedLineage
from autoevol.lm.likelihood import Predictor
from autoevol.metrics.base import passed, unscored
from autoevol.metrics.difficulty import Difficulty

_NAME = "predictors"


def pairs_to_predict(lineages: Sequence[SeedLineage]) -> list[EvolvedPair]:
    """The pairs that have a response, answered seeds among them; of equal ones the first."""
    every = (pair for lineage in lineages for pair in lineage.pairs if pair.response.strip())
    return list({pair.key: pair for pair in every}.values())


def find_difficulties(
    predictor: Predictor, pairs: Sequence[EvolvedPair], listener: Listener
) -> tuple[dict[str, Difficulty], BudgetReached | None]:
    """The difficulty of every pair that the model can be given, by its key; and what stopped it."""
    found: dict[str, Difficulty] = {}
    # The model computes one pair at a time; more would only wait.
    slot = asyncio.Semaphore(1)

    async def in_turn(pair: EvolvedPair) -> None:
        async with slot:
            one = await predictor.difficulty(pair.stages[-1], pair.response)
        if one is not None:
            found[pair.key] = one
        verdict = unscored(_NAME, "the model cannot be given the pair") if one is None else passed(_NAME)
        listener.case(Case(pair.key, verdict))

    listener.phase("difficulty", len(pairs))
    try:
        aio.run_and_wait(aio.gather([in_turn(pair) for pair in pairs]))
    except BudgetReached as reached:
        return found, reached
    return found, None


def with_difficulty(
    known: Figures, found: Mapping[str, Difficulty], model: str, asked: frozenset[str]
) -> Figures:
    """What is known of a version with what was found now; another model's figure is none of this one's."""
    if known.pair is None or known.pair not in asked:
        return known
    older = known.difficulty if known.difficulty and known.difficulty.model == model else None
    return replace(known, difficulty=found.get(known.pair, older))
