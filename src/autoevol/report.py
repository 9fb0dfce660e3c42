"""A run's summary as data and as text. Reads records and files; never calls a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoevol.lm.recorder import LedgerLine
from autoevol.metrics.failure import FailureRate
from autoevol.records import Method, Outcome, Score, Step


def rate_of(score: Score | None) -> dict[str, Any] | None:
    """A score as JSON: the rate with its interval and all three counts."""
    if score is None:
        return None
    rate = FailureRate.of(mark.outcome for mark in score.marks.values())
    return {
        "rate": rate.rate,
        "low": rate.interval.low,
        "high": rate.interval.high,
        "failed": rate.failed,
        "passed": rate.passed,
        "unscored": rate.unscored,
        "kinds": _kinds(score),
    }


def _kinds(score: Score) -> dict[str, int]:
    kinds = [mark.kind.value for mark in score.marks.values() if mark.kind]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds), key=lambda k: (-kinds.count(k), k))}


def ledger_json(lines: Sequence[LedgerLine]) -> dict[str, Any]:
    """The ledger by role, and the total."""
    roles = {
        line.role: {
            "calls": line.paid.calls,
            "input_tokens": line.paid.input_tokens,
            "output_tokens": line.paid.output_tokens,
            "usd": round(line.paid.usd, 6),
            "reused": line.reused,
        }
        for line in lines
    }
    total = {key: sum(role[key] for role in roles.values()) for key in ("calls", "input_tokens", "output_tokens", "usd", "reused")}
    return {"roles": roles, "total": total}


def step_json(step: Step) -> dict[str, Any]:
    """One step as a line of the dev curve."""
    scores = {score.method_id: score for score in step.scores}
    chosen = scores.get(step.chosen_id)
    return {
        "step": step.number,
        "chosen": step.chosen_id,
        "improved": step.improved,
        "dev": rate_of(chosen),
        "proposed": len(step.candidates),
        "usable": sum(1 for candidate in step.candidates if candidate.method),
        "note": step.note,
    }


def method_json(method: Method) -> dict[str, Any]:
    """A method in a summary: what identifies it, without its text."""
    return {"id": method.id, "name": method.name or "rewritten", "demos": len(method.demos)}


def rate_text(rate: dict[str, Any] | None) -> str:
    """`41.7% [24.5%, 61.2%] (10/24)`."""
    if rate is None:
        return "not reached"
    if rate["rate"] is None:
        return f"not scored (0 of {rate['unscored']})"
    lost = f", {rate['unscored']} not scored" if rate["unscored"] else ""
    total = rate["failed"] + rate["passed"]
    return f"{rate['rate']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}] ({rate['failed']}/{total}{lost})"


def verdict_text(summary: dict[str, Any]) -> str:
    """What the holdout says about the chosen method, in one sentence that claims no more."""
    found = summary["optimization"]
    before, after = found["holdout_before"], found["holdout_after"]
    if found["before"]["id"] == found["chosen"]["id"]:
        return "No method was better than the first starting method on the dev set, so it was kept."
    if before is None or after is None or before["rate"] is None or after["rate"] is None:
        return "The holdout was not scored, so nothing can be said about the chosen method."
    where = "a starting method" if found["chosen_at_step"] == 0 else f"a rewrite of step {found['chosen_at_step']}"
    change = after["rate"] - before["rate"]
    if change < 0:
        sure = found["p_value"]
        strength = f"McNemar p = {sure:.3f}" if sure is not None else "no test"
        return f"The failure rate fell by {-change:.1%} on the holdout with {where} ({strength})."
    return f"The failure rate did not improve on the holdout (+{change:.1%}), although {where} was better on dev."


def table_rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """The summary as (label, value) rows, in the order in which they are printed."""
    rows: list[tuple[str, str]] = []
    if found := summary.get("optimization"):
        rows += [
            ("holdout failure rate before", f"{rate_text(found['holdout_before'])}  method {found['before']['name']}"),
            ("holdout failure rate after", f"{rate_text(found['holdout_after'])}  method {found['chosen']['name']}"),
            ("verdict", verdict_text(summary)),
            ("steps", f"{found['steps']} (stopped: {found['stopped']})"),
        ]
    if bulk := summary.get("evolution"):
        done = f"{bulk['passed']} kept, {bulk['failed']} failed, {bulk['unscored']} not scored, of {bulk['rows']}"
        rows.append(("dataset rows", done if bulk["complete"] else f"{done} (stopped early)"))
        if bulk["kinds"]:
            rows.append(("failures by kind", ", ".join(f"{kind} {n}" for kind, n in bulk["kinds"].items())))
    total = summary["ledger"]["total"]
    money = f", ${total['usd']:.4f}" if total["usd"] else ""
    rows += [
        ("LM calls paid", f"{total['calls']} (and {total['reused']} answered from the store){money}"),
        ("tokens", f"{total['input_tokens']} in, {total['output_tokens']} out"),
        ("time", f"{summary['seconds']:.0f} s"),
    ]
    rows += [(label, str(path)) for label, path in summary["paths"].items()]
    return rows


def paths(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """The files of a run that exist, by what they are."""
    labels = {"dataset.jsonl": "dataset", "rejected.jsonl": "rejected rows", "method.json": "chosen method"}
    return {labels[name]: str(folder / name) for name in names if (folder / name).exists()}


def outcome_counts(outcomes: dict[Outcome, int]) -> dict[str, int]:
    """Counts under plain keys, all three present."""
    return {outcome.value: outcomes.get(outcome, 0) for outcome in Outcome}
