"""Derived random numbers: the same for the same parts, spread over different ones."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.seeds import derived_fraction, derived_random, derived_seed

PARTS = st.lists(st.integers() | st.text(max_size=8), min_size=1, max_size=4)


@given(PARTS)
def test_they_are_functions_of_their_parts_and_in_range(parts: list[int | str]) -> None:
    assert 0 <= derived_seed(*parts) == derived_seed(*parts) < 2**28
    assert 0.0 <= derived_fraction(*parts) == derived_fraction(*parts) < 1.0
    assert derived_random(*parts).random() == derived_random(*parts).random()


def test_no_fraction_is_rounded_up_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoevol.core.seeds.digest", lambda *_: "f" * 16)
    assert derived_fraction("any") < 1.0


def test_they_are_what_runs_of_the_first_release_were_drawn_with() -> None:
    """A run that was begun then must go on with the batches and samples of then."""
    assert derived_random(0, 1).sample(range(100), 4) == [24, 27, 92, 94]
    assert (derived_seed(0, 1, 2), round(derived_fraction(0, "method", "id", 1), 6)) == (121390063, 0.229946)


def test_another_process_draws_the_same() -> None:
    code = "from autoevol.core.seeds import *; print(derived_seed(7, 'a'), derived_random(7, 'a').random())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(derived_seed(7, "a")), str(derived_random(7, "a").random())]


def test_fractions_are_spread_evenly() -> None:
    drawn = sorted(derived_fraction(0, number) for number in range(1000))
    assert all(abs(value - place / 1000) < 0.06 for place, value in enumerate(drawn))
