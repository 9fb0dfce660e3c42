"""Models of their own for responses and judgements: who is asked, with which key, and who is said to have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from command_line import command, lines, printed, seed_file, summary
from servers import Answer, Endpoint, says

SEEDS = [f"Task {number}: describe how a bridge over a river is built." for number in range(12)]
LOOP = ("--dev-size", 2, "--holdout-size", 2, "--batch-size", 2, "--m", 1, "--steps", 1)


def evolves(body: dict[str, Any]) -> Answer:
    text = body["messages"][-1]["content"]
    if "between these two tags" not in text:
        return says("The evol model answers, although it should not have been asked for that.")
    task = text.rpartition("#Instruction#:\n")[2]
    return says(f"<final_instruction>\n{task} Explain every step and its cost.\n</final_instruction>")


def responds(body: dict[str, Any]) -> Answer:
    return says(f"Another model answers in full: ({body['messages'][-1]['content']})")


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return seed_file(tmp_path, SEEDS)


def keys(endpoint: Endpoint) -> set[str]:
    return {seen.headers.get("Authorization", "") for seen in endpoint.seen}


@pytest.mark.parametrize("name", ["evolve", "run", "compare"])
def test_responses_come_from_a_model_of_their_own(name: str, seeds: Path, tmp_path: Path) -> None:
    with Endpoint(evolves) as evol, Endpoint(responds) as respond:
        # Another host by name, so that the key of the one is not for the other.
        where = ("--api-base", evol.url.replace("127.0.0.1", "localhost"), "--api-key-env", "EVOL_KEY")
        there = ("--respond-model", "words", "--respond-api-base", respond.url, "--respond-temperature", 0.5)
        extra: dict[str, tuple[object, ...]] = {
            "evolve": ("--method", "weak"),
            "run": LOOP,
            "compare": ("--optimizers", "initial", "--budget", 40, "--seeds", 1, "--holdout-size", 4),
        }
        done = command(
            name, seeds, "--out", tmp_path / "run", "--evol-model", "made", *where, *there, *extra[name],
            "--json", EVOL_KEY="sk-evol", OPENAI_API_KEY="sk-default",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    assert {seen.body["model"] for seen in respond.seen} == {"words"}
    assert {seen.body["temperature"] for seen in respond.seen} == {0.5}
    assert all("two tags" in seen.body["messages"][-1]["content"] or "#Cases#" in str(seen.body)
               or "<improved_method>" in str(seen.body) for seen in evol.seen)  # fmt: skip
    assert keys(evol) == {"Bearer sk-evol"}
    assert "sk-" not in str(keys(respond))
    if name != "compare":
        roles = printed(done)["ledger"]["roles"]
        assert roles["respond"]["calls"] == len(respond.seen)
        assert printed(done)["models"]["respond"] == "words"
        assert {line["model"] for line in lines(tmp_path / "run" / "dataset.jsonl")} == {"words"}


def test_a_retry_asks_where_the_responses_came_from(seeds: Path, tmp_path: Path) -> None:
    down = [True]

    def flaky(body: dict[str, Any]) -> Answer:
        lost = down[0] and "Task 3" in body["messages"][-1]["content"]
        return Answer(status=400, body=b"{}") if lost else responds(body)

    with Endpoint(evolves) as evol, Endpoint(flaky) as respond:
        ran = command("evolve", seeds, "--out", tmp_path / "run", "--method", "weak", "--evol-model", "made",
                      "--api-base", evol.url, "--respond-model", "words", "--respond-api-base", respond.url,
                      "--json")  # fmt: skip
        assert summary(ran)["evolution"]["unscored"] == 1
        down[0], before = False, len(evol.seen)
        told = summary(command("retry", tmp_path / "run", "--json"))
    assert (told["evolution"]["passed"], told["evolution"]["unscored"]) == (12, 0)
    assert len(evol.seen) == before  # the rewrite was there


def test_another_response_model_is_another_run(seeds: Path, tmp_path: Path) -> None:
    with Endpoint(evolves) as evol:
        run = ["evolve", seeds, "--out", tmp_path / "run", "--method", "weak", "--evol-model", "made"]
        assert command(*run, "--api-base", evol.url).exit_code == 0
        done = command(*run, "--api-base", evol.url, "--respond-model", "words")
    assert done.exit_code == 2
    assert "models.respond.model: None then, 'words' now" in done.stderr


def test_each_role_needs_its_price(seeds: Path, tmp_path: Path) -> None:
    done = command(
        "evolve", seeds, "--out", tmp_path / "run", "--method", "weak", "--evol-model", "made",
        "--respond-model", "words", "--judge-model", "judge", "--optimizer-model", "unused",
        "--api-base", "http://127.0.0.1:9/v1", "--max-usd", 1, "--price", "made=1,1",
    )  # fmt: skip
    assert done.exit_code == 2
    assert "--price for judge, words" in done.stderr


def test_a_port_of_the_same_machine_is_another_server_and_is_sent_no_key(seeds: Path, tmp_path: Path) -> None:
    with Endpoint(evolves) as evol, Endpoint(responds) as respond:
        done = command(
            "evolve", seeds, "--out", tmp_path / "run", "--method", "weak", "--evol-model", "made",
            "--api-base", evol.url, "--api-key-env", "EVOL_KEY", "--respond-model", "words",
            "--respond-api-base", respond.url, EVOL_KEY="sk-evol", OPENAI_API_KEY="sk-default",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    assert keys(evol) == {"Bearer sk-evol"}
    assert keys(respond) == {"Bearer none"}
