"""The contract of all text detectors, the worst input included, and how an ensemble decides."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core.records import FailureKind, Outcome
from autoevol.metrics.base import Detector
from autoevol.metrics.ensemble import Ensemble
from autoevol.metrics.growth import counted, derivable
from autoevol.metrics.severity import FATAL_KINDS, HARMLESS_KINDS, SEVERITY
from autoevol.metrics.textual import View, value_of
from detector_cases import ENSEMBLE, HARDER, SUM, case, kinds

MEMBERS = [*ENSEMBLE.gate, *ENSEMBLE.detectors]


def test_severity_orders_every_kind_once() -> None:
    assert sorted(SEVERITY) == sorted(FailureKind)
    assert set(FailureKind) == FATAL_KINDS | HARMLESS_KINDS
    assert not FATAL_KINDS & HARMLESS_KINDS


def test_every_member_keeps_the_contract() -> None:
    for member in MEMBERS:
        assert isinstance(member, Detector)
        assert member.calls == 0
    assert len({member.name for member in MEMBERS}) == len(MEMBERS)
    assert ENSEMBLE.kinds == set(FailureKind)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200), st.none() | st.text(max_size=200), st.none() | st.text(max_size=200))
def test_any_text_gets_a_verdict(seed: str, evolved: str | None, response: str | None) -> None:
    trajectory = case(seed, evolved, response)
    for member in MEMBERS:
        verdict = member.judge(trajectory)
        assert verdict == member.judge(trajectory)
        assert (verdict.outcome is Outcome.FAILED) == bool(verdict.kinds)
        assert member.kinds.issuperset(verdict.kinds)
        assert bool(verdict.reason) == bool(verdict.kinds)


@given(st.text("0123456789.,%", min_size=1, max_size=60))
def test_any_number_has_a_value(digits: str) -> None:
    assert value_of(digits) >= 0


def test_numbers_of_a_view() -> None:
    assert View("From 1,600 to .5 in 2.5% of 3 cases").values == [1600, 0.5, 2.5, 3]
    # In the order of the text, not of a set: the order decides which few are looked at first.
    assert View("Half a dozen of seven, twice, and 5").quantities == [5, 0.5, 12, 7, 2]


@settings(deadline=None)
@given(st.text() | st.text("0.,five halfé一’' -", max_size=80))
def test_places_of_numbers_are_those_of_the_text(text: str) -> None:
    seen = View(text)
    for (value, start, end), digits in zip(seen.numbers, seen.digits, strict=True):
        assert seen.lower[start:end] == digits
        assert value == value_of(digits) >= 0
    for value, _, place in counted(seen):
        assert value in seen.quantities
        assert seen.lower[place : place + 1].strip()


PATTERNS = [
    "a", " ", "\n", "1", "1 ", "1+", "1=", "[", "[a ", "{{", "#a ", "```\n", "?", "? ", ". ", '"', "either ",
    "first, add ", "Tom's age is 1 ", "= 1.5 ", "total ", "at most 1 ", "please provide ", "\u4e00", "é",
    "\u3042\u3000", "half ", ",", "step 1\n", "he must add ", "http://a.b/ ", "<", "- a\n", "1,1", "a'", "“",
]  # fmt: skip


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
@pytest.mark.timeout(600)
def test_a_megabyte_of_malice_is_judged(member: Detector) -> None:
    """A pattern that costs the square of a text would take hours; `make bench` prints the milliseconds."""
    for number, pattern in enumerate(PATTERNS):
        text = (pattern * (1_000_000 // len(pattern)))[:1_000_000]
        trajectory = case(
            f"{SUM} {number} {text[:500_000]}",
            f"{number} {HARDER} {text}",
            f"{number} {text} = 3. The answer is",
        )
        assert member.judge(trajectory).outcome in Outcome


def test_an_ensemble_keeps_all_findings_and_stops_at_its_gate() -> None:
    both = case(SUM, HARDER + "\nAnswer: 2", "I'm sorry, but I can't help with that.")
    assert kinds(both)[0] == "refused"
    assert "answered" in kinds(both)
    only = Ensemble(ENSEMBLE.detectors[:1], name="one")
    assert only.judge(both).outcome is Outcome.PASSED
    assert only.kinds == {FailureKind.LEAKED}


numbers = st.integers(1, 50).map(float)


@given(st.lists(numbers, min_size=2, max_size=10), st.data())
def test_what_one_operation_gives_is_derivable_in_any_order(
    given_numbers: list[float], data: st.DataObject
) -> None:
    a, b = data.draw(st.permutations(given_numbers))[:2]
    for value in (a + b, a - b, a * b, a / b):
        assert derivable(value, given_numbers)
        assert derivable(value, given_numbers[::-1])
    assert not derivable(1e9, given_numbers)
