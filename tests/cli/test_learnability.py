"""`--objective learnability`: what it needs, and an optimisation by it with a student that counts words."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from autoevol.commands import models
from command_line import at, command, seed_file, summary
from priced import SEEDS, reply
from proving import CountingStudent
from servers import Endpoint


def natural(folder: Path, count: int) -> Path:
    """Pairs whose references share the words that the served model answers with."""
    path = folder / "natural.jsonl"
    records = [{"instruction": f"Task {n}: name a prime.", "response": f"It is {n}."} for n in range(count)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_it_needs_natural_pairs(tmp_path: Path) -> None:
    done = command("run", "sample", "--out", tmp_path / "r", "--objective", "learnability")
    assert done.exit_code == 2
    assert "--learn-for" in done.stderr


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is installed")
def test_without_torch_it_says_what_to_install(tmp_path: Path) -> None:
    words = ["--objective", "learnability", "--learn-for", natural(tmp_path, 9)]
    done = command("run", "sample", "--out", tmp_path / "r", "--dry-run", *words, OPENAI_API_KEY="x")
    assert done.exit_code == 2
    assert "a student needs torch" in done.stderr
    assert "autoevol[prove]" in done.stderr


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The student on PyTorch is replaced by one that counts words; the names that were asked for."""
    made: list[str] = []

    def student(name: str, tune: str) -> CountingStudent:
        made.append(f"{name}, {tune}")
        return CountingStudent()

    monkeypatch.setattr(models, "check_packages", lambda tune: None)
    monkeypatch.setattr(models, "TorchStudent", student)
    return made


def test_too_few_pairs_are_refused_before_anything_is_paid(tmp_path: Path, counting: list[str]) -> None:
    words = ["--objective", "learnability", "--learn-for", natural(tmp_path, 3)]
    with Endpoint(reply) as endpoint:
        done = command("optimize", "sample", "--out", tmp_path / "r", *words, *at(endpoint))
    assert done.exit_code == 2
    assert "3 of 3 rows have an answer; at least 8" in done.stderr
    assert not endpoint.seen
    assert counting == []


def test_methods_are_chosen_by_what_they_teach(tmp_path: Path, counting: list[str]) -> None:
    words = ["--objective", "learnability", "--learn-for", natural(tmp_path, 12), "--learner", "mine.gguf"]
    words += ["--steps", "1", "--m", "1", "--dev-size", "3"]
    with Endpoint(reply) as endpoint:
        done = summary(
            command("optimize", seed_file(tmp_path, SEEDS), "--out", tmp_path / "r", *words, *at(endpoint))
        )
    assert set(counting) == {"mine.gguf, last"}
    assert done["optimization"]["objective"] == "learnability"
    shown = command("show", tmp_path / "r").stdout
    assert "learnability" in shown
