"""From a run to a training file: evolve, clean, export and card, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from command_line import at, command, seed_file, summary
from priced import SEEDS, reply
from servers import Endpoint


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run folder."""
    seeds = seed_file(tmp_path, SEEDS)
    with Endpoint(reply) as endpoint:
        summary(command("evolve", seeds, "--method", "weak", "--out", tmp_path / "run", *at(endpoint)))
    return tmp_path / "run"


def test_a_run_becomes_a_training_file_with_its_card(run: Path, tmp_path: Path) -> None:
    kept = (run / "dataset.jsonl").read_text().splitlines()
    bench = tmp_path / "bench.jsonl"
    bench.write_text(json.dumps({"question": json.loads(kept[0])["instruction"]}) + "\n")
    clean = ["clean", run, "--out", run / "clean.jsonl", "--decontaminate", bench]
    report = summary(command(*clean, "--json"))
    assert report["rows"] == len(kept)
    assert report["removed"]["in_a_benchmark"] == 1
    shown = command(*clean)
    assert f"{len(kept)} read, {report['kept']} kept" in shown.stdout
    assert "removed: in a benchmark" in shown.stdout

    out = tmp_path / "out"
    out.mkdir()
    done = summary(
        command(
            "export",
            run / "clean.jsonl",
            "--out",
            out / "train.jsonl",
            "--card",
            "--license",
            "mit",
            "--json",
        )
    )
    assert done["rows"] == report["kept"] > 0
    loaded: Any = datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == report["kept"]
    origins = [json.loads(line) for line in (out / "train.provenance.jsonl").read_text().splitlines()]
    by_id = {json.loads(line)["id"]: json.loads(line) for line in kept}
    for example, origin in zip(loaded, origins, strict=True):
        source = by_id[origin["id"]]
        assert [turn["content"] for turn in example["messages"]] == [
            source["instruction"],
            source["response"],
        ]
        assert origin["method_id"] == source["method_id"]
        assert origin["model"] == "served"
    card = (out / "README.md").read_text()
    method = json.loads((run / "method.json").read_text())
    assert method["text"] in card
    assert f"{report['rows'] - report['kept']} of {report['rows']} records were removed" in card
    assert "this detector finds" in card


def test_a_run_folder_exports_as_it_is(run: Path, tmp_path: Path) -> None:
    shown = command("export", run, "--format", "parquet", "--out", tmp_path / "train.parquet")
    assert shown.exit_code == 0, shown.output
    kept = (run / "dataset.jsonl").read_text().splitlines()
    table: Any = datasets.Dataset.from_parquet(str(tmp_path / "train.parquet"))
    assert table.num_rows == len(kept)
    assert str(tmp_path / "train.parquet") in shown.stdout


def test_every_turn_of_a_conversation_becomes_an_example_with_what_went_before(tmp_path: Path) -> None:
    talk = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Task 1: name a prime above 1."},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "Task 4: name a prime above 4."},
    ]
    seeds = tmp_path / "talks.jsonl"
    seeds.write_text(json.dumps({"messages": talk}) + "\n")
    job = ["evolve", seeds, "--method", "weak", "--turns", "every", "--out", tmp_path / "run"]
    with Endpoint(reply) as endpoint:
        summary(command(*job, *at(endpoint)))
    command("export", tmp_path / "run", "--out", tmp_path / "train.jsonl")
    examples = [json.loads(line)["messages"] for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert [turns[:-2] for turns in examples] == [talk[:1], talk[:3]]
    for turns, task in zip(examples, (talk[1], talk[3]), strict=True):
        assert turns[-2]["content"] == f"{task['content']} Also prove it."
        assert turns[-1]["role"] == "assistant"


def test_a_recipe_goes_beside_the_data(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "train.jsonl"
    done = command(
        "export", run, "--out", out, "--recipe", "trl", "--preset", "wizardlm-7b", "--gpus", "4", "--json"
    )
    folder = Path(summary(done)["recipe"])
    assert folder == tmp_path / "train.trl"
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "accelerate.yaml", "config.yaml", "launch.sh", "sft.py", "vicuna.jinja",
    }  # fmt: skip
    assert "fewer than a batch of 64" in done.stderr
    assert "No example is longer than 2,048 tokens" in done.stderr
    other = command("export", run, "--out", out, "--recipe", "unsloth", "--base-model", "my/model")
    assert str(tmp_path / "train.unsloth") in other.stdout
    assert "not for my/model" in other.stderr
    assert folder.is_dir()


def test_what_the_vicuna_template_cannot_hold_gets_no_recipe(tmp_path: Path) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    talk = [
        {"role": "user", "content": "Add."},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "3"},
        {"role": "assistant", "content": "3"},
    ]
    source = tmp_path / "tools.jsonl"
    source.write_text(json.dumps({"messages": talk}) + "\n")
    done = command("export", source, "--out", tmp_path / "o.jsonl", "--recipe", "trl")
    assert done.exit_code == 2
    assert "1 of its examples use tools" in done.stderr
    assert not (tmp_path / "o.trl").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "RUN", "--format", "xml", "--out", "o.xml"], "known are messages"),
        (["export", "RUN", "--out", "no/folder/o.jsonl"], "is no folder"),
        (["export", "EMPTY", "--out", "o.jsonl"], "not a run folder"),
        (
            ["export", "RUN", "--out", "o.jsonl", "--recipe", "llama-factory"],
            "use --format sharegpt or alpaca",
        ),
        (["export", "RUN", "--out", "o.jsonl", "--recipe", "tlr"], "did you mean trl?"),
        (["export", "RUN", "--out", "o.jsonl", "--preset", "small"], "--preset needs --recipe"),
        (["export", "RUN", "--out", "o.jsonl", "--gpus", "2"], "--gpus needs --recipe"),
        (["export", "RUN", "--out", "o.jsonl", "--recipe", "unsloth", "--gpus", "2"], "trains on one GPU"),
        (["export", "RUN", "--out", "o.jsonl", "--recipe", "trl", "--gpus", "3"], "a batch of 16"),
        (["export", "RUN", "--out", "o.jsonl", "--recipe", "trl", "--with-thinking"], "reasoning_content"),
        (["clean", "RUN", "--out", "o.jsonl", "--near", "2"], "--near"),
        (["clean", "RUN", "--out", "o.jsonl", "--overlap", "5"], "13 or 8"),
        (["clean", "RUN", "--out", "o.jsonl", "--against", "gone.jsonl"], "gone.jsonl"),
    ],
)
def test_what_cannot_be_is_told(
    arguments: list[str], said: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    places = {"RUN": str(run), "EMPTY": str(tmp_path / "empty")}
    done = command(*[places.get(word, word) for word in arguments])
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert not list(tmp_path.glob("o.*"))
