"""`autoevol doctor`: what it finds, what it costs, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

import autoevol as ae
from autoevol.commands.doctor import MOST_CALLS
from autoevol.reports.doctor import DoctorReport
from command_line import command, printed
from servers import Answer, Endpoint, refuses, says


def whole(body: dict[str, Any]) -> Answer:
    """A reply that counts a token for each word of its prompt."""
    return says("The Rhine.", usage=(len(body["messages"][-1]["content"].split()) + 8, 20))


def at(endpoint: Endpoint) -> list[str]:
    return ["--evol-model", "served", "--api-base", endpoint.url]


def test_a_good_endpoint_is_usable_and_its_flags_are_told_in_80_columns() -> None:
    with Endpoint(whole) as endpoint:
        done = command("doctor", *at(endpoint), "--api-key-env", "MY_KEY", MY_KEY="sk-secret-0123456")
        assert len(endpoint.seen) == MOST_CALLS
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines())) <= 80
    told = " ".join(done.stdout.split())
    assert f"flags --evol-model served --api-base {endpoint.url} --api-key-env MY_KEY" in told
    assert "LM calls paid 6" in told
    assert "warning" not in told
    assert "sk-secret" not in done.output


def test_four_requests_are_sent_at_once() -> None:
    served: list[Endpoint] = []

    def held(body: dict[str, Any]) -> Answer:
        """The four come back when all of them are there."""
        alone = "Begin with number" not in body["messages"][-1]["content"]
        return whole(body).once(lambda: alone or served[0].most_at_once >= 4)

    with Endpoint(held) as endpoint:
        served.append(endpoint)
        done = command("doctor", *at(endpoint), "--json")
    (found,) = printed(done)["endpoints"]
    assert endpoint.most_at_once == 4
    assert found["speed"]["sent_at_once"] == 4
    assert 1 <= found["speed"]["served_at_once"] <= 4


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (refuses(401, "Incorrect API key", "invalid_api_key"), "check the API key"),
        (refuses(404, "no such model", "model_not_found"), "the endpoint offers served-8b"),
        (refuses(400, "something else entirely"), "something else entirely"),
        (refuses(402, "insufficient balance"), "no credit"),
    ],
)
def test_what_cannot_be_used_says_why_after_one_request(answer: Answer, told: str) -> None:
    with Endpoint([answer], models=["served-8b"]) as endpoint:
        done = command("doctor", *at(endpoint), "--json")
        assert len(endpoint.seen) == 1
    assert done.exit_code == 1
    (found,) = printed(done)["endpoints"]
    assert told in found["problem"]
    assert found["models"] == ["served-8b"]
    assert printed(done)["schema"] == "autoevol.doctor/1"


def test_thinking_to_the_limit_is_told_with_the_flag_to_raise() -> None:
    thought = says("<think>" + "Hm. " * 20, "length", usage=(6100, 100))
    with Endpoint([thought]) as endpoint:
        done = command("doctor", *at(endpoint), "--reply-tokens", 100, "--json")
    (found,) = printed(done)["endpoints"]
    assert any("by nothing but thinking" in warning for warning in found["warnings"])
    assert found["flags"][-2:] == ["--reply-tokens", "400"]


def test_bad_input_ends_before_anything_is_asked() -> None:
    with Endpoint(whole) as endpoint:
        done = command("doctor", *at(endpoint), "--api-key-env", "NOT_SET_ANYWHERE")
        assert (done.exit_code, endpoint.seen) == (2, [])
        assert "NOT_SET_ANYWHERE" in done.stderr


def test_a_cap_holds_here_too() -> None:
    with Endpoint(whole) as endpoint:
        assert command("doctor", *at(endpoint), "--max-calls", 3).exit_code == 3
        assert len(endpoint.seen) == 3


def test_roles_at_endpoints_of_their_own_are_asked_each_once() -> None:
    with Endpoint(whole) as evol, Endpoint(whole) as judge:
        report = ae.doctor(evol_model="m", api_base=evol.url, judge_model="j", judge_api_base=judge.url)
        assert (len(evol.seen), len(judge.seen)) == (MOST_CALLS, MOST_CALLS)
    assert [one.roles for one in report.endpoints] == [("evol", "respond", "optimizer"), ("judge",)]
    assert report.usable
    assert report.ledger.total.calls == 2 * MOST_CALLS
    assert DoctorReport.from_json(report.to_json()) == report
    assert "usable" in repr(report)
