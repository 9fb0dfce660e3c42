"""A judge on loopback that counts words, and data sets for it to judge."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from servers import Answer, says

MORE = "Explain each step and keep the whole answer within two hundred words of plain text."
ROWS: tuple[tuple[str, ...], ...] = (
    ("Name a prime.", f"Name a prime. {MORE}", f"Name a prime. {MORE} Avoid the number seven."),
    ("Sort a list.", f"Sort a list. {MORE}"),
)
_FENCED = re.compile(r"^<<<(.*?) ([0-9a-f]{12})>>>\n(.*?)\n<<<end of \1 \2>>>$", re.DOTALL | re.MULTILINE)


def write_dataset(folder: Path, rows: Sequence[Sequence[str]] = ROWS, **more: Any) -> Path:
    """A dataset.jsonl of these rows, each with a response; `more` goes into every line."""
    path = folder / "dataset.jsonl"
    lines = [
        {
            "id": f"r{number}",
            "seed_id": row[0],
            "round": len(row) - 1,
            "instruction": row[-1],
            "response": f"Answer {number}.",
            "stages": list(row),
            **more,
        }
        for number, row in enumerate(rows)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def complexity_of(text: str) -> float:
    """What the judge thinks of an instruction: 2 for up to three words, 6 up to twenty, then 9."""
    words = len(text.split())
    return 2.0 if words <= 3 else 6.0 if words <= 20 else 9.0


def opinion(body: dict[str, Any]) -> Answer:
    """Scores, tags or a judgement, whatever is asked for, by the fenced texts of the last message."""
    prompt = str(body["messages"][-1]["content"])
    texts = [(name, text) for name, _, text in _FENCED.findall(prompt)]
    asked = dict(texts)
    if "instruction" in asked:
        names = ["task", *(["explanation", "limit"] if "each step" in asked["instruction"] else [])]
        return says(f"[[ ## tags ## ]]\n{', '.join(names)}\n\n[[ ## completed ## ]]")
    if "rewrite" in asked:
        gain = 3 if "Avoid" in asked["rewrite"] else 1
        complexity = {"complexity_original": "3", "complexity_rewrite": str(3 + gain)}
        fields = {"work": "-", "kinds": "none", "reason": "Fine.", "severity": "0", "gain": str(gain)}
        fields |= complexity
        return says("\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in fields.items()))
    scores = ", ".join(f"{complexity_of(text):g}" for name, text in texts if name.startswith("version"))
    return says(f"[[ ## scores ## ]]\n{scores}\n\n[[ ## completed ## ]]")
