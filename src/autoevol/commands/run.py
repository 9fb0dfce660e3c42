"""`autoevol run`, `optimize` and `evolve`: open the run folder, run the stages, write a summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autoevol.commands import optimizing, stages
from autoevol.commands.job import Job, Listener, open_job
from autoevol.commands.keywords import take
from autoevol.commands.methods import find_method, make_policy
from autoevol.commands.past import as_begun, save_seeds, scanned_of
from autoevol.commands.plan import plan_loaded
from autoevol.commands.result import Result
from autoevol.commands.shares import Share
from autoevol.config import DataConfig, Settings
from autoevol.core.errors import InputError
from autoevol.core.progress import Progress
from autoevol.core.records import Method
from autoevol.data.load import Loaded, load_rows
from autoevol.data.scan import Scanned, fingerprint, scan
from autoevol.data.shard import Shard
from autoevol.data.sources import name_of
from autoevol.evolution.source import FileRows
from autoevol.lm.budget import Caps
from autoevol.lm.prices import caps_of
from autoevol.reports import passports
from autoevol.reports.run import RunReport
from autoevol.reports.summary import summarise
from autoevol.store.files import replacing
from autoevol.store.run import RunFolder
from autoevol.store.sealed import check_source


def run(
    seeds: str | Path,
    out: str | Path,
    *,
    settings: Settings | None = None,
    listener: Listener | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Result[RunReport]:
    """Optimise a method on `seeds`, then evolve all of them with it: `autoevol run`.

    Args:
        seeds: A file, the name of a Hugging Face data set, or `sample`.
        out: Run folder; the same call resumes a run that was stopped.
        settings: All settings; the defaults if None.
        listener: Receives the progress; by default it is logged, or written to standard error.
        options: Settings by the names of the command's options; they override `settings`.

    Raises:
        InputError: If a setting, a model or the seeds cannot be used; raised before anything is paid for.
        StoreError: If another process holds the folder, or it cannot be written.
        StopRun: If access, the endpoint or the disk fails; finished work is kept. Reaching the budget
            raises nothing: see `Result.stopped_by`.
    """
    (settings,) = take("run", settings, options)
    settings = as_begun(Path(out), settings)
    make_policy(settings, None)  # a mix that cannot be read ends here
    return _optimized(name_of(seeds), Path(out), settings, listener or Progress(), evolve=True)


def optimize(
    seeds: str | Path,
    out: str | Path,
    *,
    settings: Settings | None = None,
    listener: Listener | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Result[RunReport]:
    """Optimise a method on `seeds`, and stop there: `autoevol optimize`. Everything else as for `run`."""
    (settings,) = take("optimize", settings, options)
    return _optimized(name_of(seeds), Path(out), settings, listener or Progress(), evolve=False)


def _optimized(
    seeds: str, out: Path, settings: Settings, listener: Listener, *, evolve: bool
) -> Result[RunReport]:
    check_source(seeds)
    mark, loaded = fingerprint(seeds, settings.data), load_rows(seeds, **settings.data.reading())
    groups = ("loop", "methods", "models", "metrics", *(("stages", *_of_rows(settings)) if evolve else ()))
    decided = {**settings.decisive(*groups), "inputs": {"data_hash": loaded.data_hash}}
    with RunFolder(out, decided) as folder, open_job(folder, settings, listener, gated=evolve) as job:
        _set_aside(folder, loaded)
        share = _share_of(job, loaded) if evolve else None
        found = optimizing.optimize(job, loaded.rows, settings.stages.optimize if evolve else "always", share)
        tally, scanned = None, Scanned.of(loaded)
        del loaded  # the rows are streamed from here on
        if evolve and found.stopped != "budget" and not job.too_short():
            policy = make_policy(settings, found.chosen)
            source = FileRows(seeds, settings.data, promised=scanned.rows, mark=mark)
            tally = stages.evolve(job, source, policy, scanned.rows)
        # A holdout that did not fit into a share is reported; it does not end the run.
        cut = found.stopped == "budget" or (share is None and bool(found.steps) and None in found.holdout)
        stopped = cut or (tally is not None and not tally.complete)
        report = summarise(job, scanned, found, tally)
        passports.leave_passport(folder.path)
        return Result(report, out, job.ending(tally, out_of_budget=stopped))


def _share_of(job: Job, loaded: Loaded) -> Share | None:
    """What the optimisation may spend; None if that is the whole budget of the run."""
    settings = job.settings
    if settings.stages.optimize == "never" or caps_of(settings.budget) == Caps():
        return None
    return Share.of(settings, plan_loaded(loaded, settings, judge_calls=job.metric.detector.calls))


def evolve(
    seeds: str | Path,
    out: str | Path,
    *,
    method: str | Path | Method | None = None,
    shard: str | Shard | None = None,
    settings: Settings | None = None,
    listener: Listener | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Result[RunReport]:
    """Evolve all of `seeds` with a given method or WizardLM's operations: `autoevol evolve`.

    Args:
        seeds: As for `run`.
        out: As for `run`.
        method: A method, its name, its file or its run folder; None for WizardLM's operations.
        shard: One of several equal parts, such as `2/8`: only its rows are evolved, into a subfolder of
            `out`, with an equal part of the budget; `merge` joins finished shards.
        settings: As for `run`.
        listener: As for `run`.
        options: As for `run`; `rounds` is among them.

    Raises:
        InputError, StoreError, StopRun: As for `run`.
    """
    (settings,) = take("evolve", settings, options, more=("rounds",))
    seeds, out, listener = name_of(seeds), Path(out), listener or Progress()
    shard = Shard.parse(shard) if isinstance(shard, str) else shard
    known = method if isinstance(method, Method) else find_method(str(method)) if method else None
    inputs: dict[str, Any] = {"method_id": known.id if known else None}
    if shard is not None:
        if settings.pipeline.target_rows:
            raise InputError("--target-rows cannot be used with --shard: no shard knows what the others keep")
        out, settings, inputs["shard"] = out / shard.folder, settings.of_a_part(shard.of), str(shard)
    settings = as_begun(out, settings)
    policy = make_policy(settings, known)
    with RunFolder(out, claim=False) as folder:
        decided = settings.decisive("models", "metrics", *_of_rows(settings))
        decided["methods"] = {"rounds": policy.rounds}
        scanned, mark = _claim(folder, {**decided, "inputs": inputs}, seeds, settings.data, shard)
        with open_job(folder, settings, listener, roles=("evol", "respond", "judge")) as job:
            if known:
                folder.save_method(known, {})
            source = FileRows(seeds, settings.data, shard, promised=scanned.here, mark=mark)
            tally = stages.evolve(job, source, policy, scanned.here)
            report = summarise(job, scanned, tally=tally)
            return Result(report, out, job.ending(tally, out_of_budget=not tally.complete))


def _of_rows(settings: Settings) -> tuple[str, ...]:
    """The settings groups that decide what the bulk stage produces."""
    return ("pipeline", "clean") if settings.cleaning() else ("pipeline",)


def _claim(
    folder: RunFolder, settings: Mapping[str, Any], seeds: str, data: DataConfig, shard: Shard | None
) -> tuple[Scanned, str | None]:
    """Claim the folder for the seeds; returns what they hold, and their fingerprint.

    A file that has not changed is not read again.
    """
    check_source(seeds)
    mark, known = fingerprint(seeds, data), folder.seeds()

    def claim(scanned: Scanned) -> None:
        folder.claim({**settings, "inputs": {**settings["inputs"], "data_hash": scanned.data_hash}})

    if mark is not None and known is not None and known[0] == mark:
        scanned = scanned_of(folder, known[1])
        claim(scanned)
        return scanned, mark
    with replacing(folder.path / "rejects.jsonl") as lines:
        scanned = scan(seeds, data, lambda reject: lines.add(asdict(reject)), shard)
        # Inside the block: if the folder belongs to other seeds, it keeps its own rejects.
        claim(scanned)
    save_seeds(folder, mark, scanned)
    return scanned, mark


def _set_aside(folder: RunFolder, loaded: Loaded) -> None:
    if loaded.rejects:
        with replacing(folder.path / "rejects.jsonl") as lines:
            for reject in loaded.rejects:
                lines.add(asdict(reject))
    save_seeds(folder, None, Scanned.of(loaded))
