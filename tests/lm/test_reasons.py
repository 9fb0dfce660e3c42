"""One word for why a call failed."""

from __future__ import annotations

import pytest
from dspy import lm15
from dspy.clients.errors import error_boundary
from dspy.utils.exceptions import LMError

from asking import ask, limited
from autoevol.core import aio
from autoevol.lm.http import HTTPTransport
from autoevol.lm.recorder import Recorder
from autoevol.lm.retry import RetryPolicy, reason_of
from autoevol.store.calls import CallStore
from servers import Answer, Endpoint, html, refuses, resets, says


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (limited(1.0), "rate_limited"),
        (lm15.ServerError("x"), "server_error"),
        (lm15.ServerError("x", provider_code="unreadable_reply"), "unreadable_reply"),
        (lm15.TimeoutError("x"), "timeout"),
        (lm15.TransportError("x"), "unreachable"),
        (lm15.InvalidRequestError("x"), "bad_request"),
        (lm15.InvalidRequestError("x", provider_code="content_filter"), "content_filter"),
        (lm15.ContextLengthError("x"), "bad_request"),
        (lm15.UnsupportedFeatureError("x"), "bad_request"),
        (lm15.AuthError("x"), "access_denied"),
        (lm15.BillingError("x"), "no_credit"),
        (lm15.UnsupportedModelError("x"), "unknown_model"),
        (lm15.ConfigurationError("x"), "misconfigured"),
        (ValueError("x"), "unexpected"),
    ],
)
def test_the_reason_of_a_failure_is_one_word_also_after_dspy_has_wrapped_it(
    error: Exception, reason: str
) -> None:
    assert reason_of(error) == reason
    with pytest.raises(LMError) as wrapped, error_boundary("m", unexpected=True):
        raise error
    assert reason_of(wrapped.value) == reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refuses(400, "no", "content_filter"), "content_filter"),
        (refuses(400), "bad_request"),
        (refuses(500), "server_error"),
        (html(), "unreadable_reply"),
        (resets(), "unreachable"),
        (says("x").after(3600.0), "timeout"),
    ],
)
def test_the_reason_of_a_failure_over_the_wire(store: CallStore, answer: Answer, reason: str) -> None:
    with Endpoint([answer]) as endpoint:
        transport = HTTPTransport("m", base_url=endpoint.url, timeout=0.15 if answer.delay else 120.0)
        with pytest.raises(lm15.LM15Error) as failed:
            ask(Recorder(store, retry=RetryPolicy(attempts=1)), transport)
        aio.run_and_wait(transport.aclose())
    assert reason_of(failed.value) == reason
