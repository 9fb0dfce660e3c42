"""Passports from run folders and files, and back into them. Never calls a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autoevol.core.errors import InputError
from autoevol.core.records import Method, Step
from autoevol.core.schema import Malformed, NewerSchema
from autoevol.reports import run, transfer
from autoevol.reports.folder import read_report
from autoevol.reports.optimization import OptimizationReport
from autoevol.reports.passport import HoldoutReport, MethodSelection, Passport, Rewrite, SplitData
from autoevol.reports.passport_page import page
from autoevol.reports.run import RunReport
from autoevol.reports.transfer import TransferReport
from autoevol.store.files import read_json, read_object, replace_text
from autoevol.store.journal import FileJournal
from autoevol.store.method_files import load_method
from autoevol.store.run import read_run
from autoevol.store.sealed import read_sealed, write_sealed

FILE, PAGE = "passport.json", "passport.md"


def make_passport(source: Path) -> Passport:
    """The passport of a run folder, or of the method in a file.

    Transfer results of a passport that is there already are kept if it is of the same method.

    Raises:
        InputError: If `source` is neither, or its run has not ended yet.
    """
    if not source.is_dir():
        return read_passport(source) if _is_passport(source) else Passport(load_method(source))
    passport = _of_run(source)
    if (source / FILE).exists():
        before = read_passport(source / FILE)
        if before.method.id == passport.method.id:
            return replace(passport, transfer=before.transfer)
    return passport


def read_passport(path: Path) -> Passport:
    """A passport from its file, or from the run folder that it lies in.

    Raises:
        InputError: If it is none, if its method has been changed since its figures were measured, or
            if a later version wrote it.
        StoreError: If anything else in it was changed.
    """
    path = path / FILE if path.is_dir() else path
    if not _is_passport(path):
        raise InputError(f"{path} is not a passport")
    data = read_object(path) or {}
    try:
        passport = Passport.from_json(data)
    except NewerSchema as error:
        raise InputError(f"{path} {error}") from error
    except Malformed as error:
        raise InputError(f"{path} is not a passport: {error}") from error
    if passport.method.id != data.get("id"):
        raise InputError(f"the method in {path} was changed after its figures were measured")
    read_sealed(path)  # nor has anything else been changed
    return passport


def read_transfer(path: Path) -> TransferReport:
    """The result of a transfer from its file, or from the folder that it lies in.

    Raises:
        InputError: If there is none.
    """
    path = path / transfer.FILE if path.is_dir() else path
    try:
        report = TransferReport.from_json(read_sealed(path))
    except NewerSchema as error:
        raise InputError(f"{path} {error}") from error
    except Malformed as error:
        raise InputError(f"{path} is not the result of a transfer: {error}") from error
    return report


def write_passport(passport: Passport, path: Path) -> None:
    """Write it as Markdown if `path` ends in .md, else as JSON."""
    if path.suffix == ".md":
        replace_text(path, page(passport))
    else:
        write_sealed(path, passport.to_json())


def leave_passport(folder: Path) -> None:
    """Write both forms of a run's passport into its folder."""
    passport = make_passport(folder)
    for name in (FILE, PAGE):
        write_passport(passport, folder / name)


def enter_transfer(report: TransferReport, path: Path) -> None:
    """Enter a transfer in the passport at `path`, and in its page if there is one.

    A method that the budget did not reach leaves the passport as it is.

    Raises:
        InputError: If there is no passport.
    """
    path = path / FILE if path.is_dir() else path
    passport = read_passport(path)
    if report.score_of(passport.method.id) is None:
        return
    entered = passport.with_transfer(report)
    write_passport(entered, path)
    if (shown := path.with_suffix(".md")).exists():
        write_passport(entered, shown)


def rows_seen(source: Path) -> frozenset[str]:
    """Ids of the rows that the choice of the method in `source` depends on, as far as it tells.

    Scores on these rows flatter the method. A bare method file and a name tell nothing.
    """
    if source.is_file() and _is_passport(source):
        return frozenset(read_passport(source).rows_seen)
    folder = source.parent if source.name == "method.json" else source
    journal = folder / "journal.jsonl"
    return frozenset(_seen(FileJournal(journal).steps()) if journal.exists() else ())


def _is_passport(path: Path) -> bool:
    # A passport has had a schema from the beginning: without one, it is a bare method file.
    data = read_json(path) if path.suffix == ".json" else None
    kind = Passport.SCHEMA.rpartition("/")[0]
    return isinstance(data, dict) and str(data.get("schema")).rpartition("/")[0] == kind


def _of_run(folder: Path) -> Passport:
    begun = read_run(folder)
    if begun is None:
        raise InputError(f"{folder} is not a run folder: it has no run.json")
    report = read_report(folder / run.FILE, RunReport)
    if report is None or not (folder / "method.json").exists():
        raise InputError(f"{folder} has no passport yet: run it until it leaves method.json and summary.json")
    settings, method, optimization = begun["settings"], load_method(folder), report.optimization
    passport = Passport(
        method=method,
        run=begun,
        models=report.models,
        data=SplitData.from_scan(report.seeds, optimization.split if optimization else None),
        measure=report.metric,
        rounds=settings.get("methods", {}).get("rounds"),
        seeds={"loop": settings.get("loop", settings.get("pipeline", {})).get("seed")},
        versions=report.versions,
        cost=report.ledger,
    )
    if optimization is None:
        return passport
    steps = FileJournal(folder / "journal.jsonl").steps()
    return _with_choice(passport, optimization, steps, settings.get("methods", {}).get("selection"))


def _with_choice(
    passport: Passport, optimization: OptimizationReport, steps: Sequence[Step], rule: str | None
) -> Passport:
    return replace(
        passport,
        selection=MethodSelection(
            rule, optimization.stopped, optimization.before, _lineage(steps, passport.method)
        ),
        dev_curve=optimization.dev_curve,
        holdout=HoldoutReport(
            optimization.holdout_before, optimization.holdout_after, optimization.verdict, optimization.change
        ),
        rows_seen=tuple(sorted(_seen(steps))),
    )


def _seen(steps: Sequence[Step]) -> set[str]:
    scored = {row_id for step in steps for score in step.scores for row_id in score.marks}
    return scored.union(*(step.batch_ids for step in steps))


def _lineage(steps: Sequence[Step], method: Method) -> tuple[Rewrite, ...]:
    # The first proposal of a text counts, and parents are older: so this ends.
    first: dict[str, Rewrite] = {}
    for step in steps:
        for one in step.candidates:
            if one.method:
                origin = Rewrite(step.number, one.method.id, one.parent_id, one.feedback)
                first.setdefault(one.method.id, origin)
    line: list[Rewrite] = []
    current = method.id
    while current in first and (not line or first[current].step < line[-1].step):
        line.append(first[current])
        current = first[current].parent_id
    return tuple(line[::-1])
