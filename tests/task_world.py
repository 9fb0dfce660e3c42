"""A loopback model that plays every role on numbered tasks: evolves, analyses, rewrites, and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from command_line import seed_file
from servers import Answer, says

COUNT = 120
"""Tasks; a quarter of them are dev rows, which is just enough for a first look to say no."""


def task_file(folder: Path) -> Path:
    """The tasks as seeds."""
    return seed_file(folder, [f"Task {number}: name a prime above {number}." for number in range(COUNT)])


class TaskWorld:
    """Evolves and answers well; what fails are the answers to the tasks that `fails` names."""

    def __init__(self) -> None:
        self.asked = 0

    def fails(self, number: int, text: str) -> bool:
        """Whether the response to task `number`, evolved to `text`, only asks for more."""
        return False

    def demand(self, body: dict[str, Any]) -> str:
        """What a rewrite adds to its task."""
        return "Prove it, and list two more."

    def __call__(self, body: dict[str, Any]) -> Answer:
        self.asked += 1
        text = body["messages"][-1]["content"]
        if "#Cases#:" in text:
            return says("Case 1 lost its question.")
        if "<improved_method>" in text:
            return says("<improved_method>\nRewrite the instruction another way.\n</improved_method>")
        if "#Instruction#:\n" in text:
            task = text.rpartition("#Instruction#:\n")[2]
            return says(f"<final_instruction>\n{task} {self.demand(body)}\n</final_instruction>")
        number = int(text.rpartition("Task ")[2].partition(":")[0])
        if self.fails(number, text):
            return says("Please provide more details?")
        return says(f"The prime above it is {number + 3}, which the following steps prove. ({text})")
