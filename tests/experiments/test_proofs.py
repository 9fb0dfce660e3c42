"""The pairs of the proofs whose outcome is known, and that their commands are ones that can be run."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autoevol.cli import app
from autoevol.experiments import proofs


def test_no_problem_is_learned_and_measured_and_no_shuffled_one_keeps_its_answer(data_folder: Path) -> None:
    pairs = proofs.known_pairs(data_folder)
    assert {name: len(of) for name, of in pairs.items()} == {
        "seeds": 200,
        "equal": 152,
        "shuffled": 152,
        "general": 77,
        "measured": 24,
    }
    questions = [question for name in ("seeds", "equal", "measured") for question, _ in pairs[name]]
    assert len(questions) == len(set(questions))
    assert not set(pairs["equal"]) & set(pairs["shuffled"])
    assert sorted(answer for _, answer in pairs["equal"]) == sorted(answer for _, answer in pairs["shuffled"])


def test_the_commands_that_it_prints_pass_a_dry_run(
    data_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proofs.main([str(data_folder), str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    for line in lines:
        done = CliRunner().invoke(app, [*shlex.split(line)[1:], "--dry-run"])
        assert done.exit_code == 0, done.output
        assert "students" in done.output
