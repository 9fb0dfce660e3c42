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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "RUN", "--format", "xml", "--out", "o.xml"], "known are messages"),
        (["export", "RUN", "--out", "no/folder/o.jsonl"], "is no folder"),
        (["export", "EMPTY", "--out", "o.jsonl"], "not a run folder"),
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
