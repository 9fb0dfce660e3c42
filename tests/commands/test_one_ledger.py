"""One hard budget over optimising, evolving and answering, whatever is resumed in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import at, command, printed, seed_file, summary
from priced import FLAGS, SEEDS, reply
from servers import Endpoint


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return seed_file(tmp_path, SEEDS)


@pytest.mark.parametrize(
    ("flag", "unit"), [("--max-calls", "calls"), ("--max-tokens", "tokens"), ("--max-usd", "usd")]
)
def test_a_cap_holds_over_stages_and_resumes(flag: str, unit: str, seeds: Path, tmp_path: Path) -> None:
    price = ["--price", "served=1000,2000", "--reply-tokens", 120]
    with Endpoint(reply) as free:
        ledger = summary(command("run", seeds, "--out", tmp_path / "free", *FLAGS, *at(free), *price))[
            "ledger"
        ]
    whole = {**ledger["total"], "tokens": ledger["total"]["input_tokens"] + ledger["total"]["output_tokens"]}
    bulk_begins = 0.0
    with Endpoint(reply) as endpoint:
        run = ["run", seeds, "--out", tmp_path / "run", *FLAGS, *at(endpoint), *price, "--optimize-share", 1]
        # Caps that end the run in its first stage, in its last one, and at last not at all.
        for share in (0.2, 0.2, 0.8, 0.8, 1.5):
            cap = whole[unit] * share
            done = command(*run, flag, int(cap) if unit != "usd" else cap)
            spent = printed(done)["ledger"]["total"]
            assert spent["calls"] == len(endpoint.seen)
            assert {**spent, "tokens": spent["input_tokens"] + spent["output_tokens"]}[unit] <= cap
            assert done.exit_code == (0 if share > 1 else 3), done.output
            if share == 0.2:
                bulk_begins = max(bulk_begins, len(endpoint.seen))
        assert bulk_begins < len(endpoint.seen) == whole["calls"]
        assert spent == ledger["total"] | {"reused": spent["reused"]}
