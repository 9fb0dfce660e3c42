"""Options that show only in what is asked, of whom and how often: each is seen there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch_server import BatchProvider
from command_line import command, printed, seed_file, summary
from commanding import SEEDS, VERDICT, Served, evolve, write_seeds
from documents import TASKS, plays
from servers import Answer, Endpoint, refuses, says

LOOP = ("--dev-size", 10, "--holdout-size", 3, "--batch-size", 3, "--m", 1, "--steps", 1)


def every_role(body: dict[str, Any]) -> Answer:
    return says(VERDICT) if body["model"] == "judging" else plays(body)


def test_each_role_is_asked_with_its_own_settings(tmp_path: Path) -> None:
    roles = {
        "evol": {"temperature": 0.9, "top_p": 0.91, "reply_tokens": 901, "extra": {"top_k": 92}},
        "respond": {"temperature": 0.1, "top_p": 0.11, "reply_tokens": 101, "extra": {"top_k": 12}},
        "optimizer": {"temperature": 0.2, "top_p": 0.21, "reply_tokens": 201, "extra": {"top_k": 22}},
        "judge": {"reply_tokens": 301, "extra": {"top_k": 32}},
    }
    words: list[object] = []
    for role, settings in roles.items():
        before = "" if role == "evol" else f"{role}-"
        words += [f"--{role}-model", "judging" if role == "judge" else role]
        for name, value in settings.items():
            words += [f"--{before}{name.replace('_', '-')}", json.dumps(value)]
    seeds = seed_file(tmp_path, TASKS[:18])
    with Endpoint(every_role) as endpoint:
        more = ("--optimize", "always", "--system", "Be terse.", "--api-base", endpoint.url)
        for name, chosen in (("judged", words), ("not", words[:-6])):  # the judge finds no fault
            done = command("run", seeds, "--out", tmp_path / name, *LOOP, *chosen, *more)
            assert done.exit_code == 0, done.output
        bodies = [seen.body for seen in endpoint.seen]
    for role, settings in roles.items():
        asked = [body for body in bodies if body["model"] == ("judging" if role == "judge" else role)]
        assert asked, role
        assert {body["max_tokens"] for body in asked} == {settings["reply_tokens"]}, role
        assert {body["top_k"] for body in asked} == {settings["extra"]["top_k"]}, role
        if role != "judge":
            assert {body["temperature"] for body in asked} == {settings["temperature"]}, role
            assert {body["top_p"] for body in asked} == {settings["top_p"]}, role
        told = [message for body in asked for message in body["messages"] if message["role"] == "system"]
        assert any(message["content"] == "Be terse." for message in told) is (role == "respond"), role


def judged(tmp_path: Path, *more: object) -> list[str]:
    """What the judge is asked about the same eight rows, of which text rules notice something in some."""
    out = tmp_path / "-".join(map(str, ("run", *more)))
    words = ("--method", "weak", "--judge-model", "judging", *more)
    with Endpoint(every_role) as endpoint:
        summary(evolve(seed_file(tmp_path, TASKS[:8]), endpoint, out, *words))
        asked = [seen.body for seen in endpoint.seen if seen.body["model"] == "judging"]
    return [body["messages"][-1]["content"] for body in asked]


def test_a_judge_is_asked_so_many_times_and_with_or_without_hints(tmp_path: Path) -> None:
    once = judged(tmp_path)
    assert any("<<<hints" in prompt for prompt in once)
    assert not any("<<<hints" in prompt for prompt in judged(tmp_path, "--no-judge-hints"))
    assert len(judged(tmp_path, "--judge-samples", 3)) == 3 * len(once)


@pytest.mark.parametrize("samples", [2, 3])
def test_agreement_compares_so_many_answers(samples: int, tmp_path: Path) -> None:
    seeds = seed_file(tmp_path, ["Task 1: Ann sold 48 clips in April, half as many in May. How many in all?"])
    words = ("--method", "weak", "--detector", "agreement", "--judge-model", "other")
    with Endpoint(plays) as endpoint:
        summary(evolve(seeds, endpoint, tmp_path / "run", *words, "--agreement-samples", samples))
        answers = [seen.body for seen in endpoint.seen if seen.body["model"] == "other"]
    assert len([body for body in answers if "[[ ##" not in body["messages"][-1]["content"]]) == samples


def test_a_rate_limit_is_waited_for_no_longer_than_was_said(tmp_path: Path) -> None:
    refused = refuses(429, "slow", Retry_After="0.2")

    left, served, seeds = [refused] * 4, Served(), write_seeds(tmp_path)
    with Endpoint(lambda body: left.pop() if left else served(body)) as endpoint:
        done = evolve(seeds, endpoint, tmp_path / "waits", "--method", "weak")
    assert (done.exit_code, len(endpoint.seen)) == (0, 4 + 2 * len(SEEDS))
    # By default it would wait for a quarter of an hour.
    with Endpoint(lambda body: refused) as endpoint:
        done = evolve(seeds, endpoint, tmp_path / "gives-up", "--method", "weak", "--max-wait", 0.1)
    assert done.exit_code == 1
    assert "HTTP 429" in done.stderr


def test_a_batch_holds_so_many_requests(tmp_path: Path) -> None:
    with BatchProvider(Served()) as provider:
        words = ("--method", "weak", "--evol-model", "served", "--api-base", provider.url, "--json")
        more = ("--batch", "--batch-poll", 0.05, "--batch-requests", 5)
        summary(command("evolve", write_seeds(tmp_path), "--out", tmp_path / "run", *words, *more))
        sizes = [len(provider.requests(job)) for job in provider.jobs]
    assert max(sizes) == 5
    assert sum(sizes) == 2 * len(SEEDS)


def test_two_models_are_asked_where_each_of_them_is_and_called_as_was_said(tmp_path: Path) -> None:
    asked = tmp_path / "q.jsonl"
    asked.write_text("".join(json.dumps({"instruction": text}) + "\n" for text in SEEDS[:3]))
    better = says("[[ ## reason ## ]]\nSo.\n\n[[ ## better ## ]]\nfirst\n\n[[ ## completed ## ]]")
    with (
        Endpoint([says("A's answer.")]) as a,
        Endpoint([says("B's answer.")]) as b,
        Endpoint([better]) as judge,
    ):
        sides = ("--api-base-a", a.url, "--api-base-b", b.url, "--name-a", "the old", "--name-b", "the new")
        words = ("--judge-model", "judging", "--judge-api-base", judge.url, "--api-base", judge.url)
        done = command(
            "judge-answers", asked, "one", "two", *sides, *words, "--out", tmp_path / "out", "--json"
        )
        assert [[seen.body["model"] for seen in one.seen] for one in (a, b)] == [["one"] * 3, ["two"] * 3]
        assert {seen.body["model"] for seen in judge.seen} == {"judging"}
    assert done.exit_code == 0, done.output
    told = json.dumps(printed(done))
    assert "the old" in told
    assert "the new" in told


def test_the_arms_of_a_proof_are_asked_for_so_many_rows_and_tokens(tmp_path: Path) -> None:
    tasks = [f"Task {number}: describe how a bridge is built." for number in range(20)]
    seeds, run, measured = seed_file(tmp_path, tasks), tmp_path / "run", tmp_path / "natural.jsonl"
    pairs = [{"instruction": f"Name a river in country {n}.", "output": f"The {n}."} for n in range(4)]
    measured.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    with Endpoint(Served()) as endpoint:
        summary(evolve(seeds, endpoint, run, "--method", "weak"))
        endpoint.seen.clear()
        words = ("--against", "initial", "--reply-tokens", 77, "--arm-rows", 16, "--heldout", 4)
        plan = (
            "--heldout-file",
            measured,
            "--seeds",
            2,
            "--steps",
            3,
            "--step-tokens",
            41,
            "--max-length",
            43,
        )
        more = ("--rates", 0.01, "--rates", 0.02, "--tune", "last", "--recipe", "trl", "--json")
        done = command("prove", run, "--out", tmp_path / "proof", *words, *plan, *more)
        bodies = [seen.body for seen in endpoint.seen]
    assert done.exit_code == 0, done.output
    assert {body["max_tokens"] for body in bodies} == {77}
    evolved = [body for body in bodies if "between these two tags" in body["messages"][-1]["content"]]
    assert len(evolved) == 16
    items = json.loads((tmp_path / "proof" / "material.json").read_text())["items"]["heldout"]
    assert {item["instruction"] for item in items} == {pair["instruction"] for pair in pairs}
    settings = json.loads((tmp_path / "proof" / "run.json").read_text())["settings"]["proof"]
    kept = ("seeds", "steps", "step_tokens", "max_length", "rates", "tune")
    assert [settings[name] for name in kept] == [2, 3, 41, 43, [0.01, 0.02], "last"]
