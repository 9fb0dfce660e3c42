"""From a run folder to the record of what its report shows. Nothing is written, and no model is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from autoevol.core.records import Method
from autoevol.evolution.lineage import Lineage, decode_lineage
from autoevol.pages.blocks import Grid, ReportPage, Section
from autoevol.pages.closing_sections import cost_section, settings_section
from autoevol.pages.data_sections import data_sections
from autoevol.pages.duplicates import matched_ids, matched_texts
from autoevol.pages.headline import facts, verdict, warnings
from autoevol.pages.history import History
from autoevol.pages.method_sections import method_sections
from autoevol.pages.quality_sections import quality_sections
from autoevol.pages.rows import look_at
from autoevol.pages.study_sections import (
    comparison_sections,
    estimate_section,
    search_sections,
    transfer_sections,
)
from autoevol.programs.methods import BUILT_IN
from autoevol.reports.folder import FolderReport, Report, read_folder
from autoevol.reports.rates import FAILURE_RATE
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
        verdict=verdict(found, seen),
        warnings=tuple(warnings(found, seen)),
        facts=tuple(facts(found)),
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
    told = Grid.of("As the command printed it", ("figure", "result"), report.table_rows())
    return Section("found", "What was found", (told,))
