"""The operations of WizardLM: methods like any other, found by name."""

from __future__ import annotations

import pytest

from autoevol.commands.methods import NAMED, find_method
from autoevol.core.errors import InputError
from autoevol.programs.evolve import EvolveInstruction
from autoevol.programs.operations import IN_DEPTH, MUTATE, OPERATIONS


def test_there_are_five_in_depth_and_one_in_breadth() -> None:
    assert list(OPERATIONS) == [
        "add-constraints", "deepen", "concretize", "more-reasoning", "complicate-input", "breadth",
    ]  # fmt: skip
    assert len({method.id for method in OPERATIONS.values()}) == 6
    assert MUTATE not in IN_DEPTH


@pytest.mark.parametrize("method", IN_DEPTH, ids=lambda method: method.name)
def test_an_in_depth_operation_states_the_paper_s_bound(method: object) -> None:
    assert "10 to 20 words" in getattr(method, "text", "")


@pytest.mark.parametrize("name", NAMED)
def test_a_named_method_is_found_and_is_what_a_program_uses(name: str) -> None:
    found = find_method(name)
    assert found.name == name
    assert EvolveInstruction(found).method == found


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InputError, match="no evolving method"):
        find_method("lengthen")
