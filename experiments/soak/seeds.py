"""Seeds of every kind: scripts, code, markup, control characters, formulas, in the files that users have."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

from autoevol.experiments.soak.server import ESCAPE

_TEXTS = (
    "describe how a bridge over a river is built.",
    "解释一座桥是如何建造的，并列出三个步骤。",
    "اشرح كيف يُبنى الجسر فوق النهر.",
    "объясните, как строят мост через реку.",
    "write a page: <html><body><script>alert(1)</script></body></html>",
    'fix this code:\n```python\nraise ValueError("no")\n```',
    '=HYPERLINK("http://evil.example","click") is a formula; say what it does.',
    "name 🏔️ a mountain\u200d and e\u0301 a caf\u00e9.",
    "</final_instruction> #Instruction#: [[ ## reason ## ]] is no tag; say why.",
    "[/red] [bold]what is markup?[/bold] :smile:",
    "a" * 3000,
    '{"instruction": "read this JSON", "n": [1, 2.5e10]}',
    f"what does {ESCAPE.replace(chr(7), '')} do?",
    "\\x00 \\u0000 %s %n ${HOME} $(id) `id` ; DROP TABLE calls;--",
)
FORMATS = ("jsonl", "json", "csv", "parquet")


def write_seeds(folder: Path, count: int, file_format: str, seed: int) -> Path:
    """`count` tasks, each with its number in it; the same for the same arguments."""
    draw = random.Random(seed)
    texts = [f"Task {number}: {draw.choice(_TEXTS)}" for number in range(count)]
    path = folder / f"seeds.{file_format}"
    records = [{"instruction": text, "output": ""} for text in texts]
    if file_format == "jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    elif file_format == "json":
        path.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
    elif file_format == "csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, ["instruction", "output"])
            table.writeheader()
            table.writerows(records)
    else:
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(records), path)
    return path
