"""A model is handed to harnesses, and what they leave becomes one table."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

import harness_results as made
from autoevol.harnesses.catalog import BENCHMARKS
from command_line import command, printed, summary

TASK = "Return the sum of all the elements of the list that are even numbers"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A hand-off with a result of every kind of harness."""
    results = tmp_path / "bench" / "results"
    made.lm_eval(results / "gsm8k", [1, 0, 0, 1, 1, 1, 0, 0])
    made.evalplus(results, [[True]] * 82 + [[False]] * 82)
    made.alpaca(results / "alpaca-eval", [2.0, 1.0, 2.0, 2.0])
    made.judgements(results / "mt-bench", [(question, 1, 7.0) for question in range(81, 161)])
    return tmp_path / "bench"


def training(folder: Path) -> Path:
    """Three rows: one quotes an item of GSM8K, one an item of HumanEval, one neither."""
    rows = [
        {"instruction": f"Think: {made.QUESTIONS[0]}, and why?", "response": "Sheep."},
        {
            "instruction": "Add.",
            "response": "Return the sum of all the elements of the list that are even numbers",
        },
        {"instruction": "Name a prime.", "response": "7"},
    ]
    path = folder / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_all_results_stand_in_one_table_beside_the_papers(out: Path, tmp_path: Path) -> None:
    items = tmp_path / "humaneval.jsonl"
    items.write_text(json.dumps({"prompt": TASK}) + "\n")
    words = ["--collect", "--training", training(tmp_path), "--items", f"humaneval={items}"]
    report = summary(command("benchmarks", made.MODEL, "--out", out, *words, "--json"))
    values = {one["benchmark"]: one["value"] for one in report["measured"]}
    assert values == {"gsm8k": 50.0, "humaneval": 50.0, "alpaca-eval": 75.0, "mt-bench": 7.0}
    assert report["open"].keys() == BENCHMARKS.keys() - values.keys()
    assert report["contamination"]["gsm8k"]["overlaps"] == {"whole": 0, "13-gram": 1, "8-gram": 1}
    assert report["contamination"]["humaneval"]["overlaps"]["13-gram"] == 1
    assert "mt-bench" not in report["contamination"]
    shown = command("benchmarks", made.MODEL, "--out", out, *words)
    text = " ".join(shown.stdout.split())
    assert "GSM8K 50.0 [15.7, 84.3]" in text
    assert "Auto Evol-Instruct (Mistral-7B) 70.74" in text
    assert "Auto Evol-Instruct (CodeLlama-13B-Python) 65.85" in text
    assert "13-gram 1, 8-gram 1 of 3" in text
    assert "give --items mt-bench=FILE" in text
    table = (out / "benchmarks.md").read_text()
    assert "| **models/mine** | 50.0 [15.7, 84.3] |" in table
    assert "WizardLM, version 3" in table
    assert len({line.count(" | ") for line in table.splitlines() if line.startswith("|")}) == 1
    assert "GSM8K" in command("show", out).stdout
    assert command("report", out).exit_code == 0
    assert "4 of 9 benchmarks have a result" in (out / "report.html").read_text()


def test_the_commands_are_written_and_no_key_is_in_any_file(tmp_path: Path) -> None:
    done = command("benchmarks", made.MODEL, "--out", tmp_path / "b", OPENAI_API_KEY="sk-secret-1234567890")
    assert done.exit_code == 0, done.output
    script = (tmp_path / "b" / "run.sh").read_text()
    assert "--tasks mmlu --num_fewshot 5" in script
    assert "lm-eval 0.4.13" in script
    assert "Set OPENAI_API_KEY" in script
    assert os.stat(tmp_path / "b" / "run.sh").st_mode & stat.S_IXUSR
    for path in (tmp_path / "b").rglob("*"):
        assert path.is_dir() or b"sk-secret" not in path.read_bytes(), path
    prompt = json.loads((tmp_path / "b" / "alpaca" / "configs.yaml").read_text())["mine"]["prompt_template"]
    assert "{instruction}" in Path(prompt).read_text()


def test_the_same_command_goes_on_and_another_model_is_refused(out: Path) -> None:
    first = summary(command("benchmarks", made.MODEL, "--out", out, "--json"))
    assert (
        summary(command("benchmarks", made.MODEL, "--out", out, "--collect", "--json"))["measured"]
        == first["measured"]
    )
    other = command("benchmarks", "models/other", "--out", out)
    assert other.exit_code == 2
    assert "models/other" in other.stderr or "another" in other.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "gsm8"], "did you mean gsm8k?"),
        (["--backend", "vlm"], "did you mean vllm?"),
        (["--items", "gsm8k=x.jsonl"], "--items needs --training"),
        (["--training", "t.jsonl", "--items", "gsm8k"], "write it as BENCHMARK=FILE"),
        (["--training", "t.jsonl", "--items", "gsm=x"], "did you mean gsm8k?"),
        (["--training", "gone.jsonl"], "gone.jsonl"),
    ],
)
def test_what_cannot_be_is_told(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command("benchmarks", "m", "--out", "b", "--collect", *words)
    assert done.exit_code == 2, done.output
    assert said in " ".join(done.stderr.split())


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program named evalplus.evaluate, and a package evalplus, that stand in for the real ones."""
    program = tmp_path / "bin" / "evalplus.evaluate"
    made.write(
        program,
        "#!/bin/sh\necho run >> ran\n[ -e broken ] && exit 3\nmkdir -p results/humaneval/humaneval\n"
        'echo \'{"eval": {"HumanEval/0": [{"base_status": "pass"}]}}\''
        " > results/humaneval/humaneval/m_eval_results.json\n",
    )
    program.chmod(0o755)
    made.write(tmp_path / "packages" / "evalplus" / "__init__.py", "")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "b"


def humaneval(out: Path, *words: str) -> Any:
    return command("benchmarks", "m", "--out", out, "--only", "humaneval", "--json", *words)


def test_what_is_here_is_run_once_and_code_only_where_that_is_allowed(harness: Path) -> None:
    refused = summary(humaneval(harness))
    assert "--allow-code" in refused["open"]["humaneval"]
    assert not (harness / "ran").exists()
    for _ in range(2):
        report = summary(humaneval(harness, "--allow-code"))
        assert report["measured"][0]["value"] == 100.0
    assert (harness / "ran").read_text() == "run\n"


def test_a_harness_that_fails_is_told_and_tried_again(harness: Path) -> None:
    harness.mkdir()
    (harness / "broken").touch()
    failed = humaneval(harness, "--allow-code")
    assert failed.exit_code == 1
    assert printed(failed)["open"]["humaneval"].startswith("failed: evalplus.evaluate ended with 3")
    (harness / "broken").unlink()
    assert summary(humaneval(harness, "--allow-code"))["measured"]
