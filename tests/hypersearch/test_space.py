"""What a search varies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.config import LoopConfig, MethodConfig, ModelConfig
from autoevol.core.errors import InputError
from autoevol.hypersearch.space import Configuration, Space
from autoevol.reports.search import describe

BASE = Configuration(LoopConfig(), MethodConfig(holdout_size=10), ModelConfig())
SMALL = Configuration(LoopConfig(batch_size=2, m=1, steps=1, dev_size=6), MethodConfig(), ModelConfig())


def values(space: Space) -> dict[str, tuple[object, ...]]:
    return {dimension.name: dimension.values for dimension in space.dimensions}


def test_the_three_of_the_paper_are_always_varied_around_the_given_settings() -> None:
    space = Space((), BASE, train=100)
    assert space.baseline == {"batch_size": 10, "m": 5, "steps": 20}
    assert {name: (found[0], found[-1]) for name, found in values(space).items()} == {
        "batch_size": (2, 20), "m": (1, 9), "steps": (1, 20),
    }  # fmt: skip
    assert space.size == 19 * 9 * 20
    assert space.configuration(space.baseline) == BASE


def test_a_default_range_reaches_what_the_user_set() -> None:
    base = Configuration(LoopConfig(m=12, steps=0), MethodConfig(), ModelConfig())
    found = values(Space((), base, train=100))
    assert found["m"][-1] == 12
    assert found["steps"][0] == 0


def test_more_dimensions_and_ranges() -> None:
    given = (
        "rounds",
        "temperature=0:0.3",
        "dev-size=20:50",
        "start=initial,weak+compact",
        "m=2:6",
        "patience",
    )
    space = Space(given, BASE, train=100)
    found = values(space)
    assert found["rounds"] == (1, 2, 3)
    assert found["temperature"] == (0.0, 0.1, 0.2, 0.3)
    assert found["start"] == ("initial", "weak+compact")
    assert found["m"] == (2, 3, 4, 5, 6)
    assert space.largest_dev == 50
    made = space.configuration(
        {"batch_size": 3, "m": 2, "steps": 4, "rounds": 2, "temperature": 0.3, "dev_size": 20,
         "start": "weak+compact", "patience": 3}
    )  # fmt: skip
    assert (made.loop.dev_size, made.loop.m, made.loop.patience) == (20, 2, 3)
    assert (made.methods.rounds, made.methods.start) == (2, ("weak", "compact"))
    assert made.models.evol.temperature == 0.3
    assert made.methods.holdout_size == 10


def test_names_without_values_are_all_that_are_known() -> None:
    found = values(Space(("start", "selection"), BASE, train=100))
    assert {"initial", "weak", "compact"} <= set(found["start"])
    assert {"paper", "author"} <= set(found["selection"])


def test_batches_are_not_larger_than_what_they_are_drawn_from() -> None:
    space = Space((), BASE, train=7)
    assert values(space)["batch_size"] == (2, 3, 4, 5, 6, 7)
    assert space.baseline["batch_size"] == 7


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("speed", "'speed' cannot be varied"),
        ("m=6:9", "leaves out the first configuration, which has 5"),
        ("m=nine", "write it as m=LOW:HIGH"),
        ("m=0:5", "needs 1 <= LOW <= HIGH"),
        ("m=7:5", "needs 1 <= LOW <= HIGH"),
        ("start=weak", "leaves out the first configuration, which has initial"),
    ],
)
def test_what_cannot_be_varied_is_refused(given: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Space((given,), BASE, train=100)


@given(st.sets(st.integers(0, 11)))
def test_unseen_finds_a_configuration_until_all_are_taken(taken: set[int]) -> None:
    space = Space(("batch-size=1:3", "m=1:2", "steps=0:1"), SMALL, train=10)
    assert space.size == 12
    seen: list[tuple[object, ...]] = []
    while (params := space.unseen(set(seen))) is not None:
        seen.append(space.key(params))
    assert len(seen) == len(set(seen)) == 12
    left = space.unseen({seen[index] for index in taken})
    assert (left is None) == (len(taken) == 12)
    assert left is None or space.key(left) == seen[min(set(range(12)) - taken)]


@given(st.integers(0, 10), st.integers(0, 10))
def test_temperatures_are_the_same_whatever_their_last_bits(low: int, extra: int) -> None:
    space = Space((f"temperature=0:{(low + extra) / 10}",), BASE, train=100)
    summed = sum([0.1] * low)
    assert space.key({**space.baseline, "temperature": summed}) == space.key(
        {**space.baseline, "temperature": low / 10}
    )
    assert low / 10 in values(space)["temperature"]


def test_settings_are_written_as_config_takes_them() -> None:
    written = BASE.to_json()
    assert written["batch_size"] == 10
    assert written["temperature"] == 0.0
    assert "concurrency" not in written
    assert describe({"batch_size": 3, "m": 1}) == "batch-size 3, m 1"
