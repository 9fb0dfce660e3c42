"""The commands as functions: open the run folder, do the stages, leave a summary whatever happens."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import dspy

from autoevol.commands import jobs
from autoevol.commands.jobs import Listener
from autoevol.config import (
    FREE,
    BudgetConfig,
    CleanConfig,
    DataConfig,
    EndpointConfig,
    MetricConfig,
    ModelConfig,
    PipelineConfig,
    Settings,
)
from autoevol.config.base import open_url
from autoevol.core.errors import BudgetReached, InputError, StoreError
from autoevol.data.load import Loaded, load_rows
from autoevol.data.scan import Scanned, fingerprint, scan
from autoevol.data.shard import Shard
from autoevol.dataset.cleaner import Cleaner
from autoevol.evolution.gates import CleanGate, Gate
from autoevol.evolution.policy import Policy
from autoevol.evolution.retry import retry_rows
from autoevol.evolution.source import FileRows
from autoevol.lm.session import Session
from autoevol.reports import passports
from autoevol.reports.folder import Report
from autoevol.reports.rates import Ledger
from autoevol.reports.summary import summarise
from autoevol.store.files import read_json, replacing, write_json
from autoevol.store.parts import Parts
from autoevol.store.run import RunFolder

_Config = TypeVar("_Config")


@dataclass(frozen=True)
class Result:
    """How a command ended: its summary, and the budget stop that cut it short, if one did."""

    summary: Report
    stopped_by: BudgetReached | None = None


def run(
    seeds: str,
    out: Path,
    given: Settings,
    listener: Listener,
    *,
    store: str | None = None,
    evolve: bool = True,
) -> Result:
    """Optimise a method on `seeds`; with `evolve`, then evolve all of them with it."""
    models, loop, methods, metrics = given.models, given.loop, given.methods, given.metrics
    pipeline, clean = given.pipeline, given.clean
    jobs.make_policy(models, pipeline, methods.rounds, None)  # a mix that cannot be read ends here
    loaded = load_rows(seeds, **given.data.reading())
    rows_decide = decisive(pipeline, *_cleaning(pipeline, clean)) if evolve else {}
    settings = {**asdict(loop), **asdict(methods), **rows_decide, **decisive(models, metrics)}
    settings["data_hash"] = loaded.data_hash
    with (
        RunFolder(out, settings) as folder,
        session_of(folder, models, metrics, given.budget, store) as session,
    ):
        started = time.monotonic()
        _set_aside(folder, loaded)
        metric = jobs.make_metric(session, models, metrics)
        gates = _gates(pipeline, clean) if evolve else ()  # a missing benchmark ends here, nothing paid
        found = jobs.optimize(folder, session, loaded.rows, metric, models, loop, methods, listener)
        tally = None
        scanned = Scanned.of(loaded)
        del loaded  # the rows are streamed from here on
        if evolve and found.stopped != "budget":
            policy = jobs.make_policy(models, pipeline, methods.rounds, found.chosen)
            source = FileRows(seeds, given.data)
            tally = jobs.evolve(
                folder, session, source, scanned.rows, metric, models, pipeline, policy, listener, gates
            )
        stopped = (
            found.stopped == "budget" or None in found.holdout or (tally is not None and not tally.complete)
        )
        summary = summarise(folder, session, scanned, models, metrics, metric, started, found, tally, gates)
        passports.leave_passport(folder.path)
        return Result(summary, budget_stop(session) if stopped else None)


def evolve(
    seeds: str,
    out: Path,
    method: str | None,
    rounds: int,
    given: Settings,
    listener: Listener,
    *,
    store: str | None = None,
    shard: Shard | None = None,
) -> Result:
    """Evolve all of `seeds` with a known method, or with the operations of WizardLM.

    With a `shard`, evolve its rows only, into a folder of its own within `out`, with an equal
    part of the budget; `merging.merge` puts finished shards together.
    """
    data, models, metrics, budget = given.data, given.models, given.metrics, given.budget
    pipeline, clean = given.pipeline, given.clean
    known = jobs.find_method(method) if method else None
    policy = jobs.make_policy(models, pipeline, rounds, known)
    settings: dict[str, Any] = {"method_id": known.id if known else None, "rounds": rounds}
    if shard is not None:
        out, budget, settings["shard"] = out / shard.folder, budget.part(shard.of), str(shard)
    with RunFolder(out, claim=False) as folder:
        settings |= decisive(models, metrics, pipeline, *_cleaning(pipeline, clean))
        scanned = _claim(folder, settings, seeds, data, shard)
        with session_of(folder, models, metrics, budget, store) as session:
            started = time.monotonic()
            metric = jobs.make_metric(session, models, metrics)
            gates = _gates(pipeline, clean)
            if known:
                folder.save_method(known, {})
            source = FileRows(seeds, data, shard)
            tally = jobs.evolve(
                folder, session, source, scanned.here, metric, models, pipeline, policy, listener, gates
            )
            summary = summarise(
                folder, session, scanned, models, metrics, metric, started, None, tally, gates
            )
            return Result(summary, None if tally.complete else budget_stop(session))


def retry(
    out: Path,
    endpoint: EndpointConfig,
    budget: BudgetConfig,
    listener: Listener,
    *,
    store: str | None = None,
) -> Result:
    """Take up the dead rows of a run again, with its own settings."""
    if not (out / "parts").is_dir():
        raise InputError(f"{out} has no finished rows (no folder `parts`)")
    with RunFolder(out) as folder:
        if "of" in folder.settings:
            raise InputError(f"{out} was made by `autoevol again`; the same command takes up its dead rows")
        known = read_settings(EndpointConfig, read_json(out / "endpoint.json") or {})
        given = {**folder.settings, **asdict(endpoint.over(known))}
        models, metrics = read_settings(ModelConfig, given), read_settings(MetricConfig, given)
        parts = Parts(out / "parts", None)
        if not len(parts):
            raise InputError(f"{out} has no finished rows: the command that began the run goes on")
        policy = policy_of(parts, folder)
        with session_of(folder, models, metrics, budget, store) as session:
            started = time.monotonic()
            metric = jobs.make_metric(session, models, metrics)
            listener.phase("retry", sum(part.dead for part in parts))
            pipeline = read_settings(PipelineConfig, given)
            gates = _gates(pipeline, read_settings(CleanConfig, given))
            with dspy.context(lm=jobs.evol_lm(session, models)):
                tally = retry_rows(
                    jobs.row_pipeline(metric, models, pipeline, policy, gates),
                    parts,
                    out,
                    gates=gates,
                    keep=pipeline.keep,
                    concurrency=models.concurrency,
                    on_case=listener.case,
                )
            seeds = seeds_of(folder)
            out_of_budget = not tally.complete
            tally.complete = not out_of_budget and tally.rows == seeds.here
            summary = summarise(folder, session, seeds, models, metrics, metric, started, None, tally, gates)
            return Result(summary, budget_stop(session) if out_of_budget else None)


def policy_of(parts: Parts, folder: RunFolder) -> Policy:
    """How the rows of a run went through their rounds. Raises StoreError if that is not known."""
    try:
        return Policy.from_json(parts.made, folder.methods())
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{folder.path} does not say how its rows were made: {error!r}") from error


def seeds_of(folder: RunFolder) -> Scanned:
    """What the seeds of a run held. Raises StoreError if that is not known."""
    known = folder.seeds()
    if known is None:
        raise StoreError(f"{folder.path} does not say what its seeds held (no seeds.json)")
    return Scanned(**known[1])


def read_settings(kind: type[_Config], given: Mapping[str, Any]) -> _Config:
    """A settings record out of what a run folder remembers; the rest are defaults."""
    names = {entry.name for entry in fields(kind)}  # type: ignore[arg-type]
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return kind(**{name: value for name, value in values.items() if name in names})


def _claim(
    folder: RunFolder, settings: Mapping[str, Any], seeds: str, data: DataConfig, shard: Shard | None
) -> Scanned:
    """What the seeds hold, in a folder that is theirs; a file that has not changed is not read again."""
    mark, known = fingerprint(seeds, data), folder.seeds()
    if mark is not None and known is not None and known[0] == mark:
        found = Scanned(**known[1])
        folder.claim({**settings, "data_hash": found.data_hash})
        return found
    with replacing(folder.path / "rejects.jsonl") as lines:
        found = scan(seeds, data, lambda reject: lines.add(asdict(reject)), shard)
        # Within the block: a folder of other seeds keeps the rejects of its own.
        folder.claim({**settings, "data_hash": found.data_hash})
    folder.save_seeds(mark, asdict(found))
    return found


def _set_aside(folder: RunFolder, loaded: Loaded) -> None:
    if loaded.rejects:
        with replacing(folder.path / "rejects.jsonl") as lines:
            for reject in loaded.rejects:
                lines.add(asdict(reject))
    folder.save_seeds(None, asdict(Scanned.of(loaded)))


def decisive(*groups: Any) -> dict[str, Any]:  # noqa: ANN401 (settings records)
    """The settings that decide what any call of a run answers."""
    return {name: value for group in groups for name, value in asdict(group).items() if name not in FREE}


def _cleaning(pipeline: PipelineConfig, clean: CleanConfig) -> Sequence[CleanConfig]:
    return (clean,) if pipeline.clean or clean.decontaminate else ()


def _gates(pipeline: PipelineConfig, clean: CleanConfig) -> tuple[Gate, ...]:
    return tuple(CleanGate(Cleaner(settings)) for settings in _cleaning(pipeline, clean))


@contextmanager
def session_of(
    folder: RunFolder, models: ModelConfig, metrics: MetricConfig, budget: BudgetConfig, store: str | None
) -> Iterator[Session]:
    """The session of a run; the folder remembers where its models are and were at first."""
    moved = _moved(folder, models, metrics)
    with jobs.open_session(folder, models, metrics, budget, store, moved) as session:
        yield session


def _moved(folder: RunFolder, models: ModelConfig, metrics: MetricConfig) -> dict[str, str]:
    """URLs that are not those of the run's first calls, and those: a model that moves stays the same."""
    path = folder.path / "endpoint.json"
    bases = {
        "judge": metrics.judge_api_base or models.api_base,
        "optimizer": models.optimizer_api_base or models.api_base,
        "evol": models.api_base,
    }
    now = {role: url for role, base in bases.items() if (url := open_url(base))}
    first = {**now, **(read_json(path) or {}).get("first", {})}
    write_json(path, {**asdict(EndpointConfig.of(models, metrics)), "first": first})
    # Where two roles share a URL now, the evol model's calls, which are the most, are those to be found.
    before = {url: first[role] for role, url in now.items()}
    return {url: known for url, known in before.items() if url != known}


def budget_stop(session: Session) -> BudgetReached:
    """What ends a command whose budget is spent."""
    total = Ledger.of(session.ledger()).total
    return BudgetReached(f"budget reached after {total.calls} calls paid")
