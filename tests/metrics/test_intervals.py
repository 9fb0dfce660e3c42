"""Statistics against published values, then their properties."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.metrics.intervals import clopper_pearson, kappa, mcc, wilson

counts = st.integers(0, 300)


# Newcombe (1998), Statistics in Medicine 17, table I, method 3.
@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_published(hits: int, total: int, low: float, high: float) -> None:
    assert wilson(hits, total) == pytest.approx((low, high), abs=5e-5)


# The same table, method 5.
@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_clopper_pearson_published(hits: int, total: int, low: float, high: float) -> None:
    assert clopper_pearson(hits, total) == pytest.approx((low, high), abs=5e-5)


@given(counts, counts)
def test_clopper_pearson_holds_the_proportion_and_is_wider_than_wilson_s(hits: int, misses: int) -> None:
    total = hits + misses
    low, high = clopper_pearson(hits, total)
    assert 0 <= low <= high <= 1
    if total:
        assert low <= hits / total <= high
        assert high - low >= 0.9 * (wilson(hits, total).high - wilson(hits, total).low)
        assert clopper_pearson(misses, total) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.5, 0.9])
def test_clopper_pearson_covers_at_least_as_often_as_it_says(rate: float) -> None:
    total = 40
    held = [hits for hits in range(total + 1) if clopper_pearson(hits, total).low <= rate]
    held = [hits for hits in held if rate <= clopper_pearson(hits, total).high]
    covered = sum(math.comb(total, hits) * rate**hits * (1 - rate) ** (total - hits) for hits in held)
    assert covered >= 0.95


def test_clopper_pearson_takes_large_counts() -> None:
    low, high = clopper_pearson(8_700, 14_042)
    assert (low, high) == pytest.approx((0.6115, 0.6276), abs=1e-4)


@given(counts, counts)
def test_wilson_holds_the_proportion(hits: int, misses: int) -> None:
    low, high = wilson(hits, hits + misses)
    assert 0 <= low <= high <= 1
    if hits + misses:
        assert low <= hits / (hits + misses) <= high
        assert wilson(misses, hits + misses) == pytest.approx((1 - high, 1 - low))


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
