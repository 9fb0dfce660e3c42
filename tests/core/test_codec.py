"""Methods and steps: whatever they hold, JSON gives back the same."""

from __future__ import annotations

import json

from hypothesis import given, settings

from any_records import METHODS, STEPS
from autoevol.core.codec import decode_method, decode_step, encode_method, encode_step
from autoevol.core.records import Method, Step


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_any_step_survives_json(any_step: Step) -> None:
    assert decode_step(json.loads(json.dumps(encode_step(any_step)))) == any_step


@settings(max_examples=100, deadline=None)
@given(METHODS)
def test_any_method_survives_json(method: Method) -> None:
    again = decode_method(json.loads(json.dumps(encode_method(method))))
    assert (again, again.id) == (method, method.id)
