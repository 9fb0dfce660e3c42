"""A run's summary as data and as text. Reads records and files; never calls a model."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoevol.core.errors import InputError
from autoevol.core.records import Method, Outcome, Score, Step
from autoevol.metrics.failure import FailureRate
from autoevol.metrics.intervals import PairedDifference, mcnemar_exact, paired_bootstrap
from autoevol.store.files import read_json
from autoevol.store.journal import FileJournal

if TYPE_CHECKING:
    from autoevol.lm.recorder import LedgerLine
    from autoevol.optimization.compiling import Optimized


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
            "reasoning_tokens": line.paid.reasoning_tokens,
            "estimated": line.paid.estimated,
            "reused": line.reused,
        }
        for line in lines
    }
    kinds = ("calls", "input_tokens", "output_tokens", "usd", "reasoning_tokens", "estimated", "reused")
    total = {key: sum(role[key] for role in roles.values()) for key in kinds}
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
        if found.get("stopped") == "budget":
            return "The budget was reached before a better method was found, so the first one was kept."
        return "No method was better than the first starting method on the dev set, so it was kept."
    if before is None or after is None or before["rate"] is None or after["rate"] is None:
        return "The holdout was not scored, so nothing can be said about the chosen method."
    where = (
        "a starting method"
        if found["chosen_at_step"] == 0
        else f"a rewrite of step {found['chosen_at_step']}"
    )
    change = after["rate"] - before["rate"]
    if change < 0:
        return f"The failure rate fell by {-change:.1%} on the holdout with {where} ({_strength(found)})."
    worse = f"The failure rate did not improve on the holdout (+{change:.1%})"
    return f"{worse}, although {where} was better on dev."


def _strength(found: dict[str, Any]) -> str:
    sure, paired = found["p_value"], found.get("change")
    if sure is None or paired is None:
        return "no paired test"
    interval = f"[{paired['low']:+.1%}, {paired['high']:+.1%}]"
    return f"paired {paired['rate']:+.1%} {interval}, McNemar p = {sure:.3f}"


def metric_text(metric: dict[str, Any]) -> str:
    """Which detector decided, and how far it can be trusted."""
    judge = f" and the judge {metric['judge']}" if metric["judge"] else ""
    known = metric["calibration"] or "this detector has not been calibrated"
    return f"detector {metric['detector']}{judge}, objective {metric['objective']}: {known}"


def table_rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """The summary as (label, value) rows, in the order in which they are printed."""
    rows: list[tuple[str, str]] = []
    if found := summary.get("optimization"):
        rows += [
            (
                "holdout failure rate before",
                f"{rate_text(found['holdout_before'])}  method {found['before']['name']}",
            ),
            (
                "holdout failure rate after",
                f"{rate_text(found['holdout_after'])}  method {found['chosen']['name']}",
            ),
            ("verdict", verdict_text(summary)),
            ("measured by", metric_text(summary["metric"])),
            ("steps", f"{found['steps']} (stopped: {found['stopped']})"),
        ]
    if bulk := summary.get("evolution"):
        counts = f"{bulk['passed']} kept, {bulk['failed']} failed, {bulk['unscored']} lost"
        done = f"{counts}, of {bulk['rows']}"
        rows.append(("dataset rows", done if bulk["complete"] else f"{done} (stopped early)"))
        if bulk["kinds"]:
            rows.append(("failures by kind", _counts(bulk["kinds"])))
        rows.append(("rounds", _counts(bulk["rounds"])))
        if len(bulk["operations"]) > 1:
            rows.append(("rounds by method", _counts(bulk["operations"])))
        for name in summary.get("gates", {}):
            rows.append((f"refused by gate {name}", _counts(bulk["refused"].get(name, {})) or "nothing"))
        if not found:
            rows.append(("measured by", metric_text(summary["metric"])))
        if bulk["unscored"]:
            rows.append(("lost rows by error", f"{_counts(bulk['losses'])} (`autoevol retry` takes them up)"))
    total, shards = summary["ledger"]["total"], summary.get("shards")
    money = f", ${total['usd']:.4f}" if total["usd"] else ""
    rows += [
        ("LM calls paid", f"{total['calls']} (and {total['reused']} answered from the store){money}"),
        ("tokens", f"{total['input_tokens']} in, {total['output_tokens']} out"),
        ("time", f"{summary['seconds']:.0f} s" + (f" over {shards} shards" if shards else "")),
    ]
    rows += [(label, str(path)) for label, path in summary["paths"].items()]
    return rows


def comparison_rows(comparison: dict[str, Any]) -> list[tuple[str, str]]:
    """The holdout failure rates of a comparison's contestants, best first, as (label, value) rows."""
    mark = f"  {comparison['label']}" if comparison["label"] else ""
    rows = [("contestant", f"holdout failure rate, {comparison['budget']} calls per entry{mark}")]
    for standing in comparison["standings"]:
        interval = standing["interval"]
        rate = f"{standing['rate']:.1%} [{interval['low']:.1%}, {interval['high']:.1%}]"
        rows.append((standing["contestant"], f"{rate}{mark}"))
    return rows


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def paths(folder: Path) -> dict[str, str]:
    """The files of a run that exist, by what they are."""
    names = {"dataset": "dataset.jsonl", "rejected rows": "rejected.jsonl", "chosen method": "method.json"}
    found = {label: str(folder / name) for label, name in names.items() if (folder / name).exists()}
    dead = folder / "dead.jsonl"
    return {**found, "lost rows": str(dead)} if dead.exists() and dead.stat().st_size else found


