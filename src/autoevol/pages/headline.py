"""What stands at the top of a report: the verdict, the reasons to doubt it, and the first figures."""

from __future__ import annotations

from collections.abc import Iterator

from autoevol.core.status import duration
from autoevol.core.wording import many, reasons
from autoevol.optimization.first_look import BAR
from autoevol.pages.blocks import Fact
from autoevol.pages.rows import RowsSeen
from autoevol.pages.study_sections import best_method, estimated
from autoevol.reports.comparison import ComparisonReport
from autoevol.reports.folder import FolderReport
from autoevol.reports.known_models import limits_of
from autoevol.reports.optimization import OptimizationReport
from autoevol.reports.rates import FAILURE_RATE, RateReport, figure_of
from autoevol.reports.run import RunReport
from autoevol.reports.search import SearchReport, describe
from autoevol.reports.text import reached


def verdict(found: FolderReport, seen: RowsSeen) -> str:
    """What a folder says, in a sentence or two."""
    if found.proof:
        return found.proof.verdict
    if found.answers:
        return f"{found.answers.conclusion[:1].upper()}{found.answers.conclusion[1:]}."
    if found.headroom:
        return f"{found.headroom.verdict}."
    if found.benchmarks:
        done = found.benchmarks
        return f"{len(done.measured)} of {len(done.asked)} benchmarks have a result."
    if found.search:
        return _best_trial(found.search)
    if found.comparison:
        return _first_place(found.comparison)
    if found.transfer:
        return best_method(found.transfer)
    if found.summary and found.summary.optimization:
        return found.summary.optimization.verdict
    if found.summary and found.summary.evolution:
        done = found.summary.evolution
        told = f"{done.passed} passed, {done.failed} failed and {done.unscored} were lost"
        return f"Of {many(done.rows, 'row')}, {told}."
    if found.estimate:
        return estimated(found.estimate)
    return " ".join(_unfinished(found, seen))


def _unfinished(found: FolderReport, seen: RowsSeen) -> Iterator[str]:
    """What there is of a command that has left no report: it is under way, or was stopped."""
    steps, rows = many(len(found.steps), "step"), many(seen.rows, "row")
    yield f"This run has not ended: {steps} and {rows} are finished so far."
    for one in found.progress:
        said = one.sentences() if one.under_way else [one.closing]
        yield from (f"{text[:1].upper()}{text[1:].removesuffix('.')}." for text in said)


def _best_trial(search: SearchReport) -> str:
    objective = search.metric.objective
    best = search.best
    picked = next((one for one in search.trials if best and one.trial == best.trial), None)
    if picked is None:
        return "No trial has a result yet."
    trials = many(len(search.trials), "trial")
    told = f"trial {picked.trial} ({describe(picked.params)})"
    figure = f"{figure_of(objective)} {reached(picked.dev, objective)}"
    return f"Best of {trials} on the dev rows: {told}, {figure}. {search.holdout_verdict}".rstrip()


_NAMED = 4
"""Contestants that a verdict names; of more it tells the number."""


def _first_place(comparison: ComparisonReport) -> str:
    ranked = [one for one in comparison.standings if one.rank] or comparison.standings[:1]
    first = [one for one in ranked if one.rate == ranked[0].rate]
    near = [one.contestant for one in ranked if one.tied and one not in first]
    names = " and ".join(one.contestant for one in first)
    if near:
        others = ", ".join(near) if len(near) <= _NAMED else many(len(near), "other")
        names += f" (tied with {others})"
    label = f" ({comparison.label})" if comparison.label else ""
    rate = f"{comparison.figure} {ranked[0].told(comparison.objective)} on the holdout{label}"
    return f"{names} {'share the first place' if len(first) > 1 else 'comes first'}: {rate}."


