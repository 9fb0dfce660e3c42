"""From a run folder to the record of what its report shows. Nothing is written, and no model is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from autoevol.core.records import Method
from autoevol.core.status import duration
from autoevol.core.wording import many
from autoevol.evolution.lineage import Lineage, decode_lineage
from autoevol.optimization.first_look import BAR
from autoevol.pages.blocks import Fact, Grid, ReportPage, Section
from autoevol.pages.closing_sections import cost_section, settings_section
from autoevol.pages.data_sections import data_sections
from autoevol.pages.duplicates import matched_ids, matched_texts
from autoevol.pages.history import History
from autoevol.pages.method_sections import method_sections
from autoevol.pages.quality_sections import quality_sections
from autoevol.pages.rows import RowsSeen, look_at
from autoevol.pages.study_sections import (
    best_method,
    comparison_sections,
    estimate_section,
    estimated,
    search_sections,
    transfer_sections,
)
from autoevol.programs.methods import BUILT_IN
from autoevol.reports.folder import FolderReport, Report, read_folder
from autoevol.reports.known_models import limits_of
from autoevol.reports.optimization import OptimizationReport
from autoevol.reports.rates import FAILURE_RATE, RateReport, figure_of
from autoevol.reports.run import RunReport
from autoevol.reports.text import counts
from autoevol.store.call_times import seconds_by_role
from autoevol.store.journal import FileJournal
from autoevol.store.method_files import load_method
from autoevol.store.parts import Parts
from autoevol.store.run import read_methods, read_run


def page_of(folder: Path) -> ReportPage:
    """All that the report of a folder shows; of a run that has not ended, what there is.

    Raises:
        InputError: If it is no run folder.
        StoreError: If a file is damaged, or was written by a later version.
    """
    found = read_folder(folder)
    history = History(_methods(folder), FileJournal(folder / "journal.jsonl").steps())
    marked = {row for step in history.steps for score in step.scores for row in score.marks}
    seen = look_at(_lineages(folder), marked)
    report = found.report
    objective = found.summary.metric.objective if found.summary else FAILURE_RATE
    matched = matched_texts(_lines(folder), matched_ids(seen.gated))
    sections = [
        *method_sections(history, seen.seeds, objective),
        *data_sections(seen, found.summary, folder, matched),
    ]
    sections += quality_sections(seen, folder)
    if table := _apart(found):
        sections = [_table_section(table)]
    elif found.search:
        sections = search_sections(found.search)
    elif found.comparison:
        sections = comparison_sections(found.comparison)
    elif found.transfer:
        sections = transfer_sections(found.transfer)
    priced = found.search or found.transfer or found.summary
    if found.estimate:
        sections.insert(0, estimate_section(found.estimate, priced.ledger.total.calls if priced else None))
    if priced:
        sections.append(cost_section(priced.ledger, priced.seconds, _times(folder)))
    versions: Mapping[str, str] = getattr(report, "versions", {})
    sections.append(settings_section(folder, read_run(folder) or {}, found.summary, versions))
    return ReportPage(
        title=folder.resolve().name,
        verdict=_verdict(found, seen),
        warnings=tuple(_warnings(found, seen)),
        facts=tuple(_facts(found)),
        sections=tuple(sections),
    )


def _methods(folder: Path) -> dict[str, Method]:
    """Every method that the folder or this version knows, by id."""
    known = {method.id: method for method in BUILT_IN.values()}
    known |= read_methods(folder)
    if (folder / "method.json").exists():
        chosen = load_method(folder)
        known[chosen.id] = chosen
    for step in FileJournal(folder / "journal.jsonl").steps():
        proposed = (candidate.method for candidate in step.candidates)
        known |= {method.id: method for method in proposed if method}
    return known


def _lineages(folder: Path) -> Iterator[Lineage]:
    return map(decode_lineage, _lines(folder))


def _lines(folder: Path) -> Iterator[Mapping[str, Any]]:
    """The finished rows as they stand in the parts."""
    if (folder / "parts" / "manifest.jsonl").exists():
        yield from Parts(folder / "parts", None).lines()


def _times(folder: Path) -> dict[str, float]:
    """Seconds of the calls by role; none where the calls are stored elsewhere."""
    return seconds_by_role(folder / "calls.sqlite", (read_run(folder) or {}).get("run_id", ""))


def _apart(found: FolderReport) -> Report | None:
    """A report that the page shows as the command has printed it."""
    return found.proof or found.answers or found.headroom or found.benchmarks


def _table_section(report: Report) -> Section:
    return Section("found", "What was found", (Grid.of("As printed", ("", "result"), report.table_rows()),))


def _verdict(found: FolderReport, seen: RowsSeen) -> str:
    if found.proof:
        void = found.proof.conclusion.void
        return f"Void: {void}." if void else "The proof has ended; a verdict on every arm is below."
    if found.answers:
        return f"{found.answers.conclusion[:1].upper()}{found.answers.conclusion[1:]}."
    if found.headroom:
        return f"{found.headroom.verdict}."
    if found.benchmarks:
        done = found.benchmarks
        return f"{len(done.measured)} of {len(done.asked)} benchmarks have a result."
    if found.search:
        best = found.search.best
        trials, objective = found.search.trials, found.search.metric.objective
        picked = next((one for one in trials if best and one.trial == best.trial), None)
        if picked is None:
            return "No trial has a result yet."
        told = (
            f"Best of {len(trials)} trials on the dev rows: trial {picked.trial}, {picked.told(objective)}."
        )
        return f"{told} {found.search.holdout_verdict}".rstrip()
    if found.comparison:
        ranked = [one for one in found.comparison.standings if one.rank] or found.comparison.standings[:1]
        first = [one for one in ranked if one.rate == ranked[0].rate]
        names = " and ".join(one.contestant for one in first)
        near = [one.contestant for one in ranked if one.tied and one not in first]
        names += f" (tied with {', '.join(near)})" if near else ""
        rate = f"{found.comparison.figure} {ranked[0].told(found.comparison.objective)} on the holdout"
        rate += _labelled(found)
        return f"{names} {'share the first place' if len(first) > 1 else 'comes first'}: {rate}."
    if found.transfer:
        return best_method(found.transfer)
    if found.summary and found.summary.optimization:
        return found.summary.optimization.verdict
    if found.summary and found.summary.evolution:
        done = found.summary.evolution
        return (
            f"Of {done.rows} rows, {done.passed} passed, {done.failed} failed and {done.unscored} were lost."
        )
    if found.estimate:
        return estimated(found.estimate)
    return f"This run has not ended: {len(found.steps)} steps and {seen.rows} rows are finished so far."


def _labelled(found: FolderReport) -> str:
    return f" ({found.comparison.label})" if found.comparison and found.comparison.label else ""


def _warnings(found: FolderReport, seen: RowsSeen) -> Iterator[str]:
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
            yield f"{done.unscored} rows were lost: {counts(done.losses)}. `autoevol retry` takes them up."
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
        yield f"{lost} holdout rows were not scored and are in no rate."
    if done.stopped == "budget":
        yield "The optimisation ended at the budget, not by itself."
    if done.stopped == "share":
        yield "The optimisation ended where its share of the budget did, not by itself."


def _facts(found: FolderReport) -> Iterator[Fact]:
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
            span = f"{_points(done.change.low)} to {_points(done.change.high)}, 95 %"
            yield Fact("change, in points", _points(done.change.difference), span)
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
        yield Fact("measured by", summary.metric.detector, summary.metric.calibration or "not calibrated")


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