def optimization_json(found: Optimized) -> dict[str, Any]:
    """What the optimisation found, holdout comparison included."""
    before, after = found.holdout
    at_step = next((step.number for step in reversed(found.steps) if step.improved), 0)
    return {
        "before": method_json(found.before),
        "chosen": method_json(found.chosen),
        "chosen_at_step": at_step,
        "steps": max(0, len(found.steps) - 1),
        "stopped": found.stopped,
        "split": found.split,
        "dev_curve": [step_json(step) for step in found.steps],
        "holdout_before": rate_of(before),
        "holdout_after": rate_of(after),
        "p_value": paired_p_value(before, after),
        "change": paired_change(before, after),
    }


def paired_p_value(before: Score | None, after: Score | None) -> float | None:
    """Exact McNemar p-value over the rows scored under both methods; None if there are none."""
    pairs = _scored_under_both(before, after)
    fixed = sum(1 for old, new in pairs if old and not new)
    broken = sum(1 for old, new in pairs if new and not old)
    return mcnemar_exact(fixed, broken) if pairs else None


def paired_change(before: Score | None, after: Score | None) -> dict[str, float] | None:
    """Change of the failure rate over the rows scored under both methods, below 0 where it fell.

    Returns:
        `rate` with its 95 % interval `low` to `high` (paired bootstrap), each -1..1; None if
        there are no such rows.
    """
    found = paired_difference(before, after)
    return {"rate": found.difference, "low": found.low, "high": found.high} if found else None


def paired_difference(first: Score | None, other: Score | None) -> PairedDifference | None:
    """Failure rate of `other` minus that of `first`, with a bootstrap interval over the rows
    scored under both; None if there are none.
    """
    pairs = _scored_under_both(first, other)
    if not pairs:
        return None
    return paired_bootstrap([float(old) for old, _ in pairs], [float(new) for _, new in pairs])


def _scored_under_both(before: Score | None, after: Score | None) -> list[tuple[bool, bool]]:
    """Whether a row failed, under either method, for the rows that both have a decision on."""
    if before is None or after is None:
        return []
    both = [row_id for row_id in before.marks if before.scored(row_id) and after.scored(row_id)]
    failed = Outcome.FAILED
    return [(before.marks[row].outcome is failed, after.marks[row].outcome is failed) for row in both]


def versions() -> dict[str, str]:
    """What the figures were computed with."""
    return {"autoevol": version("autoevol"), "dspy": version("dspy"), "python": platform.python_version()}


def read_folder(folder: Path) -> dict[str, Any]:
    """What `autoevol show` shows: summary, search, transfer, comparison, steps and method, None or empty
    where missing.

    Raises:
        InputError: If `folder` is no run folder.
    """
    if not (folder / "run.json").exists():
        raise InputError(f"{folder} is not a run folder: it has no run.json")
    return {
        "summary": read_json(folder / "summary.json"),
        "search": read_json(folder / "search.json"),
        "transfer": read_json(folder / "transfer.json"),
        "comparison": read_json(folder / "comparison.json"),
        "steps": [step_json(step) for step in FileJournal(folder / "journal.jsonl").steps()],
        "method": read_json(folder / "method.json"),
    }
