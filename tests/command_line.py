"""Commands as a user types them, what they read, and what they leave."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from autoevol.cli import app
from servers import Endpoint


def command(*words: object, **environment: str) -> Result:
    """`autoevol` with these words."""
    return CliRunner().invoke(app, [str(word) for word in words], env=environment)


def printed(done: Result) -> dict[str, Any]:
    """What `--json` printed last, however the command ended."""
    return json.loads(done.stdout.splitlines()[-1])


def summary(done: Result) -> dict[str, Any]:
    """The same of a command that has done its work."""
    assert done.exit_code == 0, done.output
    return printed(done)


def at(endpoint: Endpoint) -> list[object]:
    """The model behind `endpoint`, and the summary as JSON."""
    return ["--evol-model", "served", "--api-base", endpoint.url, "--json"]


def seed_file(folder: Path, instructions: Iterable[str]) -> Path:
    """A JSONL file of seed instructions in `folder`."""
    path = folder / "seeds.jsonl"
    path.write_text("".join(json.dumps({"instruction": text}) + "\n" for text in instructions))
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    """The records of a JSONL file."""
    return [json.loads(line) for line in path.read_text().splitlines()]
