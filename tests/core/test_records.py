"""A method is the same method wherever its text was read from."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autoevol.core.codec import decode_method, encode_method
from autoevol.core.records import Mark, Method, Outcome, Score
from autoevol.programs import COMPACT, INITIAL, WEAK
from autoevol.signatures.evolve import Evolve


@given(st.permutations([0.1, 0.2, 0.3, 0.7, 1 / 3, 2 / 3]))
def test_which_row_has_which_points_does_not_change_the_loss(points: list[float]) -> None:
    marks = {f"r{number}": Mark(Outcome.PASSED, points=one) for number, one in enumerate(points)}
    assert Score("m", marks).loss == Score("m", dict(reversed(marks.items()))).loss


texts = st.text(alphabet=st.sampled_from(" \t\n\r\x0b\xa0\u2028ab-"), max_size=60) | st.text(max_size=40)


@given(texts)
@example("\nStep 1:\n  - a")
@example("\n    Step 1:\n      - a\n    Step 2:")
@example("a\n\n   \n\tb\n  c\n")
def test_a_method_reads_back_from_its_own_json_as_itself(text: str) -> None:
    method = Method(text)
    assert decode_method(encode_method(method)).id == method.id
    assert Method(method.text).text == method.text


@given(texts.filter(str.strip))
@example("\nStep 1:\n  - a")
def test_a_method_is_what_dspy_makes_of_its_text(text: str) -> None:
    method = Method(text)
    signature = Evolve.with_instructions(method.text)
    assert Method(signature.instructions).id == method.id


@pytest.mark.parametrize("method", [COMPACT, INITIAL, WEAK, Method("Step 1:\n- a\n  - b\nStep 2:")])
def test_the_id_of_an_ordinary_method_is_that_of_its_text_as_dspy_keeps_it(method: Method) -> None:
    assert method.text == inspect.cleandoc(method.text).strip()
    assert Method(f"\n{method.text}\n", method.demos).id == method.id
