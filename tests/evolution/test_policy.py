"""Round policies: what is drawn, and what follows a round."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.commands.methods import find_method
from autoevol.config.choices import parse_on_failure
from autoevol.core.errors import InputError
from autoevol.core.records import Method, digest
from autoevol.evolution.lineage import Fate, Round
from autoevol.evolution.policy import Attempt, Choice, Policy, parse_mix
from autoevol.programs.operations import IN_DEPTH, OPERATIONS

GIVEN = Method("Make it harder.", name="mine")
BASE = Policy((Choice("mine", GIVEN, 1.0),), rounds=3)
IDS = [digest(str(number)) for number in range(4000)]


def after(*fates: tuple[int, Fate]) -> list[Round]:
    done: list[Round] = []
    for round_number, fate in fates:
        attempt = sum(step.round == round_number for step in done)
        done.append(Round(str(len(done)), "p", "s", round_number, attempt, "mine", GIVEN.id, "m", fate=fate))
    return done


def test_without_a_method_and_a_mix_the_six_operations_are_drawn_alike() -> None:
    policy = Policy(parse_mix(None, None, find_method))
    drawn = Counter(policy.draw(row_id, 1).name for row_id in IDS)
    assert drawn.keys() == OPERATIONS.keys()
    # 667 expected each; five standard deviations.
    assert all(abs(count - len(IDS) / 6) < 5 * (len(IDS) * 5 / 36) ** 0.5 for count in drawn.values())


def test_a_mix_is_drawn_in_its_shares() -> None:
    policy = Policy(parse_mix("depth=0.8, breadth=0.2", GIVEN, find_method))
    drawn = Counter(policy.draw(row_id, 2) for row_id in IDS)
    assert {choice.name for choice in drawn} == {"mine", "breadth"}
    share = sum(count for choice, count in drawn.items() if choice.breadth) / len(IDS)
    assert share == pytest.approx(0.2, abs=0.035)


def test_depth_without_a_method_is_the_five_in_depth_operations() -> None:
    choices = parse_mix("depth=1,weak=1", None, find_method)
    assert [choice.name for choice in choices] == [*(method.name for method in IN_DEPTH), "weak"]
    assert [choice.share for choice in choices] == [0.2] * 5 + [1.0]


def test_a_draw_depends_on_seed_row_and_round_alone() -> None:
    policy = Policy(parse_mix(None, None, find_method), seed=3)
    drawn = [[policy.draw(row_id, number).name for number in (1, 2)] for row_id in IDS[:200]]
    assert drawn == [[policy.draw(row_id, number).name for number in (1, 2)] for row_id in IDS[:200]]
    assert drawn != [
        [replace(policy, seed=4).draw(row_id, number).name for number in (1, 2)] for row_id in IDS[:200]
    ]
    assert any(first != second for first, second in drawn)


@pytest.mark.parametrize(
    "text", ["depth", "depth=", "=1", "depth=0", "depth=-1", "depth=inf", "depth=nan", ""]
)
def test_a_mix_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--mix"):
        parse_mix(text, GIVEN, find_method)


def test_an_unknown_name_in_a_mix_is_refused() -> None:
    with pytest.raises(InputError, match="sideways"):
        parse_mix("sideways=1", GIVEN, find_method)


@pytest.mark.parametrize(
    ("text", "means"),
    [("again", (0, False)), ("drop", (0, True)), ("retry:2", (2, False)), (None, (3, False))],
)
def test_what_to_do_on_failure(text: str | None, means: tuple[int, bool]) -> None:
    assert parse_on_failure(text) == means


@pytest.mark.parametrize("text", ["", "retry", "retry:", "retry:0", "retry:-1", "retry:x", "drop:2"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--on-failure"):
        parse_on_failure(text)


@pytest.mark.parametrize(
    ("change", "done", "turn"),
    [
        ({}, [], Attempt(1, 0)),
        ({"with_seeds": 1.0}, [], Attempt(0, 0)),
        ({}, [(0, Fate.PASSED)], Attempt(1, 0)),
        ({}, [(0, Fate.LENGTH)], Attempt(1, 0)),
        ({}, [(0, Fate.GATED)], None),
        ({}, [(0, Fate.LOST)], None),
        ({}, [(1, Fate.PASSED)], Attempt(2, 0)),
        ({}, [(1, Fate.FAILED)], Attempt(2, 0)),
        ({}, [(3, Fate.FAILED)], None),
        ({}, [(3, Fate.PASSED)], None),
        ({}, [(2, Fate.LOST)], None),
        ({"drop": True}, [(1, Fate.FAILED)], None),
        ({"drop": True}, [(1, Fate.PASSED)], Attempt(2, 0)),
        ({"retries": 2}, [(1, Fate.FAILED)], Attempt(1, 1)),
        ({"retries": 2}, [(1, Fate.FAILED), (1, Fate.GATED)], Attempt(1, 2)),
        ({"retries": 2}, [(1, Fate.FAILED), (1, Fate.GATED), (1, Fate.UNPARSED)], Attempt(2, 0)),
        ({"retries": 2}, [(1, Fate.FILTERED)], Attempt(2, 0)),  # the request itself was refused
        ({"retries": 1}, [(1, Fate.LOST), (1, Fate.FAILED)], Attempt(1, 2)),
        ({"retries": 1}, [(1, Fate.FAILED), (1, Fate.PASSED)], Attempt(2, 0)),
    ],
)
def test_what_follows(change: dict[str, object], done: list[tuple[int, Fate]], turn: Attempt | None) -> None:
    assert replace(BASE, **change).next_attempt("00", after(*done)) == turn  # type: ignore[arg-type]


@given(st.lists(st.sampled_from([fate for fate in Fate if fate is not Fate.LOST])), st.integers(0, 3))
def test_a_row_ends_after_its_rounds_and_retries(fates: list[Fate], retries: int) -> None:
    policy = replace(BASE, retries=retries)
    done: list[tuple[int, Fate]] = []
    for fate in [*fates, *[Fate.FAILED] * 20]:
        turn = policy.next_attempt("00", after(*done))
        if turn is None:
            break
        done.append((turn.round, fate))
    assert len(done) <= policy.rounds * (1 + retries)
    assert policy.next_attempt("00", after(*done)) is None


def test_seeds_are_drawn_in_their_share() -> None:
    policy = replace(BASE, with_seeds=0.3)
    assert sum(map(policy.answers_seed, IDS)) / len(IDS) == pytest.approx(0.3, abs=0.04)
    assert not any(map(BASE.answers_seed, IDS))
    assert all(map(replace(BASE, with_seeds=1.0).answers_seed, IDS))


def test_json_and_back() -> None:
    policy = Policy(parse_mix(None, None, find_method), 4, 2, False, 0.25, 9)
    methods = {method.id: method for method in OPERATIONS.values()}
    assert Policy.from_json(policy.to_json(), methods) == policy
