"""The study on a small model: its code, against an endpoint on loopback."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoevol.experiments import study
from servers import Answer, Endpoint, says


def reply(body: dict[str, Any]) -> Answer:
    """Evolves by adding a demand, and proposes a method with another number every time."""
    text = body["messages"][-1]["content"]
    if "#Cases#:" in text:
        return says("The evolutions add too little.")
    asked = re.search(r"<(improved_method|better_method|method|variant)>", text)
    if asked:
        return says(f"<{asked[1]}>\nRewrite the task in way {body['seed']}.\n</{asked[1]}>")
    if "#Instruction#:\n" in text:
        task = text.rpartition("#Instruction#:\n")[2].partition("\n\n")[0]
        return says(f"<final_instruction>\n{task} Name one risk and compare two ways.\n</final_instruction>")
    return says("First look at the risk, then compare the two ways and choose the cheaper one.")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(reply) as served:
        yield served


def test_every_contestant_is_scored_within_the_budget_and_a_second_run_pays_nothing(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    def run() -> Any:
        return study.run(tmp_path, budget=30, seeds=1, model="served", api_base=endpoint.url)

    found = run()
    assert {s.contestant for s in found.standings} == set(study.CONTESTANTS.split(","))
    assert all(entry.calls <= 30 for entry in found.entries)
    paying = {entry.contestant for entry in found.entries if entry.calls}
    assert paying == {"race", "paper", "opro"}
    assert found.holdout == 10
    assert found.referee_calls + sum(entry.calls for entry in found.entries) == len(endpoint.seen)
    lines = study.costs(found.entries).splitlines()
    assert {line.split()[0] for line in lines} == paying
    asked = len(endpoint.seen)
    assert run().standings == found.standings
    assert len(endpoint.seen) == asked


def test_the_command_prints_table_and_costs(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--out", str(tmp_path), "--budget", "20", "--seeds", "1", "--model", "served"]
    monkeypatch.setattr(sys, "argv", ["study", *words, "--api-base", endpoint.url])
    study.main()
    printed = capsys.readouterr()
    assert "20 calls per entry, 1 seeds, 10 holdout rows" in printed.out
    assert "tokens" in printed.out
    assert "race, seed 0:" in printed.err
