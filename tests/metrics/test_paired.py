"""The paired comparison: against published values and by hand, then its properties."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core.records import Mark, Outcome, Score
from autoevol.metrics.paired import PairedTest, bootstrap_mean, mcnemar_exact

outcomes = st.sampled_from(list(Outcome))
pairs_of = st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=40)


def score(name: str, marks: list[Outcome]) -> Score:
    return Score(name, {f"r{number}": Mark(outcome) for number, outcome in enumerate(marks)})


# Agresti, Categorical Data Analysis: approval of a prime minister, 150 and 86 changed sides.
def test_mcnemar_published() -> None:
    assert mcnemar_exact(86, 150) == pytest.approx(3.716e-05, rel=1e-3)
    assert mcnemar_exact(0, 5) == 2 / 2**5
    assert mcnemar_exact(0, 0) == 1.0


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 2000), st.integers(0, 2000))
def test_mcnemar_properties(b: int, c: int) -> None:
    p = mcnemar_exact(b, c)
    assert p == mcnemar_exact(c, b)
    assert 0 <= p <= 1
    assert b != c or p == 1.0
    assert mcnemar_exact(b, c + 1) <= p or c < b


@settings(deadline=None)  # a busy machine is no failure
@given(pairs_of)
def test_the_bootstrap_lies_within_the_gaps_and_is_the_same_each_time(
    pairs: list[tuple[float, float]],
) -> None:
    gaps = [after - before for before, after in pairs]
    mean = bootstrap_mean(gaps, resamples=200)
    assert min(gaps) - 1e-9 <= mean.low <= mean.high <= max(gaps) + 1e-9
    assert mean == bootstrap_mean(gaps, resamples=200)
    turned = bootstrap_mean([-gap for gap in gaps], resamples=200)
    assert turned == pytest.approx((-mean.value, -mean.high, -mean.low), abs=1e-9)


def test_the_bootstrap_agrees_with_the_normal_interval_on_many_rows() -> None:
    test = PairedTest.of([0.0] * 1000, [1.0] * 300 + [0.0] * 700)
    spread = 1.96 * math.sqrt(0.3 * 0.7 / 1000)
    assert (test.difference, test.low, test.high) == pytest.approx(
        (0.3, 0.3 - spread, 0.3 + spread), abs=2e-3
    )
    assert (test.rows, test.lower, test.higher, test.discordant) == (1000, 0, 300, 300)


@pytest.mark.parametrize(("bad", "told"), [(([], []), "at least one"), (([1.0], [1.0, 2.0]), "equally long")])
def test_rows_that_make_no_pairs_are_refused(bad: tuple[list[float], list[float]], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        PairedTest.of(*bad)


def test_two_methods_are_compared_on_the_rows_that_both_have() -> None:
    failed, passed, lost = Outcome.FAILED, Outcome.PASSED, Outcome.UNSCORED
    before = score("a", [failed] * 6 + [passed, lost, failed])
    after = score("b", [passed] * 6 + [failed, failed, lost])
    test = PairedTest.of_scores(before, after)
    assert test is not None
    assert test.difference == pytest.approx(-5 / 7)
    assert -1 <= test.low < test.difference < test.high < 0
    assert (test.rows, test.lower, test.higher, test.test) == (7, 6, 1, "McNemar")
    assert test.p_value == mcnemar_exact(6, 1)
    assert PairedTest.of_scores(before, None) is None
    assert PairedTest.of_scores(before, score("c", [])) is None


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.tuples(outcomes, outcomes), max_size=12))
def test_the_difference_lies_in_its_interval_and_turns_round(pairs: list[tuple[Outcome, Outcome]]) -> None:
    before, after = score("a", [old for old, _ in pairs]), score("b", [new for _, new in pairs])
    there, back = PairedTest.of_scores(before, after), PairedTest.of_scores(after, before)
    assert (there is None) == (back is None) == all(Outcome.UNSCORED in pair for pair in pairs)
    if there and back:
        assert -1 <= there.low <= there.difference + 1e-12
        assert there.difference <= there.high + 1e-12 <= 1 + 2e-12
        assert there.difference == -back.difference
        assert there.p_value == back.p_value
        assert (there.lower, there.higher) == (back.higher, back.lower)


def test_means_over_seeds_are_put_to_the_sign_test() -> None:
    test = PairedTest.of([0.5, 0.5, 1.0, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0, 0.5])
    assert test.test == "sign test"
    assert test.p_value == mcnemar_exact(3, 1)


def test_means_that_differ_by_rounding_are_the_same() -> None:
    """The same points of three seeds, added up in another order."""
    first, second = (0.1 + 0.2) + 0.3, 0.1 + (0.2 + 0.3)
    assert first != second
    test = PairedTest.of([first / 3] * 9, [second / 3] * 9)
    assert (test.lower, test.higher, test.p_value) == (0, 0, 1.0)


def test_a_comparison_is_told_in_one_way() -> None:
    test = PairedTest(-0.0833, -0.1667, 0.0, p_value=0.25)
    assert str(test) == "-8.3% [-16.7%, +0.0%], McNemar p = 0.250"
    assert str(PairedTest(-0.5, -0.75, -0.25, p_value=1e-6)).endswith("McNemar p < 0.001")
    assert str(PairedTest(0.1, 0.0, 0.2)) == "+10.0% [+0.0%, +20.0%]"
