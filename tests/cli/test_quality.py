"""`autoevol quality` as typed: files good and bad, each option, the plan, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autoevol.lm.usage import estimate_tokens
from command_line import at, command, printed, seed_file
from kinds import chat, count, prompt_of, said_to
from quality_judge import ROWS, opinion, write_dataset
from servers import Answer, Endpoint


def test_the_command_reads_a_file_or_its_folder(tmp_path: Path) -> None:
    path = write_dataset(tmp_path)
    shown = command("quality", tmp_path)
    assert shown.exit_code == 0
    assert "Vendi score" in shown.stdout
    assert "of 2 seeds" not in shown.stdout
    assert "complexity" not in shown.stdout
    found = printed(command("quality", path, "--json"))
    assert (found["schema"], found["rows"], found["seeds"]) == ("autoevol.quality/1", 2, 2)
    assert [stage["stage"] for stage in found["stages"]] == ["seeds", "round 1", "round 2", "final"]
    assert "on 1 of 2 seeds" in command("quality", path, "--limit", 1).stdout
    assert (tmp_path / "dataset.quality.json").exists(), "of a folder it is written down"


@pytest.mark.parametrize(
    ("content", "says"),
    [("", "no rows"), ("{", "line 1"), ('{"stages": ["a"], "round": 0}', "nothing was made of any")],
)
def test_a_bad_file_is_refused(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "dataset.jsonl"
    path.write_text(content)
    shown = command("quality", path)
    assert shown.exit_code == 2
    assert says in shown.stderr


def test_settings_that_cannot_be_are_refused(tmp_path: Path) -> None:
    path = write_dataset(tmp_path)
    shown = command("quality", path, "--vectors", tmp_path / "nowhere")
    assert (shown.exit_code, "model2vec" in shown.stderr) == (2, True)
    shown = command("quality", path, "--limit", 0)
    assert (shown.exit_code, "--limit" in shown.stderr) == (2, True)


def test_a_folder_without_a_dataset_is_said(tmp_path: Path) -> None:
    assert command("quality", tmp_path).exit_code == 2


def test_the_plan_is_what_is_asked(tmp_path: Path) -> None:
    path = write_dataset(tmp_path)
    with Endpoint(opinion) as endpoint:
        judge = ("--judge-model", "judge", "--judge-api-base", endpoint.url)
        planned = printed(command("quality", path, *judge, "--dry-run", "--json"))
        tokens, usd = planned.pop("tokens"), planned.pop("usd")
        assert planned == {"seeds": 2, "calls": {"complexity": 2, "tags": 5, "gain": 2}, "total": 9}
        assert usd is None
        priced = ("--dry-run", "--price", "judge=1,2", "--judge-reply-tokens", 100_000)
        told = command("quality", path, *judge, *priced)
        assert "at most 9" in told.stdout
        assert "at most 900,000 out" in told.stdout
        assert f"at most about ${(tokens['input'] + 2 * 900_000) / 1e6:,.2f}" in told.stdout
        assert "give --price" in command("quality", path, *judge, "--dry-run").stdout
        assert not endpoint.seen
        assert not (tmp_path / "dataset.quality.json").exists()
        done = command("quality", path, *judge)
        assert (done.exit_code, len(endpoint.seen)) == (0, planned["total"])
        sent = [message["content"] for seen in endpoint.seen for message in seen.body["messages"]]
        assert tokens == {"input": sum(map(estimate_tokens, sent)), "output": 9 * 1500}
    for told in ("complexity, 1 to 10", "7.50", "gain, 0 to 3", "judged by judge", "LM calls paid  9"):
        assert told in done.stdout
    assert printed(command("quality", path, "--dry-run", "--json"))["total"] == 0


def test_a_spent_budget_is_exit_code_3_and_the_figures_so_far(tmp_path: Path) -> None:
    path = write_dataset(tmp_path)
    with Endpoint(opinion) as endpoint:
        judge = ("--judge-model", "judge", "--judge-api-base", endpoint.url)
        done = command("quality", path, *judge, "--max-calls", 2, "--concurrency", 1)
        assert done.exit_code == 3
        assert "complexity, 1 to 10" in done.stdout
        assert "the same command with a larger budget resumes" in done.stderr
        assert command("quality", path, *judge).exit_code == 0
        assert len(endpoint.seen) == 9


def test_tags_are_named_by_the_evol_model_once_a_text(tmp_path: Path) -> None:
    path = write_dataset(tmp_path)
    flags = ("--tags", "--store", tmp_path / "calls.sqlite", "--max-calls", "5")
    with Endpoint(opinion) as endpoint:
        words = ("quality", path, *flags, "--evol-model", "served", "--api-base", endpoint.url)
        done = command(*words, "--json")
        assert done.exit_code == 0, done.stderr
        seeds, *_, final = printed(done)["stages"]
        of_seeds, of_final = seeds["tags"], final["tags"]
        assert (of_seeds["complexity"], of_seeds["unique"], of_seeds["diversity"]) == (1, 1, 0.5)
        assert (of_final["complexity"], of_final["unique"], of_final["diversity"]) == (3, 3, 1.5)
        assert len(endpoint.seen) == 5, "two seeds, two rewrites of round 1, one of round 2"
        assert "tags of an instruction" in command(*words).stdout
        assert len(endpoint.seen) == 5
    assert "complexity" not in seeds


def test_a_seed_of_many_lines_is_one_seed(tmp_path: Path) -> None:
    rows = [row[:size] for row in ROWS for size in range(2, len(row) + 1)]
    path = write_dataset(tmp_path, rows)
    assert len(path.read_text().splitlines()) == 3
    found = json.loads(command("quality", path, "--json").stdout)
    assert (found["rows"], found["seeds"], found["stages"][0]["rows"]) == (3, 2, 2)


def test_what_the_judge_of_a_run_has_said_is_kept_and_used(tmp_path: Path) -> None:
    """Paid for once, while the run went on: shown by `quality`, selected by in `export`."""

    def serve(body: dict[str, Any]) -> Answer:
        prompt = prompt_of(body)
        return (
            opinion(body) if "<<<rewrite" in prompt else chat(body, text=said_to(prompt), usage=count(body))
        )

    seeds = seed_file(tmp_path, ["Name a prime number.", "Sort the list 3, 1, 2 upwards."])
    run = tmp_path / "run"
    with Endpoint(serve) as endpoint:
        made = command(
            "evolve", seeds, "--out", run, "--method", "initial", *at(endpoint), "--judge-model", "judge"
        )
        assert made.exit_code == 0, made.output
        asked = len(endpoint.seen)
        found = printed(command("quality", run, "--json"))
        assert len(endpoint.seen) == asked
    kept = [json.loads(line) for line in (run / "dataset.jsonl").read_text().splitlines()]
    assert [(line["complexity_before"], line["complexity"], line["gain"]) for line in kept] == [(3, 4, 1)] * 2
    assert found["judges"] == ["the run's judge"]
    first, last = found["stages"]
    assert (first["complexity"]["mean"], last["complexity"]["mean"], last["gain"]["mean"]) == (3, 4, 1)
    out = tmp_path / "train.jsonl"
    assert command("export", run, "--out", out, "--min-gain", 1).exit_code == 0
    refused = command("export", run, "--out", out, "--min-gain", 2)
    assert (refused.exit_code, "--min-gain: 2 rows left out" in refused.stderr) == (2, True)
