"""A request that an endpoint refuses for good is answered: stored, and not asked again by a resume."""

from __future__ import annotations

from pathlib import Path

import pytest
from dspy import lm15

from asking import LATER, ask, request
from autoevol.core.context import in_scope
from autoevol.lm.recorder import Recorder
from autoevol.lm.retry import RetryPolicy, error_of, reason_of, refusal_of
from autoevol.store.calls import CallStore
from autoevol.testing import ScriptedTransport

REFUSALS = [
    lm15.InvalidRequestError("no", status=400),
    lm15.ContextLengthError("too long", status=413),
    lm15.CapabilityError("no pictures"),
    lm15.InvalidRequestError("filtered", status=400, provider_code="content_filter"),
]


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: error.message)
@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_a_resume_is_told_what_the_first_run_was_told(
    error: lm15.LM15Error, temperature: float, tmp_path: Path
) -> None:
    transport = ScriptedTransport([error])
    told = []
    for _ in range(2):
        store = CallStore(tmp_path / "calls.sqlite", power_safe=False)
        with pytest.raises(type(error)) as caught:
            ask(Recorder(store), transport, request(temperature=temperature), scope="row")
        told.append((str(caught.value), caught.value.status, reason_of(caught.value)))
        store.close()
    assert told[0] == told[1]
    assert len(transport.requests) == 1


def test_half_a_character_in_a_refusal_does_not_stop_the_store(store: CallStore) -> None:
    """Gateways that count UTF-16 units cut the text that they repeat within an emoji."""
    recorder = Recorder(store)
    transport = ScriptedTransport([lm15.InvalidRequestError("cut at \ud83d", status=400), "fine"])
    with pytest.raises(lm15.InvalidRequestError):
        ask(recorder, transport, request("one"))
    assert ask(recorder, transport, request("two")).text == "fine"
    with pytest.raises(lm15.InvalidRequestError, match="cut at \ufffd"):
        ask(recorder, transport, request("one"))


def test_what_may_succeed_later_is_asked_again(store: CallStore) -> None:
    transport = ScriptedTransport([LATER, "fine"])
    with pytest.raises(lm15.ServerError):
        ask(Recorder(store, retry=RetryPolicy(attempts=1)), transport)
    assert ask(Recorder(store), transport).text == "fine"


def test_a_scope_that_asks_again_does(store: CallStore) -> None:
    transport = ScriptedTransport(
        [lm15.InvalidRequestError("no"), lm15.InvalidRequestError("still no"), "fine"]
    )
    recorder = Recorder(store)
    for words in ("no", "still no"):
        with in_scope("bulk", again=True), pytest.raises(lm15.InvalidRequestError, match=words):
            ask(recorder, transport)
    with pytest.raises(lm15.InvalidRequestError, match="still no"):
        ask(recorder, transport)
    with in_scope("bulk", again=True), in_scope("row"):
        assert ask(recorder, transport).text == "fine"
    assert ask(recorder, transport).text == "fine", "a reply counts more than a refusal before it"


def test_another_run_asks_for_itself(tmp_path: Path) -> None:
    transport = ScriptedTransport([lm15.InvalidRequestError("no"), "fine"])
    one, two = (CallStore(tmp_path / "shared.sqlite", run, power_safe=False) for run in ("one", "two"))
    with pytest.raises(lm15.InvalidRequestError):
        ask(Recorder(one), transport)
    assert ask(Recorder(two), transport).text == "fine"
    one.close()
    two.close()


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: error.message)
def test_a_stored_refusal_is_the_same_error(error: lm15.LM15Error) -> None:
    again = error_of(refusal_of(("key", 0), error))
    assert (type(again), str(again), again.status) == (type(error), str(error), error.status)
    assert again.provider_code == error.provider_code
