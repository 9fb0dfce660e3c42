"""A server with every kind of fault: each row ends in a file, once, and no error becomes a text."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import dspy
import pytest

from autoevol.config import PipelineConfig
from autoevol.core import aio
from autoevol.core.records import Outcome, Row, digest
from autoevol.evolution.outputs import Tally
from autoevol.evolution.retry import retry_rows
from autoevol.evolution.rounds import RowPipeline
from autoevol.evolution.stage import evolve_rows
from autoevol.lm.http import HTTPTransport
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.failure import FailureMetric
from autoevol.store.calls import CallStore
from autoevol.store.parts import Parts
from evolving import ONE_ROUND, ListRows
from servers import FAULTS, Answer, Endpoint, says

LASTING = {"500", "503", "reset", "truncated", "bad request"}


def good(body: dict[str, Any]) -> Answer:
    text = body["messages"][-1]["content"]
    if "between these two tags" not in text:
        return says(f"Here is the answer in full, with a reason for each step of it. ({text})")
    task = text.rpartition("#Instruction#:\n")[2]
    harder = f"{task} Explain every step, and compare it with the one before it."
    return says(f"<final_instruction>\n{harder}\n</final_instruction>")


def faulty(seed: int) -> Any:
    """Every tenth reply is a fault, and every fiftieth row meets one that lasts until `heal` is called."""
    draw, kinds, healed = random.Random(seed), list(FAULTS), False

    def serve(body: dict[str, Any]) -> Answer:
        number = int(body["messages"][-1]["content"].rpartition("Task ")[2].partition(":")[0])
        if number % 50 == 0 and not healed:
            return FAULTS[sorted(LASTING)[number // 50 % len(LASTING)]]
        return FAULTS[draw.choice(kinds)] if draw.random() < 0.1 else good(body)

    def heal() -> None:
        nonlocal healed
        healed = True

    serve.heal = heal  # type: ignore[attr-defined]
    return serve


def seeds(count: int) -> list[Row]:
    texts = [f"Task {number}: describe how a bridge over a river is built." for number in range(count)]
    return [Row(digest(text), text) for text in texts]


def stage(folder: Path, url: str, rows: list[Row] | None) -> Tally:
    """Evolve `rows`, or with None retry what is dead."""
    store = CallStore(folder / "calls.sqlite", power_safe=False)
    retry = RetryPolicy(attempts=5, base=0.02, breaker=1000)
    with Session(store, retry=retry, concurrency=64) as session:
        transport = HTTPTransport("m", base_url=url, timeout=2.0)
        lm = session.lm("m", transport=transport, temperature=0.7)
        work = RowPipeline(ONE_ROUND, FailureMetric(default_text_ensemble()), "m")
        with dspy.context(lm=lm):
            if rows is None:
                tally = retry_rows(work, Parts(folder / "parts", None), folder, concurrency=64)
            else:
                config = PipelineConfig(part_rows=100)
                tally = evolve_rows(work, ListRows(rows), folder, config, concurrency=64)
        aio.run_and_wait(transport.aclose())
    return tally


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("count", [300, pytest.param(5_000, marks=pytest.mark.slow)])
def test_every_row_ends_in_one_file_and_the_dead_rise_again(tmp_path: Path, count: int) -> None:
    rows, serve = seeds(count), faulty(7)
    with Endpoint(serve) as endpoint:
        tally = stage(tmp_path, endpoint.url, rows)
        order = check(tmp_path, rows)
        assert tally.complete
        assert tally.outcomes[Outcome.UNSCORED] == len(order["dead"]) >= count // 50
        told = Counter(record["reason"].partition(":")[0] for record in read(tmp_path / "dead.jsonl"))
        assert told == tally.losses
        assert {"bad_request", "server_error", "unreachable", "unreadable_reply"} <= told.keys()
        assert {"filtered", "length"} <= {r["fate"] for r in read(tmp_path / "rejected.jsonl")}

        serve.heal()
        again = stage(tmp_path, endpoint.url, None)
        healed = check(tmp_path, rows)
        assert len(healed["dead"]) < len(order["dead"]) / 5
        assert set(order["dataset"]) <= set(healed["dataset"])
        assert again.rows == count


def check(folder: Path, rows: list[Row]) -> dict[str, list[str]]:
    """All files together hold every row once, each file in order, and no error text as data."""
    found = {name: read(folder / f"{name}.jsonl") for name in ("dataset", "rejected", "dead")}
    ids = {name: [record["seed_id"] for record in records] for name, records in found.items()}
    place = {row.id: number for number, row in enumerate(rows)}
    assert sorted(place[row_id] for listed in ids.values() for row_id in listed) == list(range(len(rows)))
    for listed in ids.values():
        assert [place[row_id] for row_id in listed] == sorted(place[row_id] for row_id in listed)
    for record in (record for records in found.values() for record in records):
        texts = f"{record['instruction']} {record['response']}"
        assert "FAULT" not in texts
        assert "Bad gateway" not in texts
    assert all(record["reason"] for name in ("rejected", "dead") for record in found[name])
    return ids
