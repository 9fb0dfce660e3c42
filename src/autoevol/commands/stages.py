"""The stages of a run after its optimisation: evolve all rows, retry the dead ones."""

from __future__ import annotations

from pathlib import Path

from autoevol.commands.job import Job
from autoevol.commands.models import asking_for_rows
from autoevol.evolution.outputs import Tally
from autoevol.evolution.policy import Policy
from autoevol.evolution.retry import retry_rows
from autoevol.evolution.rounds import RowPipeline
from autoevol.evolution.source import RowSource
from autoevol.evolution.stage import evolve_rows
from autoevol.store.parts import Parts


def evolve(job: Job, source: RowSource, policy: Policy, total: int) -> Tally:
    """Evolve all rows of `source`, `total` of them, into the run folder's files."""
    settings = job.settings
    partly = bool(settings.pipeline.target_rows)
    job.listener.phase("evolve", total, at_most=partly, before=finished_rows(job.folder.path))
    job.folder.save_methods([choice.method for choice in policy.choices])
    with asking_for_rows(job.session, settings, job.listener.note):
        return evolve_rows(
            row_pipeline(job, policy),
            source,
            job.folder.path,
            settings.pipeline,
            concurrency=settings.rows_at_once,
            on_case=job.listener.case,
            forget=job.session.store.forget if settings.pipeline.forget_calls else None,
        )


def retry(job: Job, work: RowPipeline, parts: Parts) -> Tally:
    """Run the dead rows of `parts` again, with the models of the current `asking` block."""
    return retry_rows(
        work,
        parts,
        job.folder.path,
        keep=job.settings.pipeline.keep,
        concurrency=job.settings.rows_at_once,
        on_case=job.listener.case,
    )


def finished_rows(folder: Path) -> int:
    """The number of rows that are finished in a folder."""
    return Parts(folder / "parts", None).rows if (folder / "parts").is_dir() else 0


def row_pipeline(job: Job, policy: Policy) -> RowPipeline:
    """The pipeline that takes a row through its rounds."""
    models = job.settings.models
    return RowPipeline(
        policy,
        job.metric,
        models.evol.model,
        gates=job.gates,
        system=models.system,
        compare=job.settings.pipeline.keep == "best",
        responds=models.respond.model,
    )
