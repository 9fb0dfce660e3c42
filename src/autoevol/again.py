"""`autoevol again` as a function: the rounds of a run chosen, answered or judged anew.

Every round of every row is in the parts of a run, so a data set of other rounds, with other
responses or by another measure needs no evolution. What comes out is a run folder itself.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import dspy

from autoevol import jobs
from autoevol.config import (
    AgainConfig,
    BudgetConfig,
    EndpointConfig,
    MetricConfig,
    ModelConfig,
    PipelineConfig,
)
from autoevol.data.scan import Scanned
from autoevol.errors import InputError, StoreError
from autoevol.jobs import Listener
from autoevol.pipeline.renewal import Renewal
from autoevol.pipeline.retry import retry_rows
from autoevol.pipeline.stage import evolve_rows
from autoevol.store.files import read_json, write_json
from autoevol.store.parts import Parts
from autoevol.store.run import RunFolder, load_method
from autoevol.summary import summarise
from autoevol.workflow import Outcome, budget_stop, decisive, policy_of, read_settings, session_of


def again(
    source: Path,
    out: Path,
    wanted: AgainConfig,
    endpoint: EndpointConfig,
    budget: BudgetConfig,
    listener: Listener,
    *,
    store: str | None = None,
) -> Outcome:
    """Make a run folder of the finished rows of another one; the same command goes on, or retries.

    Raises:
        InputError: If `source` has no finished rows, or is `out`.
    """
    if not (source / "parts").is_dir():
        raise InputError(f"{source} has no finished rows (no folder `parts`)")
    if out.exists() and out.samefile(source):
        raise InputError(f"{out} is the run itself; give another --out")
    with RunFolder(source) as old:
        given = {**old.settings, **asdict(endpoint)}
        models, metrics = read_settings(ModelConfig, given), read_settings(MetricConfig, given)
        pipeline = replace(read_settings(PipelineConfig, given), keep=wanted.keep or given["keep"])
        models = replace(models, evol_model=wanted.answer_with or models.evol_model)
        metrics = replace(
            metrics,
            detector=wanted.detector or metrics.detector,
            judge_model=wanted.judge_model or metrics.judge_model,
        )
        answer, judge = wanted.answer_with is not None, bool(wanted.detector or wanted.judge_model)
        parts, seeds = Parts(source / "parts", None), _seeds(old)
        settings = {"of": old.run_id, "answer": answer, "judge": judge}
        with (
            RunFolder(out, {**settings, **decisive(models, metrics, pipeline)}) as folder,
            session_of(folder, models, metrics, budget, store) as session,
        ):
            started = time.monotonic()
            _take_over(old, folder)
            metric = jobs.make_metric(session, models, metrics)
            work = Renewal(
                policy_of(parts, old),
                metric,
                models.evol_model,
                parts,
                answer=answer,
                judge=judge,
                system=models.system,
                compare=pipeline.keep == "best",
            )
            dead = _dead(folder)
            listener.phase("again", parts.rows)
            # A key for the model is needed only where it is asked.
            asked = answer or pipeline.keep == "best"
            with dspy.context(lm=jobs.evol_lm(session, models)) if asked else nullcontext():
                tally = evolve_rows(
                    work, work, out, pipeline, concurrency=models.concurrency, on_case=listener.case
                )
                if dead and tally.complete:
                    tally = retry_rows(
                        work,
                        Parts(out / "parts", None),
                        out,
                        keep=pipeline.keep,
                        concurrency=models.concurrency,
                        on_case=listener.case,
                    )
            summary = summarise(folder, session, seeds, models, metrics, metric, started, None, tally)
            gates = (read_json(source / "summary.json") or {}).get("gates")
            if gates:
                summary["gates"] = gates
                write_json(out / "summary.json", summary)
            return Outcome(summary, None if tally.complete else budget_stop(session))


def _seeds(old: RunFolder) -> Scanned:
    found = old.seeds()
    if found is None:
        raise StoreError(f"{old.path} does not say what its seeds held (no seeds.json)")
    return Scanned(**found[1])


def _take_over(old: RunFolder, new: RunFolder) -> None:
    """What describes the rows: their methods, and what the seeds held."""
    new.save_methods(old.methods().values())
    new.save_seeds(None, asdict(_seeds(old)))
    if (old.path / "method.json").exists():
        new.save_method(load_method(old.path), {})


def _dead(folder: RunFolder) -> bool:
    known = folder.path / "parts"
    return known.is_dir() and any(part.dead for part in Parts(known, None))
