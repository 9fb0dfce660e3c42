"""Optuna's TPE sampler without repetitions."""

from __future__ import annotations

from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from autoevol.hypersearch.space import Space

_TRIES = 50


class Unrepeated(TPESampler):
    """Multivariate TPE over a finite space, without configurations that were tried before.

    In a space of integers, plain TPE proposes a good configuration again and again, which teaches nothing,
    since the store answers every call. If fifty draws all repeat, the first untried configuration is taken.

    Args:
        space: The space; it must have an untried configuration.
        taken: Keys (`Space.key`) of configurations that were tried, are running, or are queued.
        seed: Of this one proposal. Optuna does not store a sampler's state, so a search makes a new sampler
            for every trial, seeded by the number of trials before it.
    """

    def __init__(self, space: Space, taken: set[tuple[Any, ...]], seed: int) -> None:
        super().__init__(seed=seed, multivariate=True)
        self._space = space
        self._taken = taken
        self._uniform = RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The whole space, even before any trial has finished, when Optuna would infer none."""
        return self._space.distributions()

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """TPE's proposal, or a uniform one while TPE has too few trials; always an untried configuration."""
        for _ in range(_TRIES):
            params = super().sample_relative(study, trial, search_space) or {
                name: self._uniform.sample_independent(study, trial, name, distribution)
                for name, distribution in search_space.items()
            }
            if self._space.key(params) not in self._taken:
                return params
        left = self._space.unseen(self._taken)
        if left is None:
            raise ValueError("every configuration of the space has been tried")
        return left
