"""What a model thinks: judged by nobody, kept beside the pair, exported where it is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from command_line import at, command, lines, seed_file, summary
from commanding import SEEDS, Served
from servers import Answer, Endpoint, as_json

THOUGHT = (
    "Could you please provide the bridge? No: I am to describe one, "
    "between <final_instruction> and </final_instruction>."
)


def thinks(body: dict[str, Any]) -> Answer:
    """The same as `Served`, with a thought before everything that is said."""
    answer = json.loads(Served()(body).body)
    answer["choices"][0]["message"]["reasoning"] = THOUGHT
    return as_json(answer)


def test_thinking_stands_beside_the_pair_and_is_exported_on_request(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Endpoint(thinks) as endpoint:
        words = ("evolve", seed_file(tmp_path, SEEDS), "--out", out, "--method", "weak")
        done = summary(command(*words, *at(endpoint)))
    assert done["evolution"]["passed"] == len(SEEDS)
    kept = lines(out / "dataset.jsonl")
    assert {row["thinking"] for row in kept} == {THOUGHT}
    assert not any("please provide" in row["instruction"] + row["response"] for row in kept)

    plain, thought = tmp_path / "plain.jsonl", tmp_path / "thought.jsonl"
    assert command("export", out, "--out", plain).exit_code == 0
    assert command("export", out, "--out", thought, "--with-thinking").exit_code == 0
    assert "please provide" not in plain.read_text()
    assert {row["messages"][-1]["reasoning_content"] for row in lines(thought)} == {THOUGHT}
