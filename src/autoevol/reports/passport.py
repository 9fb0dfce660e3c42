"""The passport of a method: what it is, how it was found, and how far its figures reach.

A passport is one JSON object. The method stands at its top (`id`, `name`, `text`, `demos`), so
that a passport is a method file as well:

run         run id and settings; None for a method that came without a run
models, data, measure, seeds, versions, rounds
selection   the rule, and the rewrites that led to the method, the oldest first
dev_curve   a line per step: rate with Wilson interval, what was proposed, the rule's note
holdout     first and chosen method by one evaluator, McNemar p, and a verdict in words
rows_seen   ids of the rows that the choice of the method depends on
cost        paid and reused calls, tokens and dollars by role
transfer    scores on other data or with another evol LM (see `transfer`)

What a run has not reached is None. Everything is read from the run folder; no model is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoevol.core.codec import decode_method, encode_method
from autoevol.core.errors import InputError
from autoevol.core.records import Method, Step
from autoevol.reports import report
from autoevol.reports.passport_page import page
from autoevol.store.files import read_json, replace_text, write_json
from autoevol.store.journal import FileJournal
from autoevol.store.run import load_method

SCHEMA = "autoevol.passport/1"
FILE, PAGE = "passport.json", "passport.md"


def make_passport(source: Path) -> dict[str, Any]:
    """The passport of a run folder, or of the method in a file.

    Transfer results of a passport that is there already are kept if it is of the same method.

    Raises:
        InputError: If `source` is neither, or its run has not ended yet.
    """
    if not source.is_dir():
        known = read_json(source) if source.suffix == ".json" else None
        is_passport = isinstance(known, dict) and known.get("schema") == SCHEMA
        return read_passport(source) if is_passport else _blank(load_method(source))
    passport = _of_run(source)
    if (source / FILE).exists():
        before = read_passport(source / FILE)
        passport["transfer"] = before["transfer"] if before["id"] == passport["id"] else []
    return passport


def read_passport(path: Path) -> dict[str, Any]:
    """A passport from its file, or from the run folder that it lies in.

    Raises:
        InputError: If it is none, or its method has been changed since its figures were measured.
    """
    path = path / FILE if path.is_dir() else path
    passport = read_json(path)
    if not isinstance(passport, dict) or passport.get("schema") != SCHEMA:
        raise InputError(f"{path} is not a passport")
    try:
        changed = decode_method(passport).id != passport["id"]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a passport: {error!r}") from error
    if changed:
        raise InputError(f"the method in {path} was changed after its figures were measured")
    return passport


def write_passport(passport: dict[str, Any], path: Path) -> None:
    """Write it as Markdown if `path` ends in .md, else as JSON."""
    if path.suffix == ".md":
        replace_text(path, page(passport))
    else:
        write_json(path, passport)


def leave_passport(folder: Path) -> None:
    """Write both forms of a run's passport into its folder."""
    passport = make_passport(folder)
    for name in (FILE, PAGE):
        write_passport(passport, folder / name)


def with_transfer(passport: dict[str, Any], result: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    """The passport with what a `transfer` found about its method, in place of an older state of it.

    Raises:
        InputError: If the result is not of a transfer, or holds no score of this method.
    """
    try:
        shared = {key: result[key] for key in ("run_id", "seeds", "models", "rounds", "metric", "reference")}
        found = next((one for one in result["methods"] if one["id"] == passport["id"]), None)
        score = found and found["score"]
    except (KeyError, TypeError) as error:
        raise InputError(f"this is not the result of a transfer: {error!r}") from error
    if not found or not score:
        raise InputError(f"the transfer holds no score of the method {passport['id']}")
    entry = {**shared, **{key: found[key] for key in ("score", "difference", "p_value")}}
    others = [one for one in passport["transfer"] if one["run_id"] != entry["run_id"]]
    return {**passport, "transfer": [*others, entry]}


def rows_seen(source: Path) -> frozenset[str]:
    """Ids of the rows that the choice of the method in `source` depends on, as far as it tells.

    Scores on these rows flatter the method. A bare method file and a name tell nothing.
    """
    if source.suffix == ".json" and source.is_file():
        known = read_json(source)
        if isinstance(known, dict) and known.get("schema") == SCHEMA:
            return frozenset(known["rows_seen"])
    folder = source.parent if source.name == "method.json" else source
    journal = folder / "journal.jsonl"
    return frozenset(_seen(FileJournal(journal).steps()) if journal.exists() else ())


def _of_run(folder: Path) -> dict[str, Any]:
    run = read_json(folder / "run.json")
    if run is None:
        raise InputError(f"{folder} is not a run folder: it has no run.json")
    summary = read_json(folder / "summary.json")
    if summary is None or not (folder / "method.json").exists():
        raise InputError(f"{folder} has no passport yet: run it until it leaves method.json and summary.json")
    method, settings = load_method(folder), run["settings"]
    passport = {
        **_blank(method),
        "run": run,
        "models": summary["models"],
        "data": summary["seeds"],
        "measure": {**summary["metric"], "sentence": report.metric_text(summary["metric"])},
        "rounds": settings.get("rounds"),
        "seeds": {"loop": settings.get("seed")},
        "versions": summary.get("versions"),
        "cost": summary["ledger"],
    }
    if found := summary.get("optimization"):
        steps = FileJournal(folder / "journal.jsonl").steps()
        passport |= {
            "data": {**summary["seeds"], "split": found["split"]},
            "selection": {
                "rule": settings.get("selection"),
                "stopped": found["stopped"],
                "start": found["before"],
                "lineage": _lineage(steps, method),
            },
            "dev_curve": found["dev_curve"],
            "holdout": {
                "before": found["holdout_before"],
                "after": found["holdout_after"],
                "p_value": found["p_value"],
                "verdict": report.verdict_text(summary),
            },
            "rows_seen": sorted(_seen(steps)),
        }
    return passport


def _blank(method: Method) -> dict[str, Any]:
    unknown = ("run", "models", "data", "measure", "rounds", "seeds", "versions")
    return {
        "schema": SCHEMA,
        **encode_method(method),
        **dict.fromkeys((*unknown, "cost", "selection")),
        "dev_curve": [],
        "holdout": None,
        "rows_seen": [],
        "transfer": [],
    }


def _seen(steps: Sequence[Step]) -> set[str]:
    scored = {row_id for step in steps for score in step.scores for row_id in score.marks}
    return scored.union(*(step.batch_ids for step in steps))


def _lineage(steps: Sequence[Step], method: Method) -> list[dict[str, Any]]:
    # The first proposal of a text counts, and parents are older: so this ends.
    first: dict[str, dict[str, Any]] = {}
    for step in steps:
        for one in step.candidates:
            if one.method:
                origin = {"step": step.number, "id": one.method.id, "parent_id": one.parent_id}
                first.setdefault(one.method.id, {**origin, "feedback": one.feedback})
    line: list[dict[str, Any]] = []
    current = method.id
    while current in first and (not line or first[current]["step"] < line[-1]["step"]):
        line.append(first[current])
        current = first[current]["parent_id"]
    return line[::-1]