def warnings(found: FolderReport, seen: RowsSeen) -> Iterator[str]:
    """What the verdict must not be read without."""
    if found.comparison and found.comparison.label:
        yield f"These figures are {found.comparison.label}."
    if found.comparison and any(one.behind and one.tied for one in found.comparison.standings):
        yield "Contestants marked “tied” cannot be told from the best by these rows."
    if found.search and found.search.holdout is None:
        yield "The holdout was not reached, so the best trial was picked and judged by the same rows."
    summary = found.summary
    if summary is None:
        return
    if limits := limits_of(summary.models.evol):
        yield f"{limits[0].upper()}{limits[1:]}."
    if summary.optimization:
        yield from _doubts(summary.optimization)
    if summary.metric.calibration is None:
        yield f"The detector “{summary.metric.detector}” is not calibrated: what it misses is not known."
    if summary.evolution:
        done = summary.evolution
        if done.unscored:
            rows = many(done.unscored, "row")
            yield f"{rows} got lost: {reasons(done.losses)}. `autoevol retry` takes them up."
        if not done.complete:
            yield f"The budget ended before the rows did: {done.rows} of {summary.seeds.here} are finished."
        if done.rows and not done.passed:
            yield "No row passed, so there is nothing to train on."
    if seen.rows and summary.evolution and seen.rows != summary.evolution.rows:
        yield f"The folder holds {seen.rows} rows, its older summary tells of {summary.evolution.rows}."


def _doubts(done: OptimizationReport) -> Iterator[str]:
    before = done.holdout_before
    if before and before.rate is not None and before.rate < BAR:
        yield f"Little headroom: the first method fails on {before} of the holdout."
    lost = sum(rate.unscored for rate in (before, done.holdout_after) if rate)
    if lost:
        yield f"{many(lost, 'holdout row')} could not be scored and count in no rate."
    if done.stopped == "budget":
        yield "The optimisation ended at the budget, not by itself."
    if done.stopped == "share":
        yield "The optimisation ended where its share of the budget did, not by itself."


def facts(found: FolderReport) -> Iterator[Fact]:
    """The figures at the top of the page."""
    summary = found.summary
    if summary and summary.optimization:
        done = summary.optimization
        for when, rate, method in (
            ("before", done.holdout_before, done.before),
            ("after", done.holdout_after, done.chosen),
        ):
            if rate:
                yield _rate(f"{figure_of(done.objective)} {when}", rate, method.name, done.objective)
        if done.change and done.objective == FAILURE_RATE:
            span = (
                f"95 % interval {_points(done.change.low)} to {_points(done.change.high)}; below 0 is better"
            )
            yield Fact("change of the failure rate", f"{_points(done.change.difference)} points", span)
    if summary and summary.evolution:
        rows = summary.evolution
        yield Fact(
            "rows kept",
            f"{rows.passed:,}",
            f"of {rows.rows:,}; {rows.failed:,} failed, {rows.unscored:,} lost",
        )
    priced = found.search or found.transfer or summary
    if priced:
        total = priced.ledger.total
        money = f"${total.usd:.4f}" if total.usd else "no price given"
        yield Fact("LM calls paid", f"{total.calls:,}", money)
        yield Fact("tokens", f"{total.input_tokens + total.output_tokens:,}", priced.ledger.tokens)
        worked = summary.worked if summary else None
        if worked:
            yield Fact("time", duration(worked.seconds), f"over {many(worked.starts, 'start')}")
        else:
            yield Fact("time", duration(priced.seconds), "of the last process")
    if isinstance(summary, RunReport):
        yield Fact(
            "failures found by",
            f"{summary.metric.detector} detector",
            summary.metric.calibration or "not calibrated",
        )


def _rate(name: str, rate: RateReport, method: str, objective: str) -> Fact:
    value = rate.value(objective)
    if rate.rate is None or value is None or objective != FAILURE_RATE:
        return Fact(
            name, "–" if value is None else f"{value:.2f}", f"{rate.told(objective)}; method {method}"
        )
    return Fact(name, f"{rate.rate:.1%}", f"{rate.failed} of {rate.failed + rate.passed}, "
                f"[{rate.low:.1%}, {rate.high:.1%}]; method {method}")  # fmt: skip


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
