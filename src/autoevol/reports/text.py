"""The report of a run in sentences and tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from autoevol.reports.rates import Ledger, RateReport

if TYPE_CHECKING:
    from autoevol.reports.run import EvolutionReport, OptimizationReport, RunReport

TableRows = list[tuple[str, str]]
"""(label, value) rows, as they are printed."""


def reached(rate: RateReport | None) -> str:
    """A rate in words; a rate that a run did not get to is said to be missing."""
    return "not reached" if rate is None else str(rate)


def counts(numbers: Mapping[str, int]) -> str:
    """`passed 20, lost 2`."""
    return ", ".join(f"{name} {count}" for name, count in numbers.items())


def cost_rows(ledger: Ledger) -> TableRows:
    """What was paid, and for how many tokens."""
    return [("LM calls paid", str(ledger)), ("tokens", ledger.tokens)]


def verdict(optimization: OptimizationReport) -> str:
    """What the holdout says about the chosen method, in one sentence that claims no more."""
    before, after = optimization.holdout_before, optimization.holdout_after
    if optimization.before.id == optimization.chosen.id:
        if optimization.stopped == "budget":
            return "The budget was reached before a better method was found, so the first one was kept."
        return "No method was better than the first starting method on the dev set, so it was kept."
    if before is None or after is None or before.rate is None or after.rate is None:
        return "The holdout was not scored, so nothing can be said about the chosen method."
    origin = (
        "a starting method"
        if optimization.chosen_at_step == 0
        else f"a rewrite of step {optimization.chosen_at_step}"
    )
    change = after.rate - before.rate
    if change < 0:
        sure = f"paired {optimization.change}" if optimization.change else "no paired test"
        return f"The failure rate fell by {-change:.1%} on the holdout with {origin} ({sure})."
    worse = f"The failure rate did not improve on the holdout (+{change:.1%})"
    return f"{worse}, although {origin} was better on dev."


def run_rows(report: RunReport) -> TableRows:
    """The report of a run as (label, value) rows, in the order in which they are printed."""
    rows: TableRows = []
    if report.optimization:
        rows += _optimization_rows(report.optimization, str(report.metric))
    if report.evolution:
        rows += _evolution_rows(report.evolution, list(report.gates))
        if not report.optimization:
            rows.append(("measured by", str(report.metric)))
        if report.evolution.unscored:
            lost = f"{counts(report.evolution.losses)} (`autoevol retry` takes them up)"
            rows.append(("lost rows by error", lost))
    rows += [("learned", sentence) for sentence in report.learned]
    over = f" over {report.shards} shards" if report.shards else ""
    rows += [*cost_rows(report.ledger), ("time", f"{report.seconds:.0f} s{over}")]
    return rows + list(report.paths.items())


def _optimization_rows(optimization: OptimizationReport, measure: str) -> TableRows:
    before, after = optimization.before.name, optimization.chosen.name
    return [
        ("holdout failure rate before", f"{reached(optimization.holdout_before)}  method {before}"),
        ("holdout failure rate after", f"{reached(optimization.holdout_after)}  method {after}"),
        ("verdict", optimization.verdict),
        ("measured by", measure),
        ("steps", f"{optimization.steps} (stopped: {optimization.stopped})"),
    ]


def _evolution_rows(bulk: EvolutionReport, gates: list[str]) -> TableRows:
    done = f"{bulk.passed} kept, {bulk.failed} failed, {bulk.unscored} lost, of {bulk.rows}"
    rows = [("dataset rows", done if bulk.complete else f"{done} (stopped early)")]
    if bulk.kinds:
        rows.append(("failures by kind", counts(bulk.kinds)))
    rows.append(("rounds", counts(bulk.rounds)))
    if len(bulk.operations) > 1:
        rows.append(("rounds by method", counts(bulk.operations)))
    refused = ((name, bulk.refused.get(name, {})) for name in gates)
    return rows + [(f"refused by gate {name}", counts(reasons) or "nothing") for name, reasons in refused]
