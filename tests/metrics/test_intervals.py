"""Statistics against published values, then their properties."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.metrics.intervals import kappa, mcc, wilson

counts = st.integers(0, 300)


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
