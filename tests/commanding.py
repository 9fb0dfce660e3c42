"""The bulk stage by the command line: a loopback endpoint, twelve tasks, and how to read what comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from autoevol.cli import app
from servers import Answer, Endpoint, refuses, says

SEEDS = [f"Task {number}: describe how a bridge over a river is built." for number in range(12)]


class Served:
    """Evolves and answers, except that tasks in `down` meet an error for good."""

    def __init__(self) -> None:
        self.down: set[int] = set()

    def __call__(self, body: dict[str, Any]) -> Answer:
        text = body["messages"][-1]["content"]
        number = int(text.rpartition("Task ")[2].partition(":")[0])
        if number in self.down:
            return refuses(400, "SECRET")
        if "between these two tags" not in text:
            return says(f"Here is the answer in full, with a reason for each step of it. ({text})")
        task = text.rpartition("#Instruction#:\n")[2]
        return says(f"<final_instruction>\n{task} Explain every step and its cost.\n</final_instruction>")


def write_seeds(path: Path) -> Path:
    """The twelve tasks as a file."""
    path.write_text("".join(f"{json.dumps({'instruction': seed})}\n" for seed in SEEDS))
    return path


def command(*arguments: object) -> Result:
    """Run `autoevol` with these arguments."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def summary(done: Result) -> dict[str, Any]:
    """What a command that ended well printed with --json."""
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout.splitlines()[-1])


def lines(path: Path) -> list[dict[str, Any]]:
    """The records of a JSONL file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def evolve(seeds: Path, endpoint: Endpoint, out: Path, *more: object) -> Result:
    """Run `autoevol evolve` on the endpoint."""
    at = ("--out", out, "--evol-model", "served", "--api-base", endpoint.url, "--json")
    return command("evolve", seeds, *at, *more)
