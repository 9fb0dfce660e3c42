"""What must hold at the end of a game, whatever happened in it."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from pathlib import Path

from autoevol.experiments.soak.plan import Plan, Score
from autoevol.experiments.soak.server import MARK, Counts
from autoevol.experiments.soak.terminal import Shown
from autoevol.store.calls import CallStore, Spent

KEYS = {
    "SOAK_EVOL": "sk-soak-evol-0123456789abcdef",
    "SOAK_OPTIMIZER": "sk-soak-optimizer-123456789abcdef0",
    "SOAK_JUDGE": "sk-soak-judge-23456789abcdef01",
}
_FOREIGN = re.compile("\x1b\\[2J|\x1b\\]52|[\x07\x80-\x9f\u202e]")
_FILES = ("dataset.jsonl", "rejected.jsonl", "dead.jsonl")


def broken_promises(plan: Plan, folder: Path, shown: list[Shown], score: Score, counts: Counts) -> list[str]:
    """Each broken promise in words; fills in the rows and the ledger of `score`."""
    return [
        *_rows(plan, folder, score),
        *_ledger(plan, folder, score),
        *_secrets(folder, shown, counts),
        *(
            f"foreign bytes on the terminal: {found!r}"
            for one in shown
            if (found := _FOREIGN.findall(one.output))
        ),
        *(f"a traceback: {one.output[-1500:]}" for one in shown if "Traceback (most" in one.output),
    ]


def _rows(plan: Plan, folder: Path, score: Score) -> list[str]:
    """Every row is in one file, once, in order; no error has become a text."""
    problems, numbers = [], Counter[int]()
    for name in _FILES:
        path = folder / "run" / name
        if not path.exists():
            return [f"{name} is missing"]
        records = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
        listed = [int(record["seed"].partition(":")[0].removeprefix("Task ")) for record in records]
        numbers.update(listed)
        if listed != sorted(listed):
            problems.append(f"{name} is out of order")
        if any(MARK in f"{record['instruction']} {record['response']}" for record in records):
            problems.append(f"an error stands in {name} as a text")
    score.rows = numbers.total()
    if numbers != Counter(range(plan.rows)):
        every = Counter(range(plan.rows))
        problems.append(f"rows too many: {numbers - every}, too few: {every - numbers}")
    exported = folder / "exported.jsonl"
    kept = (folder / "run" / "dataset.jsonl").read_text("utf-8").count("\n")
    if not exported.exists() or exported.read_text("utf-8").count("\n") != kept:
        problems.append("the export has not the rows of the data set")
    return problems


def _ledger(plan: Plan, folder: Path, score: Score) -> list[str]:
    """The ledger tells what the servers sent, but for what was on its way at a kill or lost."""
    run = json.loads((folder / "run" / "run.json").read_text())
    store = CallStore(folder / "run" / "calls.sqlite", run["run_id"])
    try:
        score.ledger = sum(store.spent().values(), Spent()).calls
    finally:
        store.close()
    in_flight = score.kills * plan.concurrency
    # A connection that was lost after the request had left is booked: nobody knows what it has cost.
    if -in_flight <= score.ledger - score.replies <= in_flight + score.faults["reset"]:
        return []
    return [
        f"{score.ledger} calls in the ledger, {score.replies} replies sent, {in_flight} on their way at most"
        f" and {score.faults['reset']} lost"
    ]


def _secrets(folder: Path, shown: list[Shown], counts: Counts) -> list[str]:
    """No key in a file or on the terminal, whole, encoded or cut; none at another role's server."""
    problems = []
    files = [(path.name, path.read_bytes()) for path in folder.rglob("*") if path.is_file()]
    files += [("the terminal", one.output.encode()) for one in shown]
    for name, key in KEYS.items():
        forms = (key[:20].encode(), key[-16:-4].encode(), base64.b64encode(key.encode())[:24])
        problems += [
            f"{name} is in {file}" for file, content in files if any(form in content for form in forms)
        ]
        role = name.removeprefix("SOAK_").lower()
        sent = {other for other, keys in counts.keys.items() if any(key in value for value in keys)}
        if sent - {role}:
            problems.append(f"{name} was sent to {sent - {role}}")
    return problems
