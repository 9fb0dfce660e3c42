"""`autoevol again` as a function: choose, answer or judge the rounds of a run anew.

The parts of a run hold every round of every row, so a data set of other rounds, with other responses or
by another metric needs no new evolution. The result is a run folder itself.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from autoevol.commands import stages
from autoevol.commands.job import Job, Listener, open_job
from autoevol.commands.keywords import take
from autoevol.commands.models import asking
from autoevol.commands.past import all_done, check_rows, policy_of, seeds_of, settings_of
from autoevol.commands.result import Result
from autoevol.config import AgainConfig, EndpointConfig, RoleConfig, Settings
from autoevol.core.errors import InputError
from autoevol.core.progress import Progress
from autoevol.evolution.outputs import Tally
from autoevol.evolution.renewal import Renewal
from autoevol.evolution.stage import evolve_rows
from autoevol.reports.folder import read_report
from autoevol.reports.run import FILE, RunReport
from autoevol.reports.summary import summarise
from autoevol.store.method_files import load_method
from autoevol.store.parts import Parts
from autoevol.store.run import RunFolder
from autoevol.store.sealed import write_sealed


def again(
    source: str | Path,
    out: str | Path,
    *,
    wanted: AgainConfig | None = None,
    endpoint: EndpointConfig | None = None,
    settings: Settings | None = None,
    listener: Listener | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Result[RunReport]:
    """Make a run folder from the finished rows of another one: `autoevol again`.

    The same call resumes, or retries dead rows.

    Args:
        source: The run folder.
        out: The new one.
        wanted: What is done anew, and with which models.
        endpoint: Where the models are; fields left out keep their last value.
        settings: Only requests, budget and call store are used; the rest is as in the run.
        listener: As for `run`.
        options: Fields of these by the names of the command's options.

    Raises:
        InputError: If `source` has no finished rows, or is `out`.
        StoreError, StopRun: As for `run`.
    """
    source, out, listener = Path(source), Path(out), listener or Progress()
    now, wanted, endpoint = take(
        "again", settings, options, wanted or AgainConfig(), endpoint or EndpointConfig()
    )
    check_rows(source)
    if out.exists() and out.samefile(source):
        raise InputError(f"{out} is the run itself; give another --out")
    with RunFolder(source) as old:
        plan = _Plan.of(old, now, wanted, endpoint)
        inputs = {"of": old.run_id, "answer": plan.answer, "judge": plan.judge}
        decided = {**plan.settings.decisive("models", "metrics", "pipeline"), "inputs": inputs}
        with (
            RunFolder(out, decided) as folder,
            open_job(folder, plan.settings, listener, roles=("evol", "judge"), gated=False) as job,
        ):
            _take_over(old, folder)
            tally, seeds = _renew(job, old, plan), seeds_of(old)
            out_of_budget = not tally.complete
            tally.complete = not out_of_budget and all_done(source, tally.rows, seeds)
            report = summarise(job, seeds, tally=tally)
            before = read_report(source / FILE, RunReport)
            if before and before.gates:
                # The refusals were counted from the old rounds, so the old gates' settings are reported.
                report = replace(report, gates=before.gates)
                write_sealed(out / FILE, report.to_json())
            return Result(report, out, job.ending(tally, out_of_budget=out_of_budget))


@dataclass(frozen=True)
class _Plan:
    """The settings of the new run, and what is done anew."""

    settings: Settings
    answer: bool
    judge: bool

    @classmethod
    def of(cls, old: RunFolder, now: Settings, wanted: AgainConfig, endpoint: EndpointConfig) -> _Plan:
        """The settings of the old run, changed as wanted."""
        known = settings_of(old, now, endpoint)
        models, metrics, pipeline = known.models, known.metrics, known.pipeline
        if wanted.answer_with:
            # The new answering model may have another endpoint; the others keep theirs.
            judge, asked = models.judge, models.resolved("judge")
            if judge.model:
                judge = replace(judge, api_base=asked.api_base, api_key_env=asked.api_key_env)
            there = {"api_base": endpoint.api_base, "api_key_env": endpoint.api_key_env}
            evol = replace(models.evol, model=wanted.answer_with, **there)
            models = replace(models, evol=evol, respond=RoleConfig(), judge=judge)
        if wanted.judge_model:
            models = replace(models, judge=replace(models.judge, model=wanted.judge_model))
        metrics = replace(metrics, detector=wanted.detector or metrics.detector)
        pipeline = replace(pipeline, keep=wanted.keep or pipeline.keep)
        return cls(
            replace(known, models=models, metrics=metrics, pipeline=pipeline),
            answer=wanted.answer_with is not None,
            judge=bool(wanted.detector or wanted.judge_model),
        )


def _renew(job: Job, old: RunFolder, plan: _Plan) -> Tally:
    """Bring the rows of `old` into the folder; if all are there, retry the dead ones."""
    settings, folder = job.settings, job.folder
    parts, compare = Parts(old.path / "parts", None), settings.pipeline.keep == "best"
    work = Renewal(
        policy_of(parts, old),
        job.metric,
        settings.models.evol.model,
        parts,
        answer=plan.answer,
        judge=plan.judge,
        system=settings.models.system,
        compare=compare,
    )
    dead = _dead(folder)
    job.listener.phase("again", parts.rows, before=stages.finished_rows(folder.path))
    # A key for the model is needed only where it is asked.
    asked = plan.answer or compare
    with asking(job.session, settings.models) if asked else nullcontext():
        tally = evolve_rows(
            work,
            work,
            folder.path,
            settings.pipeline,
            concurrency=settings.requests.concurrency,
            on_case=job.listener.case,
        )
        if dead and tally.complete:
            tally = stages.retry(job, work, Parts(folder.path / "parts", None))
    return tally


def _take_over(old: RunFolder, new: RunFolder) -> None:
    """Copy what describes the rows: their methods, and what the seeds held."""
    new.save_methods(old.methods().values())
    new.save_seeds(None, asdict(seeds_of(old)))
    if (old.path / "method.json").exists():
        new.save_method(load_method(old.path), {})


def _dead(folder: RunFolder) -> bool:
    known = folder.path / "parts"
    return known.is_dir() and any(part.dead for part in Parts(known, None))
