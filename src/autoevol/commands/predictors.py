"""Difficulty of a data set's pairs for a local model: `autoevol quality --predictors`."""

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
    """The distinct pairs with a response, answered seeds included."""
    every = (pair for lineage in lineages for pair in lineage.pairs if pair.response.strip())
    return list({pair.key: pair for pair in every}.values())


def find_difficulties(
    predictor: Predictor, pairs: Sequence[EvolvedPair], listener: Listener
) -> tuple[dict[str, Difficulty], BudgetReached | None]:
    """The difficulty of every pair that fits the model, by its key; and what stopped the calls."""
    difficulties: dict[str, Difficulty] = {}
    # The model computes one pair at a time; more would only wait.
    slot = asyncio.Semaphore(1)

    async def in_turn(pair: EvolvedPair) -> None:
        async with slot:
            difficulty = await predictor.difficulty(pair.stages[-1], pair.response)
        if difficulty is None:
            verdict = unscored(_NAME, "the model cannot be given the pair")
        else:
            verdict, difficulties[pair.key] = passed(_NAME), difficulty
        listener.case(Case(pair.key, verdict))

    listener.phase("difficulty", len(pairs))
    try:
        aio.run_and_wait(aio.gather([in_turn(pair) for pair in pairs]))
    except BudgetReached as reached:
        return difficulties, reached
    return difficulties, None


def with_difficulty(
    known: Figures, difficulties: Mapping[str, Difficulty], model: str, asked: frozenset[str]
) -> Figures:
    """The figures of a version with its new difficulty; that of another model is dropped."""
    if known.pair is None or known.pair not in asked:
        return known
    older = known.difficulty if known.difficulty and known.difficulty.model == model else None
    return replace(known, difficulty=difficulties.get(known.pair, older))
