"""Makes the arms that a run lacks, in one session with one store, budget and ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dspy.utils.exceptions import LMError

from autoevol.commands.job import Job
from autoevol.commands.methods import find_method, make_policy
from autoevol.commands.models import asking
from autoevol.commands.stages import row_pipeline
from autoevol.config import Settings
from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.core.errors import BudgetReached
from autoevol.core.records import Case, Outcome, Row, Verdict, digest
from autoevol.core.seeds import derived_fraction
from autoevol.evolution.source import PlacedRow
from autoevol.evolution.stage import evolve_rows
from autoevol.lm.answers import FILTERED
from autoevol.programs.respond import RespondToInstruction
from autoevol.proof.analysis import SEEDS
from autoevol.proof.pairs import Pair, evolved_pairs
from autoevol.store.method_files import load_method


@dataclass(frozen=True)
class ListedRows:
    """Rows in memory, as a source of the bulk stage."""

    listed: Sequence[Row]

    def rows(self, after: int, done: Iterator[int]) -> Iterator[PlacedRow]:
        """See `RowSource`."""
        finished = set(done)
        for record, row in enumerate(self.listed):
            if record > after or (record == after and int(row.id, 16) not in finished):
                yield PlacedRow(row, record)


def drawn_rows(rows: Sequence[Row], most: int) -> list[Row]:
    """The seeds that arms are made from, in an order independent of their file's."""
    return sorted(rows, key=lambda row: derived_fraction("arm", row.id))[:most]


def calls_of_arms(names: Sequence[str], rows: int, settings: Settings, judge_calls: int) -> dict[str, int]:
    """Maximum LM calls for each missing arm, including retries of failed rows."""
    policy = make_policy(_settings_of_arm(settings), None)
    evolved = rows * policy.rounds * (1 + policy.retries) * (2 + judge_calls)
    return {name: rows if name == SEEDS else evolved for name in names}


def make_arm(job: Job, name: str, rows: Sequence[Row], start: str) -> list[Pair]:
    """Make the pairs of one arm; replies in the store are free, so a stopped proof can be resumed.

    Args:
        job: Session, metric and settings of the run under test.
        name: One of `arms.MADE`.
        rows: Seeds.
        start: Name of the method that the run began with, for `initial`.

    Raises:
        BudgetReached: If a cap is reached: an arm with fewer seeds than the others would be useless.
        StopRun: If access, the endpoint or the disk fails.
    """
    job.listener.phase(name, len(rows))
    with asking(job.session, job.settings.models):
        if name == SEEDS:
            return aio.run_and_wait(_answer_all(job, rows))
        method = find_method(start) if name == "initial" else None
        settings = _settings_of_arm(job.settings)
        folder = job.folder.path / "arms" / name
        folder.mkdir(parents=True, exist_ok=True)
        tally = evolve_rows(
            row_pipeline(replace(job, settings=settings), make_policy(settings, method)),
            ListedRows(rows),
            folder,
            settings.pipeline,
            concurrency=settings.requests.concurrency,
            on_case=job.listener.case,
        )
    if not tally.complete:
        raise BudgetReached(f"the budget ended the arm {name}")
    return evolved_pairs(folder)


def start_of(folder: Path, settings: Settings) -> str:
    """The method that a run began with; for an evolution with one method, that method."""
    if (folder / "journal.jsonl").exists() or not (folder / "method.json").exists():
        return settings.methods.start[0]
    return load_method(folder).name or settings.methods.start[0]


def natural_answers(rows: Sequence[Row]) -> Mapping[str, str]:
    """The answers in the seed file, by seed."""
    return {digest(row.instruction): row.reference for row in rows if row.reference}


def _settings_of_arm(settings: Settings) -> Settings:
    """The settings of the run under test, but for keeping only the last round of every row."""
    pipeline = replace(settings.pipeline, with_seeds=0.0, keep="last", mix=None, target_rows=None)
    return replace(settings, pipeline=pipeline)


async def _answer_all(job: Job, rows: Sequence[Row]) -> list[Pair]:
    ask = RespondToInstruction(job.settings.models.system)

    async def answered(row: Row) -> Pair | None:
        with in_scope(f"proof:{row.id}"):
            try:
                said = await ask.acall(instruction=row.instruction, context=row.context)
            except LMError as error:
                job.listener.case(Case(row.id, Verdict(Outcome.UNSCORED, reason=str(error))))
                return None
        job.listener.case(Case(row.id, Verdict(Outcome.PASSED)))
        if not said.response.strip() or said.finish_reason in ("length", FILTERED):
            return None
        return Pair(row.id, digest(row.instruction), row.instruction, said.response)

    width = job.settings.requests.concurrency
    async with aio.ordered(answered, rows, width) as pairs:
        return [pair async for pair in pairs if pair is not None]
