"""`autoevol methods`: what can be named, and any method in full."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autoevol.cli.methods import DESCRIPTIONS
from autoevol.programs.methods import BUILT_IN, COMPACT
from autoevol.programs.operations import OPERATIONS
from command_line import command, printed


def test_every_method_that_can_be_named_is_listed() -> None:
    assert list(DESCRIPTIONS) == [*BUILT_IN, *OPERATIONS]
    done = command("methods", "list")
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(DESCRIPTIONS)
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert printed(command("methods", "list", "--json")) == DESCRIPTIONS


@pytest.mark.parametrize("name", [*BUILT_IN, *OPERATIONS])
def test_a_method_is_shown_in_full(name: str) -> None:
    method = {**BUILT_IN, **OPERATIONS}[name]
    done = command("methods", "show", name)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{name} ({method.id})")
    assert method.text in done.stdout
    for demo in method.demos:
        assert demo.instruction in done.stdout
        assert demo.evolved_instruction in done.stdout


def test_methods_of_files_and_folders_are_shown(tmp_path: Path) -> None:
    shown = command("methods", "show", "compact", "--json").stdout
    assert json.loads(shown)["id"] == COMPACT.id
    (tmp_path / "method.json").write_text(shown)
    (tmp_path / "mine.txt").write_text("Make it harder.")
    for source in (tmp_path, tmp_path / "method.json"):
        assert printed(command("methods", "show", source, "--json"))["id"] == COMPACT.id
    assert "Make it harder." in command("methods", "show", tmp_path / "mine.txt").stdout


def test_what_is_no_method_is_refused(tmp_path: Path) -> None:
    done = command("methods", "show", tmp_path / "nothing")
    assert done.exit_code == 2
    assert "nothing" in done.stderr
