"""`autoevol again` as a function: the rounds of a run chosen, answered or judged anew.

Every round of every row is in the parts of a run, so a data set of other rounds, with other
responses or by another measure needs no evolution. What comes out is a run folder itself.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import dspy

from autoevol.commands import jobs
from autoevol.commands.jobs import Listener
from autoevol.commands.workflow import (
    Result,
    budget_stop,
    decisive,
    policy_of,
    read_settings,
    seeds_of,
    session_of,
)
from autoevol.config import (
    AgainConfig,
    BudgetConfig,
    EndpointConfig,
    MetricConfig,
    ModelConfig,
    PipelineConfig,
)
from autoevol.core.errors import InputError
from autoevol.evolution.outputs import Tally
from autoevol.evolution.renewal import Renewal
from autoevol.evolution.retry import retry_rows
from autoevol.evolution.stage import evolve_rows
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.reports.folder import read_report
from autoevol.reports.run import FILE, RunReport
from autoevol.reports.summary import summarise
from autoevol.store.files import read_json, write_json
from autoevol.store.parts import Parts
from autoevol.store.run import RunFolder, load_method


def again(
    source: Path,
    out: Path,
    wanted: AgainConfig,
    endpoint: EndpointConfig,
    budget: BudgetConfig,
    listener: Listener,
    *,
    store: str | None = None,
) -> Result:
    """Make a run folder of the finished rows of another one; the same command goes on, or retries.

    Raises:
        InputError: If `source` has no finished rows, or is `out`.
    """
    if not (source / "parts").is_dir():
        raise InputError(f"{source} has no finished rows (no folder `parts`)")
    if out.exists() and out.samefile(source):
        raise InputError(f"{out} is the run itself; give another --out")
    with RunFolder(source) as old:
        plan = _Plan.of(old, wanted, endpoint)
        with (
            RunFolder(out, {"of": old.run_id, **plan.decisive}) as folder,
            session_of(folder, plan.models, plan.metrics, budget, store) as session,
        ):
            started = time.monotonic()
            _take_over(old, folder)
            metric = jobs.make_metric(session, plan.models, plan.metrics)
            tally, seeds = _renew(old, folder, plan, session, metric, listener), seeds_of(old)
            out_of_budget = not tally.complete
            tally.complete = not out_of_budget and tally.rows == seeds.here
            summary = summarise(
                folder, session, seeds, plan.models, plan.metrics, metric, started, None, tally
            )
            before = read_report(source / FILE, RunReport)
            if before and before.gates:
                # What gates refused was counted from the old rounds, so it is told as they were set.
                summary = replace(summary, gates=before.gates)
                write_json(out / FILE, summary.to_json())
            return Result(summary, budget_stop(session) if out_of_budget else None)


@dataclass(frozen=True)
class _Plan:
    """What is done anew, by what."""

    models: ModelConfig
    metrics: MetricConfig
    pipeline: PipelineConfig
    answer: bool
    judge: bool

    @classmethod
    def of(cls, old: RunFolder, wanted: AgainConfig, endpoint: EndpointConfig) -> _Plan:
        """The settings of the old run, changed as wanted."""
        known = read_settings(EndpointConfig, read_json(old.path / "endpoint.json") or {})
        # Another model that answers may be anywhere; the others are where they were.
        asked = endpoint if wanted.answer_with else endpoint.over(known)
        given = {**old.settings, **asdict(asked)}
        models, metrics = read_settings(ModelConfig, given), read_settings(MetricConfig, given)
        return cls(
            replace(models, evol_model=wanted.answer_with or models.evol_model),
            replace(
                metrics,
                detector=wanted.detector or metrics.detector,
                judge_model=wanted.judge_model or metrics.judge_model,
            ),
            replace(read_settings(PipelineConfig, given), keep=wanted.keep or given["keep"]),
            answer=wanted.answer_with is not None,
            judge=bool(wanted.detector or wanted.judge_model),
        )

    @property
    def decisive(self) -> dict[str, Any]:
        """What decides the result."""
        settings = decisive(self.models, self.metrics, self.pipeline)
        return {"answer": self.answer, "judge": self.judge, **settings}


def _renew(
    old: RunFolder,
    folder: RunFolder,
    plan: _Plan,
    session: Session,
    metric: FailureMetric,
    listener: Listener,
) -> Tally:
    """Bring the rows of `old` into `folder`; if they are all there, retry those that were lost there."""
    parts, compare = Parts(old.path / "parts", None), plan.pipeline.keep == "best"
    work = Renewal(
        policy_of(parts, old),
        metric,
        plan.models.evol_model,
        parts,
        answer=plan.answer,
        judge=plan.judge,
        system=plan.models.system,
        compare=compare,
    )
    told = {"concurrency": plan.models.concurrency, "on_case": listener.case}
    dead = _dead(folder)
    listener.phase("again", parts.rows)
    # A key for the model is needed only where it is asked.
    asked = plan.answer or compare
    with dspy.context(lm=jobs.evol_lm(session, plan.models)) if asked else nullcontext():
        tally = evolve_rows(work, work, folder.path, plan.pipeline, **told)
        if dead and tally.complete:
            made = Parts(folder.path / "parts", None)
            tally = retry_rows(work, made, folder.path, keep=plan.pipeline.keep, **told)
    return tally


def _take_over(old: RunFolder, new: RunFolder) -> None:
    """What describes the rows: their methods, and what the seeds held."""
    new.save_methods(old.methods().values())
    new.save_seeds(None, asdict(seeds_of(old)))
    if (old.path / "method.json").exists():
        new.save_method(load_method(old.path), {})


def _dead(folder: RunFolder) -> bool:
    known = folder.path / "parts"
    return known.is_dir() and any(part.dead for part in Parts(known, None))
