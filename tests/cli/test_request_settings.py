"""--extra, --timeout and --retries reach the endpoint; what it does not take is said in the summary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import autoevol
from autoevol.config import ModelConfig, Settings
from autoevol.core.errors import InputError
from command_line import command, seed_file, summary
from commanding import SEEDS, Served, evolve, write_seeds
from servers import Answer, Endpoint, as_json, refuses, says


def bodies(endpoint: Endpoint) -> list[dict[str, Any]]:
    assert endpoint.seen
    return [seen.body for seen in endpoint.seen]


@pytest.mark.parametrize(
    "text",
    [
        '{"top_k": 20, "chat_template_kwargs": {"enable_thinking": false}}',
        'top_k = 20\nchat_template_kwargs = {"enable_thinking" = false}',
        "top_k=20\n[chat_template_kwargs]\nenable_thinking=false",
    ],
)
def test_extra_settings_reach_every_body_and_belong_to_the_run(text: str, tmp_path: Path) -> None:
    seeds, out = write_seeds(tmp_path), tmp_path / "run"
    with Endpoint(Served()) as endpoint:
        summary(evolve(seeds, endpoint, out, "--method", "weak", "--extra", text))
        for body in bodies(endpoint):
            assert (body["top_k"], body["chat_template_kwargs"]) == (20, {"enable_thinking": False})
        paid = len(endpoint.seen)
        same = '{"chat_template_kwargs": {"enable_thinking": false}, "top_k": 20}'
        summary(evolve(seeds, endpoint, out, "--method", "weak", "--extra", same))
        assert len(endpoint.seen) == paid
        refused = evolve(seeds, endpoint, out, "--method", "weak", "--extra", '{"top_k": 21}')
        assert refused.exit_code == 2
        assert "models.evol.extra" in refused.stderr


def test_each_role_has_its_own_and_another_server_is_told_nothing(tmp_path: Path) -> None:
    seeds = write_seeds(tmp_path)
    with Endpoint(Served()) as evol, Endpoint(Served()) as judge, Endpoint(Served()) as respond:
        file = tmp_path / "settings.toml"
        file.write_text("[models.evol]\nextra = { top_k = 20 }\n[models.judge]\nextra = { seed_of = 1 }\n")
        summary(evolve(
            seeds, evol, tmp_path / "run", "--method", "weak", "--config", file, "--judge-model", "judging",
            "--judge-api-base", judge.url, "--respond-model", "other", "--respond-api-base", respond.url,
        ))  # fmt: skip
    assert {body["top_k"] for body in bodies(evol)} == {20}
    assert {(body.get("top_k"), body["seed_of"]) for body in bodies(judge)} == {(None, 1)}
    assert all("top_k" not in body for body in bodies(respond))


def test_retry_and_again_take_lengths_of_replies(tmp_path: Path) -> None:
    served, seeds, out = Served(), write_seeds(tmp_path), tmp_path / "run"
    served.down = {3}
    with Endpoint(served) as endpoint:
        summary(evolve(seeds, endpoint, out, "--method", "weak", "--reply-tokens", 700))
        assert {body["max_tokens"] for body in bodies(endpoint)} == {700}
        served.down = set()
        for words, lengths in {
            ("retry", out): {"--reply-tokens": 900},
            ("again", out, "--out", tmp_path / "answered", "--answer-with", "other"): {"--reply-tokens": 800},
            ("again", out, "--out", tmp_path / "judged", "--judge-model", "judging"): {
                "--judge-reply-tokens": 300
            },
        }.items():
            endpoint.seen.clear()
            more = [word for pair in lengths.items() for word in pair]
            summary(command(*words, "--api-base", endpoint.url, "--json", *more))
            assert {body["max_tokens"] for body in bodies(endpoint)} == set(lengths.values())
        endpoint.seen.clear()
        refused = command("retry", out, "--reply-tokens", 0)
    assert refused.exit_code == 2
    assert "--reply-tokens must be at least 1" in refused.stderr
    assert not endpoint.seen


def test_extra_settings_come_from_the_environment_and_as_a_mapping(tmp_path: Path) -> None:
    seeds = write_seeds(tmp_path)
    with Endpoint(Served()) as endpoint:
        words = ("evolve", seeds, "--method", "weak", "--evol-model", "m", "--api-base", endpoint.url)
        done = command(*words, "--out", tmp_path / "a", AUTOEVOL_EXTRA='{"top_k": 7}')
        assert done.exit_code == 0, done.output
        autoevol.evolve(
            seeds, tmp_path / "b", method="weak", evol_model="m", api_base=endpoint.url, extra={"top_k": 8}
        )
    assert {body["top_k"] for body in bodies(endpoint)} == {7, 8}


@pytest.mark.parametrize("text", ["[1]", "{top_k", "20", '"x"'])
def test_what_is_no_table_of_settings_is_bad_input(text: str) -> None:
    with pytest.raises(InputError, match="neither a JSON object nor TOML"):
        Settings.of(extra=text)


def test_a_setting_of_an_option_cannot_be_an_extra_one(tmp_path: Path) -> None:
    with Endpoint(Served()) as endpoint:
        done = evolve(write_seeds(tmp_path), endpoint, tmp_path / "run", "--extra", '{"max_tokens": 9}')
        assert endpoint.seen == []
    assert done.exit_code == 2
    assert "--reply-tokens" in done.stderr


def test_extra_settings_are_inherited_at_the_same_server() -> None:
    models: ModelConfig = Settings.of(
        evol_model="m", api_base="http://h/v1", extra={"top_k": 1}, judge_model="j"
    ).models
    assert models.resolved("judge").body == {"top_k": 1}
    moved = Settings.of(evol_model="m", extra={"top_k": 1}, judge_model="j", judge_extra={}).models
    assert moved.resolved("judge").body == {}


@pytest.mark.parametrize("retries", [0, 2])
def test_a_fault_is_met_with_as_many_further_attempts_as_were_asked_for(retries: int, tmp_path: Path) -> None:
    served, seeds = Served(), write_seeds(tmp_path)

    def down(body: dict[str, Any]) -> Answer:
        task = body["messages"][-1]["content"]
        return refuses(500, Retry_After="0.01") if "Task 3:" in task else served(body)

    with Endpoint(down) as endpoint:
        told = summary(evolve(seeds, endpoint, tmp_path / "run", "--method", "weak", "--retries", retries))
    assert told["evolution"]["losses"] == {"server_error": 1}
    lost = [body for body in bodies(endpoint) if "Task 3:" in body["messages"][-1]["content"]]
    assert len(lost) == 1 + retries


def test_a_server_that_hangs_is_given_up_after_the_timeout(tmp_path: Path) -> None:
    with Endpoint([says("never").after(3600.0)]) as endpoint:
        out = tmp_path / "run"
        seeds = seed_file(tmp_path, SEEDS[:1])
        done = evolve(seeds, endpoint, out, "--timeout", 0.2, "--retries", 0)
    assert done.exit_code == 1, done.output
    assert "0.2 seconds" in done.stderr
    assert len(endpoint.seen) == 1


def test_what_an_endpoint_does_not_take_is_said_once(tmp_path: Path) -> None:
    served = Served()

    def picky(body: dict[str, Any]) -> Answer:
        for name in ("max_tokens", "temperature"):
            if name in body:
                said = f"Unsupported parameter: '{name}' is not supported."
                return as_json({"error": {"message": said, "param": name}}, 400)
        return served(body)

    with Endpoint(picky) as endpoint:
        seeds, where = write_seeds(tmp_path), ("--evol-model", "served", "--api-base", endpoint.url)
        told = summary(evolve(seeds, endpoint, tmp_path / "run", "--method", "weak"))
        assert told["learned"] == [
            "served does not take max_tokens: sent as max_completion_tokens",
            "served does not take temperature: left out",
        ]
        done = command("evolve", seeds, "--out", tmp_path / "other", "--method", "weak", *where)
    assert done.stdout.count("does not take temperature: left out") == 1
