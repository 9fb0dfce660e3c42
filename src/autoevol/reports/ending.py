"""What the end of a command shows beside its figures: one pair, and the commands that come next."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from autoevol.core.errors import StoreError
from autoevol.core.text import excerpt
from autoevol.core.wording import many
from autoevol.reports.folder import Report
from autoevol.reports.run import RunReport
from autoevol.reports.search import SearchReport
from autoevol.reports.text import TableRows
from autoevol.store.run import read_run
from autoevol.store.sealed import check_file, read_sealed

_LOOKED_AT = 20
"""Lines of the data set of which the example is one."""
_TEXT = 240
"""Most characters of each text of the example."""

_PROVABLE = 100
"""Rows from which on a proof is worth a plan."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """A command that makes sense now.

    Attributes:
        purpose: What it is for.
        words: As they are typed.
    """

    purpose: str
    words: tuple[str, ...]


def example_rows(folder: Path) -> TableRows:
    """One pair of the data set in `folder`: the first that was evolved; nothing without one.

    Raises:
        StoreError: If the data set is not as the run left it.
    """
    path = folder / "dataset.jsonl"
    if not path.exists():
        return []
    check_file(path)
    try:
        with path.open("rb") as lines:
            pairs = [json.loads(line) for line in islice(lines, _LOOKED_AT)]
    except ValueError as error:  # of a folder of an earlier version
        raise StoreError(f"{path} is damaged: {error}. The command of the run writes it again") from error
    pair = next((pair for pair in pairs if isinstance(pair, dict) and pair.get("rounds")), None)
    if pair is None:
        return []
    texts = (("seed", "seed"), ("evolved", "instruction"), ("response", "response"))
    told = (f"{name}: {excerpt(str(pair.get(key) or ''), _TEXT)}" for name, key in texts)
    return [("example" if number == 0 else "", text) for number, text in enumerate(told)]


def next_steps(folder: Path, report: Report) -> list[NextStep]:
    """What can be typed now, the likeliest first."""
    out = str(folder)
    steps = [NextStep("read it as a page", ("autoevol", "report", out))]
    if isinstance(report, SearchReport) and report.best and (folder / "best.json").exists():
        run = ("autoevol", "run", "SEEDS", "--out", f"{out}-best", "--config", str(folder / "best.json"))
        steps.append(NextStep("run with the best settings, on your seeds", run))
    return [*steps, *_of_run(folder, report)] if isinstance(report, RunReport) else steps


def _of_run(folder: Path, report: RunReport) -> Iterator[NextStep]:
    out, done, optimized = str(folder), report.evolution, report.optimization
    if done is None:
        if optimized and (folder / "method.json").exists():
            words = ("autoevol", "evolve", report.seeds.source, "--method", out, "--out", f"{out}-data")
            yield NextStep("evolve the seeds with this method", (*words, *_model(folder, report)))
        return
    # What was made of another folder is taken up by the command that made it.
    again = "of" in (read_run(folder) or {"settings": {}})["settings"].get("inputs", {})
    if done.unscored and done.complete and not again:
        yield NextStep(f"take up the {many(done.unscored, 'lost seed')}", ("autoevol", "retry", out))
    if done.failed and done.complete and not again:
        known = ("--method", out) if (folder / "method.json").exists() else ()
        words = ("autoevol", "evolve", str(folder / "rejected.jsonl"), "--field", "seed", *known)
        fresh = ("--temperature", "1", "--out", f"{out}-more")
        yield NextStep(
            f"try the {many(done.failed, 'other seed')} once more, less predictably",
            (*words, *_model(folder, report), *fresh),
        )
    if done.dataset.lines:
        train = str(folder / "train.jsonl")
        yield NextStep(
            "write what a trainer reads", ("autoevol", "export", out, "--format", "messages", "--out", train)
        )
        yield NextStep("see what became of the seeds, without a call", ("autoevol", "quality", out))
    if done.dataset.lines >= _PROVABLE:
        proof = ("autoevol", "prove", out, "--out", f"{out}-proof", "--dry-run")
        yield NextStep("plan a proof that the data help, on a small model", proof)


def _model(folder: Path, report: RunReport) -> tuple[str, ...]:
    """The options that ask the model of the run; other options are the user's to repeat."""
    asked = read_sealed(folder / "endpoint.json") or {}
    base, key = asked.get("api_base"), asked.get("api_key_env")
    return (
        *("--evol-model", report.models.evol),
        *(("--api-base", str(base)) if base else ()),
        *(("--api-key-env", str(key)) if key else ()),
    )
