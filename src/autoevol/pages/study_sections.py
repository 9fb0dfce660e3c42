"""What searches, comparisons and transfers found."""

from __future__ import annotations

from dataclasses import replace

from autoevol.pages import plots
from autoevol.pages.blocks import Block, Grid, Plot, Section, Words
from autoevol.reports.comparison import ComparisonReport
from autoevol.reports.estimate import EstimatedFigure, EstimateReport
from autoevol.reports.rates import FAILURE_RATE, USABLE_YIELD, figure_of
from autoevol.reports.search import SearchReport, describe
from autoevol.reports.text import reached
from autoevol.reports.transfer import TransferReport

_DRAWN = 8
"""Contestants whose curves are drawn; more are not told apart."""


def search_sections(report: SearchReport) -> list[Section]:
    """Trials with the front, what decides, and the holdout."""
    objective = report.metric.objective
    figure = figure_of(objective)
    done = [trial for trial in report.trials if trial.dev and trial.dev.rate is not None]
    rows = [
        (
            trial.trial,
            describe(trial.params),
            reached(trial.dev, objective)
            if not trial.pruned
            else f"given up: {trial.why_pruned or 'pruned'}",
            trial.calls,
            "on the front" if trial.trial in report.front else "",
        )
        for trial in report.trials
    ]
    grid = Grid.of("All trials", ("trial", "settings", f"{figure} on dev", "LM calls", ""), rows)
    spots = [
        plots.Spot(
            trial.calls, trial.dev.rate, trial.dev.low, trial.dev.high, trial.trial in report.front,
            f"trial {trial.trial}: {trial.told(objective)}",
        )
        for trial in done
        if trial.dev and trial.dev.rate is not None
    ]  # fmt: skip
    caption = (
        "Failure rate on the dev rows (lower is better) against LM calls, with 95 % intervals. Filled and "
        "joined: the front, which no other trial beats in both."
    )
    sections = [
        Section(
            "front", "Trials and the front", (plots.rate_chart("front", spots, "LM calls", caption, grid),)
        )
    ]
    shares: list[Block] = [
        plots.bar_chart(
            f"importance-{number}", {name.replace("_", "-"): (share,) for name, share in found.items()},
            ("share of the differences",), "setting", tell="{:.0%}".format,
            caption=f"Share of the differences in {'calls' if name_of == 'calls' else figure} between the "
            "trials that each setting explains (few trials tell little)",
        )
        for number, (name_of, found) in enumerate(report.importances.items())
        if found
    ]  # fmt: skip
    if shares:
        sections.append(Section("importance", "Which settings decide", tuple(shares)))
    by_number = {trial.trial: trial for trial in report.trials}
    lines = [
        (
            f"{line.trial}{' (first)' if line.trial == report.first else ''}",
            describe(by_number[line.trial].params),
            line.failure.told(objective),
            line.against_first(objective),
        )
        for line in report.holdout or ()
    ]
    if lines:
        columns = ("trial", "settings", figure, "against the first configuration")
        sections.append(Section("holdout", "On the holdout", (Grid.of("Holdout", columns, lines),)))
    return sections


def comparison_sections(report: ComparisonReport) -> list[Section]:
    """Ranks, curves, and the traps that were met."""
    mark = f" ({report.label})" if report.label else ""
    rows = [
        (
            f"{one.contestant}{mark}",
            str(one.rank) if one.rank else "apart: tunes demos",
            one.told(report.objective),
            max(one.calls.values(), default=0),
            report.behind(one),
            str(one.row_cost) if one.row_cost else "",
        )
        for one in report.standings
    ]
    columns = (
        "contestant",
        "mean rank (1 is best)",
        f"holdout {report.figure}",
        "LM calls, at most",
        "behind the best",
        "cost",
    )
    caption = f"{report.budget} calls per entry, {report.holdout} holdout rows{mark}"
    sections = [Section("ranks", "Ranks", (Grid.of(caption, columns, rows),))]
    if curves := _curves(report):
        sections.append(Section("curves", "How they fell over calls paid", (curves,)))
    met = [(one.contestant, note) for one in report.standings for note in one.notes]
    if met:
        sections.append(
            Section("traps", "Traps met", (Grid.of("By contestant", ("contestant", "trap"), met),))
        )
    return sections


