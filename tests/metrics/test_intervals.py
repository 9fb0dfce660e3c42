"""Statistics against published values, then their properties."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.metrics.intervals import kappa, mcc, mcnemar_exact, paired_bootstrap, wilson

counts = st.integers(0, 300)
scores = st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=40)


# Newcombe (1998), Statistics in Medicine 17, table I, method 3.
@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_published(hits: int, total: int, low: float, high: float) -> None:
    assert wilson(hits, total) == pytest.approx((low, high), abs=5e-5)


@given(counts, counts)
def test_wilson_holds_the_proportion(hits: int, misses: int) -> None:
    low, high = wilson(hits, hits + misses)
    assert 0 <= low <= high <= 1
    if hits + misses:
        assert low <= hits / (hits + misses) <= high
        assert wilson(misses, hits + misses) == pytest.approx((1 - high, 1 - low))


# Agresti, Categorical Data Analysis: approval of a prime minister, 150 and 86 changed sides.
def test_mcnemar_published() -> None:
    assert mcnemar_exact(86, 150) == pytest.approx(3.716e-05, rel=1e-3)
    assert mcnemar_exact(0, 5) == 2 / 2**5
    assert mcnemar_exact(0, 0) == 1.0


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_mcnemar_properties(b: int, c: int) -> None:
    p = mcnemar_exact(b, c)
    assert p == mcnemar_exact(c, b)
    assert 0 <= p <= 1
    assert b != c or p == 1.0
    assert mcnemar_exact(b, c + 1) <= p or c < b


# Worked examples of the textbook kind: 50 and 100 items rated by two.
@pytest.mark.parametrize(
    ("table", "value"),
    [((20, 5, 10, 15), 0.4), ((45, 15, 25, 15), 0.1304), ((25, 35, 5, 35), 0.2593), ((7, 0, 0, 3), 1.0)],
)
def test_kappa_published(table: tuple[int, int, int, int], value: float) -> None:
    assert kappa(*table) == pytest.approx(value, abs=5e-5)


@given(counts, counts, counts, counts)
def test_kappa_and_mcc_properties(a: int, b: int, c: int, d: int) -> None:
    assert -1 - 1e-9 <= mcc(a, b, c, d) <= 1 + 1e-9
    assert mcc(a, b, c, d) == pytest.approx(mcc(a, c, b, d))
    assert mcc(a, b, c, d) == pytest.approx(-mcc(b, a, d, c))
    if a + b + c + d:
        assert -1 - 1e-9 <= kappa(a, b, c, d) <= 1
        assert kappa(a, b, c, d) == pytest.approx(kappa(d, c, b, a))
        # Both correct for chance: they agree in sign wherever both are defined.
        assert (kappa(a, b, c, d) > 1e-12) == (a * d > b * c) or mcc(a, b, c, d) == 0


def test_mcc_published() -> None:
    # Chicco and Jurman (2020), BMC Genomics 21:6, use case A1; then the usual cats-and-dogs example.
    assert mcc(90, 9, 1, 0) == pytest.approx(-0.03, abs=5e-3)
    assert mcc(6, 1, 2, 3) == pytest.approx(0.478, abs=5e-4)
    assert mcc(5, 0, 0, 5) == 1.0


def test_no_items_is_not_zero_agreement() -> None:
    assert math.isnan(kappa(0, 0, 0, 0))


@given(scores, st.integers(0, 5))
def test_bootstrap_properties(pairs: list[tuple[float, float]], seed: int) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    found = paired_bootstrap(first, second, resamples=200, seed=seed)
    gaps = [b - a for a, b in pairs]
    assert min(gaps) - 1e-9 <= found.low <= found.high <= max(gaps) + 1e-9
    assert found == paired_bootstrap(first, second, resamples=200, seed=seed)
    turned = paired_bootstrap(second, first, resamples=200, seed=seed)
    assert turned == pytest.approx((-found.difference, -found.high, -found.low), abs=1e-9)


def test_bootstrap_agrees_with_the_normal_interval_on_many_rows() -> None:
    gaps = [1.0] * 300 + [0.0] * 700
    found = paired_bootstrap([0.0] * 1000, gaps)
    spread = 1.96 * math.sqrt(0.3 * 0.7 / 1000)
    assert found == pytest.approx((0.3, 0.3 - spread, 0.3 + spread), abs=2e-3)


@pytest.mark.parametrize("bad", [([], []), ([1.0], [1.0, 2.0])])
def test_bootstrap_refuses_unpaired_rows(bad: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match="equally long"):
        paired_bootstrap(*bad)
