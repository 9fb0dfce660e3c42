"""`autoevol retry`: run the dead rows of a run again, with its own settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autoevol.commands import stages
from autoevol.commands.job import Listener, open_job
from autoevol.commands.keywords import take
from autoevol.commands.models import asking_for_rows
from autoevol.commands.past import all_done, check_rows, policy_of, seeds_of, settings_of
from autoevol.commands.result import Result
from autoevol.config import EndpointConfig, Settings
from autoevol.core.errors import InputError
from autoevol.core.progress import Progress
from autoevol.reports.folder import read_report
from autoevol.reports.run import FILE, RunReport
from autoevol.reports.summary import summarise
from autoevol.store.parts import Parts
from autoevol.store.run import RunFolder


def retry(
    folder: str | Path,
    *,
    endpoint: EndpointConfig | None = None,
    settings: Settings | None = None,
    listener: Listener | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Result[RunReport]:
    """Run the dead rows of a run again, with its own settings: `autoevol retry`.

    Args:
        folder: The run folder.
        endpoint: Where the models are; fields left out keep their last value.
        settings: Only requests, budget and call store are used; the rest is as in the run.
        listener: As for `run`.
        options: Fields of these by the names of the command's options.

    Raises:
        InputError: If the folder has no finished rows, or was made by `again`.
        StoreError, StopRun: As for `run`.
    """
    now, endpoint = take("retry", settings, options, endpoint or EndpointConfig())
    return _retried(Path(folder), endpoint, now, listener or Progress())


def _retried(out: Path, endpoint: EndpointConfig, now: Settings, listener: Listener) -> Result[RunReport]:
    check_rows(out)
    with RunFolder(out) as folder:
        if "of" in folder.settings.get("inputs", {}):
            raise InputError(f"{out} was made by `autoevol again`; the same command takes up its dead rows")
        settings, parts = settings_of(folder, now, endpoint), Parts(out / "parts", None)
        if not len(parts):
            raise InputError(f"{out} has no finished rows: the command that began the run goes on")
        policy = policy_of(parts, folder)
        with open_job(folder, settings, listener, roles=("evol", "respond", "judge")) as job:
            job.listener.phase("retry", sum(part.dead for part in parts))
            with asking_for_rows(job.session, settings, job.listener.note):
                tally = stages.retry(job, stages.row_pipeline(job, policy), parts)
            seeds = seeds_of(folder)
            out_of_budget = not tally.complete
            tally.complete = not out_of_budget and all_done(folder.path, tally.rows, seeds)
            before = read_report(out / FILE, RunReport)
            known = before.evolution if before else None
            tally.target = known.target if known else settings.pipeline.target_rows
            report = summarise(job, seeds, tally=tally, before=before)
            return Result(report, out, job.ending(tally, out_of_budget=out_of_budget))
