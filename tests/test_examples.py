"""The notebooks run from their first cell to their last, against a local server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from documents import ROOT, URL, plays
from servers import Endpoint

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
# `!words` is how a notebook runs a command.
_SHELL = """
import shlex, subprocess, sys
def run(line):
    program, *words = shlex.split(line)
    assert program == "autoevol"
    subprocess.run([sys.executable, "-m", "autoevol", *words], check=True)
"""


def script(notebook: dict, url: str) -> str:
    """All code cells in order as one program."""
    lines = [_SHELL]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"]).replace(URL, url)
            lines.append(f"run({source[1:]!r})" if source.startswith("!") else source)
    return "\n".join(lines)


@pytest.mark.slow
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    with Endpoint(plays) as endpoint:
        words = [sys.executable, "-c", script(notebook, endpoint.url)]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_notebook_is_small_and_holds_no_output(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    assert path.stat().st_size < 20_000
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