def _curves(report: ComparisonReport) -> Plot | None:
    every = {one.contestant: one.curve for one in report.standings if one.curve}
    if not every:
        return None
    curves = dict(list(every.items())[:_DRAWN])
    rows = [(name, calls, f"{rate:.1%}") for name, curve in every.items() for calls, rate in curve]
    lost = report.figure if report.objective == FAILURE_RATE else f"1 less {report.figure}"
    grid = Grid.of("The method in force", ("contestant", "calls", f"holdout {lost}"), rows)
    label = f", {report.label}" if report.label else ""
    shown = (
        f" The first {len(curves)} of {len(every)}; the table has all." if len(every) > len(curves) else ""
    )
    caption = f"Mean holdout {lost} of the method in force, over the LM calls paid{label}.{shown}"
    return plots.step_chart("curves", curves, report.budget, "LM calls paid", caption, grid)


def best_method(report: TransferReport) -> str:
    """Which method did best, in a sentence."""
    objective = report.metric.objective
    values = {one.id: one.score.value(objective) for one in report.methods if one.score}
    scored = [one for one in report.methods if values.get(one.id) is not None]
    if not scored:
        return "No method was scored."
    lowest = objective == FAILURE_RATE
    best = sorted(scored, key=lambda one: values[one.id] or 0.0, reverse=not lowest)[0]
    word = "Lowest" if lowest else "Highest"
    beside = f" Beside the reference: {report.against(best)}." if best.id != report.reference.id else ""
    return f"{word} {figure_of(objective)}: {best.source}, {reached(best.score, objective)}.{beside}"


def transfer_sections(report: TransferReport) -> list[Section]:
    """Methods on the same rows, each against the first."""
    rows = [
        (
            one.source,
            one.name,
            reached(one.score, report.metric.objective),
            report.against(one),
        )
        for one in report.methods
    ]
    grid = Grid.of(
        f"{report.seeds.rows} rows of {report.seeds.source}, evolved by {report.models.evol}",
        ("method", "name", figure_of(report.metric.objective), "against the reference"),
        rows,
    )
    objective = report.metric.objective
    values = {one.source: one.score.value(objective) for one in report.methods if one.score}
    told = {name: value for name, value in values.items() if value is not None}
    ranked = dict(sorted(told.items(), key=lambda one: one[1], reverse=objective != FAILURE_RATE))
    caption = f"{figure_of(objective)} of each method on the same rows, the best first"
    bars = {name: (value,) for name, value in ranked.items()}
    tell = "{:.1%}" if objective in (FAILURE_RATE, USABLE_YIELD) else "{:.2f}"
    plot = plots.bar_chart(
        "transfer", bars, (figure_of(objective),), "method", caption[:1].upper() + caption[1:], tell.format
    )
    left = report.seeds.left_out
    note = [Words(f"{left} rows were left out, because a method was chosen on them.")] if left else []
    return [Section("transfer", "Methods on the same rows", (plot, grid, *note))]


def estimated(report: EstimateReport) -> str:
    """What an estimate says, in a sentence."""
    return (
        f"{report.rows:,} rows of {report.source} will take about {_span(report.calls['total'])} LM calls, "
        f"{report.most_calls:,} at most, by a sample of {report.sampled}."
    )


def estimate_section(report: EstimateReport, paid: int | None) -> Section:
    """What a run was to cost, and what it has paid by now.

    Args:
        report: Of the estimate.
        paid: LM calls of the run; None if it has not been made, or not ended.
    """
    stages = {name: calls for name, calls in report.calls.items() if name != "total"}
    middles = {name: (calls.mid,) for name, calls in stages.items()}
    plot = plots.bar_chart("estimate", middles, ("LM calls",), "stage", "Estimated LM calls by stage")
    rows = [(name, _span(calls)) for name, calls in stages.items()]
    grid = Grid.of("LM calls by stage", ("stage", "estimate [95 % interval]"), rows)
    told = [] if paid is None else [Words(f"The run has paid {paid:,} calls.")]
    if paid is not None and paid > report.most_calls:
        told.append(Words("That is more than the estimate gave at most: the run has other settings."))
    printed = Grid.of("As the command told it", ("", ""), report.printed)
    return Section("estimate", "What it was to cost", (replace(plot, grid=grid), *told, printed))


def _span(figure: EstimatedFigure) -> str:
    return f"{figure.mid:,.0f} [{figure.low:,.0f}, {figure.high:,.0f}]"
