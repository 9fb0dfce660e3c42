"""-v and --log-file: every retry, refusal and pause, once, masked, and as text."""

from __future__ import annotations

import logging
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from autoevol.core.errors import EndpointDown
from autoevol.lm.budget import Caps
from autoevol.lm.events import CallEvent
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from command_line import command, lines, seed_file
from servers import Answer, Endpoint, refuses, says

EVOLVED = says("<final_instruction>\nName two rivers in Asia.\n</final_instruction>")
OOPS = refuses(500, "oops", Retry_After="0.01")
KEY = "sk-proj-0123456789abcdefghij"
HOSTILE = "\x1b[2J\x9b31m\u202e[red]\nsecond line"


def evolve(tmp_path: Path, answers: list[Answer], *words: object, **environment: str) -> Any:
    """One row of one seed at an endpoint with these answers, with a log."""
    seeds = seed_file(tmp_path, ["Name a river."])
    with Endpoint(answers) as endpoint:
        where = ["--api-base", endpoint.url, "--evol-model", "my-model", "--log-file", tmp_path / "log.jsonl"]
        return command("evolve", seeds, "--out", tmp_path / "run", *where, *words, **environment)


def events(tmp_path: Path, name: str = "") -> list[dict[str, Any]]:
    """What the log holds, or the events of one name in it."""
    return [line for line in lines(tmp_path / "log.jsonl") if not name or line["event"] == name]


def test_a_pause_and_a_retry_are_told_with_all_that_is_known_of_them(tmp_path: Path) -> None:
    faults = [
        refuses(429, "slow down", Retry_After="0.01"),
        OOPS,
        EVOLVED,
    ]
    done = evolve(tmp_path, faults, "-v")
    assert done.exit_code == 0, done.output
    (pause,), (retry,) = events(tmp_path, "pause"), events(tmp_path, "retry")
    assert (pause["role"], pause["model"], pause["attempt"]) == ("evol", "openai/my-model", 1)
    assert (pause["reason"], retry["reason"]) == ("rate_limited", "server_error")
    assert re.fullmatch(r"127\.0\.0\.1:\d+", pause["host"])
    assert (pause["wait"], retry["attempt"]) == (0.01, 2)
    assert pause["seconds"] >= 0
    assert "slow down" in pause["error"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", pause["time"])
    told = [line for line in done.stderr.splitlines() if "my-model" in line]
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d pause: evol model openai/my-model at 127\.0\.0\.1:\d+: rate limited in \d+\.\d s "
        r"at attempt 1, again in 0\.0 s: .*slow down.*",
        told[0],
    )
    assert len(told) == 2
    first, *_, last = events(tmp_path)
    assert (first["event"], first["command"]) == ("begin", "evolve")
    assert (last["event"], last["error"]) == ("end", "")
    assert "evolve: 1 rows" in [line.get("text") for line in events(tmp_path, "said")]


def test_without_v_the_file_alone_is_told(tmp_path: Path) -> None:
    done = evolve(tmp_path, [OOPS, EVOLVED])
    assert done.exit_code == 0
    assert events(tmp_path, "retry")
    assert "retry:" not in done.stderr


def test_a_call_that_is_given_up_a_key_that_is_refused_and_a_budget_are_told(tmp_path: Path) -> None:
    assert evolve(tmp_path, [EVOLVED, refuses(400, "no")]).exit_code == 1
    assert [event["reason"] for event in events(tmp_path, "failed")] == ["bad_request"]
    for name, error, answers, words, code in [
        ("denied", "AccessDenied", [refuses(401, "who are you")], [], 1),
        ("budget", "BudgetReached", [EVOLVED], ["--max-calls", 1], 3),
    ]:
        folder = tmp_path / name
        folder.mkdir()
        assert evolve(folder, answers, *words).exit_code == code
        (event,) = events(folder, name)
        assert event["reason"] == {"denied": "access_denied", "budget": "budget_reached"}[name]
        assert events(folder)[-1]["event"] == "end"
        assert events(folder)[-1]["error"].startswith(error)


def test_an_endpoint_is_probed_before_it_is_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    policy = RetryPolicy(attempts=1, breaker=2)
    with (
        caplog.at_level(logging.INFO, "autoevol"),
        Endpoint([says("yes"), refuses(500, "oops")]) as endpoint,
        Session(tmp_path / "c.sqlite", retry=policy) as session,
    ):
        lm = session.lm("m", api_base=endpoint.url)
        lm("a")
        with pytest.raises(Exception, match="oops"):
            lm("b")
        with pytest.raises(EndpointDown):
            lm("c")
    told = [record.msg for record in caplog.records if isinstance(record.msg, CallEvent)]
    assert [(event.event, event.reason) for event in told] == [
        ("failed", "server_error"),
        ("failed", "server_error"),
        ("probe", "silent"),
        ("down", "server_error"),
    ]


def test_a_library_is_silent_where_nobody_listens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = [OOPS, says("yes")]
    with (
        Endpoint(answers) as endpoint,
        Session(tmp_path / "c.sqlite", caps=Caps(calls=1)) as session,
    ):
        assert session.lm("m", api_base=endpoint.url)("a") == ["yes"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("client", ["aiohttp", "openai"])
def test_keys_and_what_steers_a_terminal_are_in_no_line(client: str, tmp_path: Path) -> None:
    answers = [refuses(500, f"{KEY} {HOSTILE}", Retry_After="0.01"), EVOLVED]
    words = ["-v", "--evol-model", f"m{HOSTILE}", "--client", client]
    done = evolve(tmp_path, answers, *words, OPENAI_API_KEY=KEY)
    assert done.exit_code == 0, done.output
    content = (tmp_path / "log.jsonl").read_bytes().decode("utf-8")
    for shown in (done.stderr, content):
        assert "retry" in shown
        assert KEY[:12] not in shown
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown)
    (retry,) = events(tmp_path, "retry")
    assert "[red] second line" in retry["error"], "one line, whatever the server sent"


def test_a_line_is_told_once_whatever_handlers_others_have_set(tmp_path: Path) -> None:
    theirs: list[logging.LogRecord] = []

    class Root(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            theirs.append(record)

    handler = Root(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    try:
        done = evolve(tmp_path, [OOPS, EVOLVED], "-v")
    finally:
        logging.getLogger().removeHandler(handler)
    assert done.stderr.count("retry: ") == 1
    assert len(events(tmp_path, "retry")) == 1
    assert not [record for record in theirs if record.name.startswith("autoevol")]
    assert logging.getLogger("autoevol.lm").propagate, "as it was before"
    assert [type(one) for one in logging.getLogger("autoevol.lm").handlers] == [logging.NullHandler]


def test_a_log_grows_and_is_its_owners_alone(tmp_path: Path) -> None:
    for _ in range(2):
        assert evolve(tmp_path, [EVOLVED]).exit_code == 0
    assert [line["event"] for line in events(tmp_path)].count("begin") == 2
    assert stat.S_IMODE((tmp_path / "log.jsonl").stat().st_mode) == 0o600


def test_a_log_that_cannot_be_written_is_told_before_anything_is_paid(tmp_path: Path) -> None:
    done = evolve(tmp_path, [EVOLVED], "--log-file", tmp_path / "nowhere" / "log")
    assert done.exit_code == 2
    assert "--log-file" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_of_the_log_ends_no_run(tmp_path: Path) -> None:
    done = evolve(tmp_path, [EVOLVED], "--log-file", "/dev/full")
    assert done.exit_code == 0
    assert "--log-file /dev/full is not whole" in done.stderr
