"""The card says what is known, says so where nothing is, and holds the types of the columns."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from autoevol.core.errors import InputError
from autoevol.dataset.card import Licences, write_card
from autoevol.dataset.clean import clean_file
from autoevol.dataset.export import Exported, export_file, run_folder_of

Write = Callable[[str, object], Path]
SUMMARY = {
    "seeds": {"source": "/home/someone/secret/seeds.jsonl", "shape": "alpaca", "rows": 10, "rejected": 1,
              "duplicates": 2, "data_hash": "abc"},
    "models": {"evol": "openai/small", "optimizer": "openai/large"},
    "metric": {"detector": "text", "judge": None, "calibration": "this detector finds 45 % of fatal cases"},
    "evolution": {"passed": 6, "failed": 2, "unscored": 1, "kinds": {"stagnant": 2}, "rows": 9},
}  # fmt: skip
METHOD = {"id": "m1", "name": "found", "text": "Rewrite it.\n```python\nprint(1)\n```"}
ROWS = [
    {"id": f"r{n}", "instruction": f"Task {n} is unlike any other", "response": f"2024-01-0{n}"}
    for n in (1, 2)
]


def run_folder(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    (folder / "run.json").write_text('{"run_id": "x", "settings": {}}')
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    (folder / "method.json").write_text(json.dumps(METHOD))
    (folder / "dataset.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Exported, Path]:
    folder = run_folder(tmp_path / "run", [*ROWS, {**ROWS[0], "id": "again"}])
    clean_file(folder, folder / "kept.jsonl")
    (tmp_path / "out").mkdir()
    return export_file(folder / "kept.jsonl", tmp_path / "out" / "train.jsonl"), folder


def test_the_card_is_filled_from_the_run(exported: tuple[Exported, Path]) -> None:
    done, folder = exported
    assert run_folder_of(folder / "kept.jsonl") == folder
    path = write_card(done, folder, Licences("cc-by-4.0", "MIT"), "Evolved tasks")
    _, front, text = path.read_text().split("---\n", 2)
    known = yaml.safe_load(front)
    assert known["license"] == "cc-by-4.0"
    assert known["configs"] == [{"config_name": "default", "data_files": "train.jsonl"}]
    for said in (
        "written by language models",
        "10 instructions from `seeds.jsonl`",
        "`openai/small`",
        "id `m1`",
        "2 of 8 scored rows failed (25.0%",
        "this detector finds 45 % of fatal cases",
        "2 no harder",
        "1 of 3 records were removed",
        "- repeated: 1",
        "Licence of the seeds: MIT",
    ):
        assert said in text
    assert "someone" not in text
    assert f"````text\n{METHOD['text']}\n````" in text


def test_what_gates_refused_is_on_the_card(exported: tuple[Exported, Path]) -> None:
    done, folder = exported
    gates = {"clean": {"near": 0.8, "overlap": 13, "decontaminate": ["/home/me/exam.jsonl"]}}
    refused = {"clean": {"nearly repeated": 3, "in a benchmark": 1}}
    summary = {**SUMMARY, "gates": gates}
    summary["evolution"] = {**SUMMARY["evolution"], "rejected": {"failed": 1, "gated": 1}, "refused": refused}
    (folder / "summary.json").write_text(json.dumps(summary))
    text = write_card(done, folder, Licences(), "t").read_text()
    assert "4 texts were refused before they became parents" in text
    assert "- nearly repeated: 3\n- in a benchmark: 1" in text
    assert "benchmarks: `exam.jsonl`; 13 shared words" in text
    assert "1 of 3 records were removed" in text
    assert "1 were turned away by a check. By how their last round ended: 1 failed." in text
    assert "is recorded" not in text


def test_with_the_card_text_that_looks_like_dates_stays_text(
    exported: tuple[Exported, Path], tmp_path: Path
) -> None:
    done, folder = exported
    write_card(done, folder, Licences("mit"), "t")
    loaded: Any = datasets.load_dataset(
        str(done.path.parent), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded.features == done.format.features()
    assert [record["messages"][-1]["content"] for record in loaded] == ["2024-01-01", "2024-01-02"]


def test_a_card_without_a_run_says_what_is_not_known(write: Write, tmp_path: Path) -> None:
    done = export_file(write("d.jsonl", ROWS), tmp_path / "train.jsonl")
    text = write_card(done, None, Licences(), "t").read_text()
    assert text.count("not known") >= 4
    assert "Data set: not stated" in text


def test_a_readme_of_somebody_else_is_not_overwritten(write: Write, tmp_path: Path) -> None:
    done = export_file(write("d.jsonl", ROWS), tmp_path / "train.jsonl")
    (tmp_path / "README.md").write_text("My project")
    with pytest.raises(InputError, match=r"README\.md"):
        write_card(done, None, Licences(), "t")
    assert (tmp_path / "README.md").read_text() == "My project"
