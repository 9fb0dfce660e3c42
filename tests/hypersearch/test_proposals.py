"""The sampler: TPE without repetitions, the same in every process."""

from __future__ import annotations

import optuna
import pytest

from autoevol.config import LoopConfig, MethodConfig, ModelConfig
from autoevol.hypersearch.proposals import Unrepeated
from autoevol.hypersearch.space import Configuration, Space
from autoevol.hypersearch.study import quiet

BASE = Configuration(LoopConfig(batch_size=2, m=1, steps=1, dev_size=6), MethodConfig(), ModelConfig())


def proposed(space: Space, trials: int, seed: int) -> list[tuple[object, ...]]:
    """Keys of what is proposed one after another, each trial judged by a fixed rule."""
    with quiet():
        study = optuna.create_study(directions=["minimize", "minimize"])
        keys: list[tuple[object, ...]] = []
        for number in range(trials):
            study.sampler = Unrepeated(space, set(keys), seed + number)
            trial = study.ask(fixed_distributions=space.distributions())
            keys.append(space.key(trial.params))
            cost = trial.params["m"] * trial.params["steps"]
            study.tell(trial, [1 / (1 + cost), cost])
    return keys


def test_a_small_space_is_gone_through_without_a_repetition() -> None:
    space = Space(("batch-size=1:3", "m=1:3", "steps=1:3", "start=initial,weak"), BASE, train=10)
    keys = proposed(space, space.size, 0)
    assert len(set(keys)) == len(keys) == 54


def test_nothing_is_proposed_once_everything_was() -> None:
    space = Space(("batch-size=2:2", "m=1:2", "steps=1:1"), BASE, train=10)
    with pytest.raises(ValueError, match="every configuration"):
        proposed(space, 3, 0)


def test_proposals_follow_from_seed_and_trials() -> None:
    space = Space(("temperature",), BASE, train=50)
    first = proposed(space, 15, 7)
    assert proposed(space, 15, 7) == first
    assert proposed(space, 15, 8) != first


def test_optunas_log_is_as_it_was() -> None:
    before = optuna.logging.get_verbosity()
    with quiet():
        assert optuna.logging.get_verbosity() == optuna.logging.WARNING
    assert optuna.logging.get_verbosity() == before
