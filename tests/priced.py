"""An endpoint whose replies cost what their task says, and a small run on it."""

from __future__ import annotations

import re
from typing import Any

from servers import Answer, says

SEEDS = [f"Task {number}: name a prime above {number}." for number in range(40)]
LOOP = {"dev-size": 8, "holdout-size": 6, "batch-size": 4, "m": 2, "steps": 1, "concurrency": 4}
FLAGS = [word for name, value in LOOP.items() for word in (f"--{name}", str(value))]


def reply(body: dict[str, Any]) -> Answer:
    """An LM that marks no result for every third task, and whose replies cost what their task says."""
    text = body["messages"][-1]["content"]
    number = int(re.findall(r"Task (\d+)", text)[0]) if "Task" in text else 0
    usage = (50 + number, 10 + 2 * number)
    if "#Cases#:" in text:
        return says("Case 1 lost its question.", usage=(300, 100))
    if "<improved_method>" in text:
        method = f"<improved_method>\nRewrite the instruction, way {body['seed']}.\n</improved_method>"
        return says(method, usage=(200, 50))
    if "#Instruction#:\n" in text:
        task = text.rpartition("#Instruction#:\n")[2]
        if number % 3 == 0:
            return says("I would rather not.", usage=usage)
        return says(f"<final_instruction>\n{task} Also prove it.\n</final_instruction>", usage=usage)
    return says(f"The prime {number + 3}, with a proof.", usage=usage)
