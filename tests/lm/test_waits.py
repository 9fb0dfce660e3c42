"""A minute is waited for, a day is not; and whoever wants to know is told who waits until when."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from dspy import lm15

from asking import ask_all, limited, request
from autoevol.core.errors import AccessDenied
from autoevol.core.masking import Mask
from autoevol.core.status import Pause
from autoevol.lm.recorder import Recorder
from autoevol.lm.refusals import read_refusal
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from autoevol.store.calls import CallStore
from autoevol.testing import ScriptedTransport
from servers import Endpoint, as_json, says


def refusal(status: int, data: Any, **headers: str) -> lm15.LM15Error:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_refusal(status, named, data, json.dumps(data).encode(), Mask())


def gemini(quota: str) -> dict[str, Any]:
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.074824224s"},
    ]
    message = "You exceeded your current quota, please check your plan and billing details."
    return {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details}}


AT_TEN = {"date": "Sun, 29 Nov 2026 10:00:00 GMT"}


@pytest.mark.parametrize(
    ("data", "headers", "wait"),
    [
        ({}, {"retry_after": "7"}, 7.0),
        ({}, {"retry_after_ms": "250"}, 0.25),
        (
            {},
            {"retry_after": "Sun, 29 Nov 2026 10:00:30 GMT", "date": "Sun, 29 Nov 2026 10:00:00 GMT"},
            30.0,
        ),
        (gemini("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), {}, 34.074824224),
        ([gemini("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")], {}, 34.074824224),
        ({"error": {"message": "slow", "details": [{"retryDelay": {"seconds": 3}}]}}, {}, 3.0),
        ({"error": {"message": "slow", "retry_after": 5}}, {}, 5.0),
        ({"error": {"message": "Limit 3 / min. Please try again in 20s."}}, {}, 20.0),
        ({"error": {"message": "Limit 3 / min. Please try again in 1m2.5s."}}, {}, 62.5),
        ({"error": {"message": "slow"}}, {}, None),
        ({"error": "Model x is currently loading", "estimated_time": 20.0}, {}, 20.0),
        ({}, {"retry_after": "2026-11-29T10:00:30Z", "date": "Sun, 29 Nov 2026 10:00:00 GMT"}, 30.0),
        ({}, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "30"}, 30.0),
        ({}, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1795946430", **AT_TEN}, 30.0),
        ({}, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1795946430000", **AT_TEN}, 30.0),
        ({}, {"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "1795946400", **AT_TEN}, 0.0),
        ({}, {"retry_after": "Fri, 31 Dec 9999 23:59:59 -2359", **AT_TEN}, 251606440739.0),
    ],
)
def test_how_long_a_server_wants_to_be_left_alone(
    data: Any, headers: dict[str, str], wait: float | None
) -> None:
    error = refusal(429, data, **headers)
    assert isinstance(error, lm15.RateLimitError)
    assert error.retry_after == wait


@pytest.mark.parametrize(
    "data",
    [
        {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}},
        {"error": {"message": "x", "type": "insufficient_quota"}},
        gemini("GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
        [gemini("GenerateRequestsPerDayPerProjectPerModel-FreeTier")],
        {"error": {"message": "Rate limit exceeded: free-models-per-day", "code": 429}},
        {"error": {"message": "Rate limit reached on tokens per day (TPD): Try again in 7m12s."}},
        {"error": {"message": "Your daily quota is used up"}},
        {"error": {"message": "You have reached your monthly usage limit"}},
        {"error": {"message": "Rate limit: 50 requests per 24 hours"}},
        {
            "error": {
                "message": "You exceeded your current quota, please check your plan and billing details."
            }
        },
        {"error": {"message": "Provider returned error", "metadata": {"raw": "Insufficient credits"}}},
    ],
)
def test_what_no_run_waits_for(data: Any) -> None:
    assert isinstance(refusal(429, data), lm15.BillingError)


def test_a_limit_per_minute_that_names_the_day_as_well_is_waited_for() -> None:
    said = "Limits: 3 requests per minute, 200 requests per day."
    assert isinstance(refusal(429, {"error": {"message": said}}), lm15.RateLimitError)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([{"error": {"code": 400, "message": "API key not valid."}}], "API key not valid."),
        ({"error": {"message": "Provider returned error", "metadata": {"raw": "No luck"}}}, "No luck"),
        ({"error": '{"error": {"message": "No luck"}}'}, "No luck"),
        ({"error": {"message": 'Error code: 400 - {"error": {"message": "No luck"}}'}}, "No luck"),
        ({"detail": [{"loc": ["body", "x"], "msg": "No luck"}]}, "No luck"),
        ({"message": "No luck"}, "No luck"),
        ({"errors": [{"message": "No luck"}]}, "No luck"),
        ("No luck", "No luck"),
    ],
)
def test_the_server_s_own_words_come_out_of_whatever_they_are_wrapped_in(data: Any, said: str) -> None:
    text = str(refusal(400, data)).partition("\n")[0]
    assert said in text
    assert "{" not in text


@pytest.mark.parametrize(
    ("status", "data", "kind"),
    [
        (400, [{"error": {"message": "API key not valid. Please pass one."}}], lm15.AuthError),
        (403, {"error": {"message": "x", "code": "invalid_api_key"}}, lm15.AuthError),
        (403, {"error": {"message": "This input was flagged"}}, lm15.InvalidRequestError),
        (400, {"error": {"message": "Model Not Exist"}}, lm15.UnsupportedModelError),
        (400, {"error": {"message": "x is not a valid model ID"}}, lm15.UnsupportedModelError),
        (
            400,
            {"error": {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
            lm15.InvalidRequestError,
        ),
        (400, {"error": {"innererror": {"code": "ResponsibleAIPolicyViolation"}}}, lm15.InvalidRequestError),
        (500, {"error": {"message": "Model not found in cache"}}, lm15.ServerError),
        (
            400,
            {"error": {"message": "Model llama-3.1 has been decommissioned"}},
            lm15.UnsupportedModelError,
        ),
        (410, {"error": {"message": "It is gone"}}, lm15.UnsupportedModelError),
        (429, {"error": {"message": "Request too large for m on tokens per min"}}, lm15.InvalidRequestError),
        (500, {"error": {"message": "x", "code": "context_length_exceeded"}}, lm15.InvalidRequestError),
        (500, {"error": {"message": "maximum context length is 4096 tokens"}}, lm15.InvalidRequestError),
        (413, {"error": {"message": "x", "code": "rate_limit_exceeded"}}, lm15.InvalidRequestError),
        (451, {"error": {"message": "Unavailable For Legal Reasons"}}, lm15.InvalidRequestError),
        (503, {"error": {"code": 503, "message": "Loading model"}}, lm15.RateLimitError),
        (503, {"error": {"code": 503, "message": "Loading is high"}}, lm15.ServerError),
        (420, {"error": "Enhance your calm"}, lm15.RateLimitError),
        (424, {"error": "Request failed during generation"}, lm15.ServerError),
        (499, {"error": "client closed"}, lm15.ServerError),
        (407, {"error": "Proxy Authentication Required"}, lm15.ConfigurationError),
        (511, {"error": "Log in"}, lm15.ConfigurationError),
    ],
)
def test_what_is_said_goes_before_the_status(status: int, data: Any, kind: type[lm15.LM15Error]) -> None:
    error = refusal(status, data)
    assert type(error) is kind
    filtered = "ResponsibleAI" in json.dumps(data)
    assert (error.provider_code == "content_filter") is filtered


def test_a_spent_quota_stops_the_run_at_once_with_the_server_s_words(tmp_path: Path) -> None:
    answer = as_json([gemini("GenerateRequestsPerDayPerProject")], 429, Retry_After="40")
    with Endpoint([answer]) as endpoint, Session(tmp_path / "c.sqlite") as session:
        with pytest.raises(AccessDenied, match="You exceeded your current quota"):
            session.lm("m", api_base=endpoint.url)("a")
        assert len(endpoint.seen) == 1


def test_a_429_in_a_200_is_waited_for_and_costs_no_attempt(tmp_path: Path) -> None:
    limit = as_json({"error": {"message": "free-models-per-min", "code": 429, "retry_after": 0.05}})
    policy = RetryPolicy(attempts=1)
    with (
        Endpoint([limit, limit, says("Hi")]) as endpoint,
        Session(tmp_path / "c.sqlite", retry=policy) as session,
    ):
        assert session.lm("m", api_base=endpoint.url)("a") == ["Hi"]
        assert [line.paid.calls for line in session.ledger()] == [1]


def test_listeners_are_told_how_many_wait_and_until_when(store: CallStore) -> None:
    answers: list[Any] = ["first", limited(0.3), limited(0.3)]
    transport = ScriptedTransport(lambda _: answers.pop(0) if answers else "later")
    recorder = Recorder(store, concurrency=2)
    told: list[Pause] = []
    recorder.wait_listeners.append(told.append)
    started = time.time()
    ask_all(recorder, transport, [request(str(n)) for n in range(6)])
    assert told[-1].endpoint == transport.identity.partition("|")[0]
    assert 1 <= told[-1].calls <= 5
    assert 0.1 < told[-1].until - started < 5
    assert recorder.waits() == []


def test_a_wait_without_a_time_is_told_too(store: CallStore) -> None:
    transport = ScriptedTransport([limited(), "Hi"])
    recorder = Recorder(store, retry=RetryPolicy(base=0.05))
    told: list[Pause] = []
    recorder.wait_listeners.append(told.append)
    ask_all(recorder, transport, [request()])
    assert [waiting.calls for waiting in told] == [1]
