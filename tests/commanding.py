"""The bulk stage by the command line: a loopback endpoint, and twelve tasks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.testing import Result

from command_line import at, command, seed_file
from servers import Answer, Endpoint, refuses, says

SEEDS = [f"Task {number}: describe how a bridge over a river is built." for number in range(12)]


VERDICT = "\n\n".join(
    f"[[ ## {name} ## ]]\n{value}"
    for name, value in {"work": "Read.", "kinds": "none", "reason": "Fine.", "severity": "0"}.items()
)


class Served:
    """Evolves, answers and, as `judging`, judges; tasks in `down` meet an error for good."""

    def __init__(self) -> None:
        self.down: set[int] = set()

    def __call__(self, body: dict[str, Any]) -> Answer:
        if body["model"] == "judging":
            return says(VERDICT)
        text = body["messages"][-1]["content"]
        number = int(text.rpartition("Task ")[2].partition(":")[0])
        if number in self.down:
            return refuses(400, "SECRET")
        if "between these two tags" not in text:
            return says(f"Here is the answer in full, with a reason for each step of it. ({text})")
        task = text.rpartition("#Instruction#:\n")[2]
        return says(f"<final_instruction>\n{task} Explain every step and its cost.\n</final_instruction>")


def write_seeds(folder: Path) -> Path:
    """The twelve tasks as a file in `folder`."""
    return seed_file(folder, SEEDS)


def evolve(seeds: Path, endpoint: Endpoint, out: Path, *more: object) -> Result:
    """Run `autoevol evolve` on the endpoint, one try a round unless it is said otherwise."""
    return command("evolve", seeds, "--out", out, *at(endpoint), "--on-failure", "again", *more)
