"""The code blocks of README and docs, and a server that plays the models they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from servers import Answer, says

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
URL = "http://localhost:8000/v1"
TASKS = [f"Task {number}: plan a visit to a town with {number} bridges." for number in range(60)]


@dataclass(frozen=True)
class Block:
    """One fenced block, and the one that follows it on its page if nothing but blank lines lies between."""

    page: str
    language: str
    text: str
    shown: str | None = None

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block, continued ones joined."""
        return self.text.replace("\\\n", " ").splitlines()


def blocks(language: str) -> list[Block]:
    """All blocks in `language`, page by page."""
    return [block for page in PAGES for block in _blocks(page) if block.language == language]


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    fences = [*re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE), None]
    for fence, after in pairwise(fences):
        assert fence is not None
        follows = after is not None and not text[fence.end() : after.start()].strip()
        shown = after[2] if after is not None and follows and after[1] == "text" else None
        yield Block(page.stem, fence[1], fence[2], shown)


def plays(body: dict[str, Any]) -> Answer:
    """A model that evolves well, and whose responses to every fourth task ask for more."""
    text = body["messages"][-1]["content"]
    if "#Cases#:" in text:
        return says("Case 1 lost its question.")
    if "<improved_method>" in text:
        return says(f"<improved_method>\nRewrite it, way {body.get('seed')}.\n</improved_method>")
    if "#Instruction#:\n" in text:
        task = text.rpartition("#Instruction#:\n")[2]
        harder = f"{task} Also give the length of each of them and name two rivers nearby."
        return says(f"Step 1.\n<final_instruction>\n{harder}\n</final_instruction>")
    number = int((re.findall(r"Task (\d+)", text) or ["1"])[0])
    return says("Please provide more details?" if number % 4 == 0 else f"Here is a plan for task {number}.")
