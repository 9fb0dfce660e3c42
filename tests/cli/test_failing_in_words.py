"""What a user reads where nothing came of a command, and what can be mended in the same folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from command_line import command, lines, seed_file, summary
from servers import Answer, Endpoint, as_json, says

SEEDS = [f"Task {number}: describe how a bridge over a river is built." for number in range(12)]
LOOP = ("--dev-size", 4, "--holdout-size", 2, "--batch-size", 2, "--m", 1, "--steps", 1)


def good(body: dict[str, Any]) -> Answer:
    text = body["messages"][-1]["content"]
    if "between these two tags" not in text:
        return says(f"Here is the answer in full, with a reason for each step of it. ({text})")
    task = text.rpartition("#Instruction#:\n")[2]
    return says(f"<final_instruction>\n{task} Explain every step and its cost.\n</final_instruction>")


def refuses_key(body: dict[str, Any]) -> Answer:
    error = {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID"}
    return as_json([{"error": error}], 400)


def refuses_all(body: dict[str, Any]) -> Answer:
    return as_json([{"error": {"code": 400, "message": "this template knows no system role"}}], 400)


def refuses_rewrites(body: dict[str, Any]) -> Answer:
    if "between these two tags" in body["messages"][-1]["content"]:
        return good(body)
    return refuses_all(body)


def thinks_only(body: dict[str, Any]) -> Answer:
    limit = body.get("max_tokens", 0)
    if limit > 2000:
        return good(body)
    answer = json.loads(says(None, "length", usage=(200, limit)).body)
    answer["choices"][0]["message"]["reasoning_content"] = "Let me see. " * 20
    return as_json(answer)


@pytest.fixture
def words(tmp_path: Path) -> list[object]:
    return [seed_file(tmp_path, SEEDS), "--out", tmp_path / "run", "--evol-model", "served"]


def last_line(stderr: str) -> str:
    return stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(("rows", "name"), [(2, "evolve"), (12, "evolve"), (12, "run"), (12, "optimize")])
@pytest.mark.parametrize(
    ("server", "said"),
    [
        (refuses_key, "API key not valid. Please pass a valid API key."),
        (refuses_all, "this template knows no system role"),
    ],
)
def test_where_all_is_refused_the_last_line_is_what_the_server_said(
    words: list[object], rows: int, name: str, server: Callable[[dict[str, Any]], Answer], said: str
) -> None:
    with Endpoint(server) as endpoint:
        limit = ("--limit", rows) if name == "evolve" else LOOP
        done = command(name, *words, *limit, "--api-base", endpoint.url)
    assert done.exit_code == 1, done.output
    assert said in last_line(done.stderr)
    assert len(endpoint.seen) <= (1 if server is refuses_key else 4)


@pytest.mark.parametrize("server", [refuses_all, refuses_rewrites])
def test_a_folder_of_lost_rows_takes_corrected_settings(
    words: list[object], tmp_path: Path, server: Callable[[dict[str, Any]], Answer]
) -> None:
    with Endpoint(server) as endpoint:
        done = command("evolve", *words, "--limit", 2, "--api-base", endpoint.url)
        assert done.exit_code == 1, done.output
        assert "2 rows were lost" in last_line(done.stderr)
        assert len(lines(tmp_path / "run" / "dead.jsonl")) == 2
    with Endpoint(good) as endpoint:
        corrected = ("--reply-tokens", 900, "--api-base", endpoint.url, "--json")
        assert summary(command("evolve", *words, *corrected))["evolution"]["passed"] == len(SEEDS)


def test_the_same_command_tries_lost_rows_again_where_nothing_was_kept(words: list[object]) -> None:
    """What was wrong may be no setting of the run: a key, an address, the server."""
    with Endpoint(refuses_rewrites) as endpoint:
        assert command("evolve", *words, "--limit", 2, "--api-base", endpoint.url).exit_code == 1
        again = command("evolve", *words, "--limit", 2, "--api-base", endpoint.url)
        assert again.exit_code == 1
        assert "no system role" in last_line(again.stderr)
    with Endpoint(good) as endpoint:
        done = command("evolve", *words, "--limit", 2, "--api-base", endpoint.url, "--json")
        assert summary(done)["evolution"]["passed"] == 2
        assert all("two tags" not in seen.body["messages"][-1]["content"] for seen in endpoint.seen)


def test_some_rows_that_are_lost_among_others_are_no_failure(words: list[object]) -> None:
    def one_lost(body: dict[str, Any]) -> Answer:
        return refuses_all(body) if "Task 7" in body["messages"][-1]["content"] else good(body)

    with Endpoint(one_lost) as endpoint:
        done = command("evolve", *words, "--api-base", endpoint.url, "--json")
    assert summary(done)["evolution"]["unscored"] == 1


@pytest.mark.parametrize("name", ["evolve", "run", "optimize"])
def test_replies_of_nothing_but_thinking_end_the_run_with_the_flag_to_raise(
    words: list[object], name: str
) -> None:
    loop = () if name == "evolve" else LOOP
    with Endpoint(thinks_only) as endpoint:
        done = command(name, *words, *loop, "--concurrency", 1, "--api-base", endpoint.url)
        assert done.exit_code == 1, done.output
        assert "of the evol model hold no text" in last_line(done.stderr)
        assert "--reply-tokens (now 1500)" in last_line(done.stderr)
        assert len(endpoint.seen) <= 20
        raised = (*loop, "--reply-tokens", 4000, "--api-base", endpoint.url, "--json")
        again = command(name, *words, *raised)
        assert again.exit_code == 0, again.stderr


def test_a_few_rows_of_nothing_but_thinking_are_told_at_the_end(words: list[object]) -> None:
    with Endpoint(thinks_only) as endpoint:
        done = command("evolve", *words, "--limit", 3, "--on-failure", "again", "--api-base", endpoint.url)
        assert done.exit_code == 1, done.output
        assert "3 of 3 replies of the evol model" in last_line(done.stderr)
        raised = (
            "--limit",
            3,
            "--on-failure",
            "again",
            "--reply-tokens",
            4000,
            "--api-base",
            endpoint.url,
            "--json",
        )
        assert summary(command("evolve", *words, *raised))["evolution"]["passed"] == 3


def test_a_model_that_answers_apart_is_told_by_its_own_flag(words: list[object]) -> None:
    with Endpoint(good) as evol, Endpoint(thinks_only) as respond:
        done = command(
            "evolve", *words, "--limit", 3, "--api-base", evol.url, "--respond-model", "thinker",
            "--respond-api-base", respond.url, "--respond-reply-tokens", 700,
        )  # fmt: skip
    assert done.exit_code == 1, done.output
    assert "--respond-reply-tokens (now 700)" in last_line(done.stderr)


def test_a_judge_that_cannot_be_read_ends_the_run_and_is_shown(words: list[object]) -> None:
    def mumbles(body: dict[str, Any]) -> Answer:
        return says("I would rather not commit myself to a figure.")

    with Endpoint(good) as evol, Endpoint(mumbles) as judge:
        where = ("--api-base", evol.url, "--judge-model", "j", "--judge-api-base", judge.url)
        done = command("evolve", *words, *where, "--concurrency", 1)
        assert done.exit_code == 1, done.output
        assert "the last 10 replies of the judge" in last_line(done.stderr)
        assert "I would rather not commit myself to a figure." in last_line(done.stderr)
        assert len(judge.seen) == 10
        done = command("evolve", *words, "--api-base", evol.url, "--json")  # without a judge
        assert summary(done)["evolution"]["passed"] == len(SEEDS)


def test_a_verdict_now_and_then_is_enough(words: list[object]) -> None:
    numbers = count()

    def mumbles(body: dict[str, Any]) -> Answer:
        fields = {"work": "ok", "kinds": "none", "reason": "Fine.", "severity": "0"}
        verdict = "\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in fields.items())
        return says(verdict if next(numbers) % 8 == 7 else "Hm.")

    with Endpoint(good) as evol, Endpoint(mumbles) as judge:
        where = ("--api-base", evol.url, "--judge-model", "j", "--judge-api-base", judge.url)
        done = command("evolve", *words, *where, "--concurrency", 1, "--json")
    assert summary(done)["evolution"]["unscored"] == 11
