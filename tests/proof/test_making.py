"""Arms that a run lacks: made over its own endpoint, store and caps, or told what they would cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoevol.core.errors import BudgetReached
from autoevol.proof.arms import load_material
from autoevol.proof.job import prepare
from command_line import command, summary
from commanding import Served, evolve, write_seeds
from servers import Endpoint

SMALL: dict[str, Any] = {"heldout": 3, "seeds": 2, "steps": 2, "step_tokens": 8}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(Served()) as running:
        yield running


@pytest.fixture
def run(endpoint: Endpoint, tmp_path: Path) -> Path:
    """Twelve tasks, evolved with one method into what the operations make of them too."""
    summary(evolve(write_seeds(tmp_path), endpoint, tmp_path / "run", "--method", "weak"))
    return tmp_path / "run"


def test_a_dry_run_tells_what_missing_arms_would_cost(run: Path, endpoint: Endpoint) -> None:
    before = len(endpoint.seen)
    told = summary(command("prove", run, "--against", "length,ops", "--dry-run", "--json"))
    assert told["calls"] == {"seeds": 12, "ops": 24}
    assert told["arms"] == {"found": 12, "length": 12, "shuffled": 12}
    assert len(endpoint.seen) == before


def test_missing_arms_are_made_once(run: Path, endpoint: Endpoint, tmp_path: Path) -> None:
    before = len(endpoint.seen)
    # Twelve seeds answered and twelve evolved; the responses are in the store of the run.
    plan = prepare(run, tmp_path / "proof", against=["ops"], **SMALL)
    assert len(endpoint.seen) - before == 12 + 12
    assert {name: sample.pairs for name, sample in plan.arms.items()} == {
        "seeds": 7,
        "ops": 7,
        "found": 7,
        "shuffled": 7,
    }
    seeds = load_material(tmp_path / "proof").arms["seeds"]
    assert all(pair.response.startswith("Here is the answer in full") for pair in seeds)
    again = prepare(run, tmp_path / "proof", against=["ops"], **SMALL)
    assert again.id == plan.id
    assert len(endpoint.seen) - before == 12 + 12


def test_a_budget_that_ends_an_arm_ends_the_proof_and_the_next_goes_on(
    run: Path, endpoint: Endpoint, tmp_path: Path
) -> None:
    before, out = len(endpoint.seen), tmp_path / "proof"
    with pytest.raises(BudgetReached):
        prepare(run, out, against=["ops"], max_calls=20, **SMALL)
    assert len(endpoint.seen) - before == 20
    prepare(run, out, against=["ops"], max_calls=36, **SMALL)
    assert len(endpoint.seen) - before == 24
