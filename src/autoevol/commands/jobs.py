"""The main job: optimise a method on a file of seeds, compare it on the holdout, evolve the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import dspy

from autoevol.config import BudgetConfig, LoopConfig, MethodConfig, MetricConfig, ModelConfig, PipelineConfig
from autoevol.config.choices import parse_on_failure
from autoevol.core.errors import BudgetReached, InputError, nearest
from autoevol.core.records import Case, Method, Row, Score, Step
from autoevol.data.split import Split, reserve_of, split_rows
from autoevol.evolution.gates import Gate
from autoevol.evolution.outputs import Tally
from autoevol.evolution.policy import Policy, parse_mix
from autoevol.evolution.rounds import RowPipeline
from autoevol.evolution.source import RowSource
from autoevol.evolution.stage import evolve_rows
from autoevol.lm.flow import Limits
from autoevol.lm.prices import caps_of, check_prices, read_prices
from autoevol.lm.session import Session
from autoevol.metrics.base import Metric
from autoevol.metrics.bound import WithLM
from autoevol.metrics.cascade import Cascade
from autoevol.metrics.catalog import calibration_of, make_detector
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.judge import LMDetector
from autoevol.metrics.objectives import OBJECTIVES
from autoevol.optimization.compiling import Optimized
from autoevol.optimization.rules import find_rule
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.optimization.teleprompter import AutoEvol
from autoevol.programs.evolver import Evolver
from autoevol.programs.methods import BUILT_IN
from autoevol.programs.operations import OPERATIONS
from autoevol.store.author_log import read_state
from autoevol.store.run import RunFolder, load_method

NAMED = {**BUILT_IN, **OPERATIONS}
"""Methods that a command takes by name."""


class Listener(Protocol):
    """Is told what happens. Told from a background thread, so it must be quick."""

    def phase(self, name: str, rows: int | None) -> None:
        """A phase begins; `rows` is how many cases it will run, if that is known."""
        ...

    def case(self, case: Case) -> None:
        """A row was run and judged."""
        ...

    def step(self, step: Step, methods: int) -> None:
        """An optimisation step is done; `methods` is how many could be scored at it."""
        ...


def open_session(
    folder: RunFolder,
    models: ModelConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
    store: str | None = None,
    moved: Mapping[str, str] | None = None,
) -> Session:
    """The session of a run: its call store, its caps, and endpoints that have `moved`.

    Raises:
        InputError: If money is capped and a paid model has no price.
    """
    paid = check_prices(models, metrics, budget)
    return Session(
        # Calls to a model in this process cost only time: power loss may take the last few.
        folder.calls(store, power_safe=bool(paid)),
        caps=caps_of(budget),
        concurrency=models.concurrency,
        prices=read_prices(budget),
        client=models.client,
        limits=Limits(models.rpm, models.tpm),
        moved=moved,
    )


def evol_lm(session: Session, models: ModelConfig) -> dspy.LM:
    """The LM that evolves and responds.

    Raises:
        InputError: If there is no such model, or it is a local one and an endpoint is given.
    """
    if models.api_base and models.evol_model.startswith("local/"):
        raise InputError(
            f"{models.evol_model} runs in this process: name the model behind {models.api_base} with "
            "--evol-model, or leave out --api-base"
        )
    sampling: dict[str, Any] = {"temperature": models.temperature, "max_tokens": models.reply_tokens}
    if models.top_p is not None:
        sampling["top_p"] = models.top_p
    return session.lm(
        models.evol_model, "evol", api_base=models.api_base, api_key_env=models.api_key_env, **sampling
    )


def optimizer_lm(session: Session, models: ModelConfig) -> dspy.LM:
    """The LM that analyses and rewrites; the loop gives its sampling with each call."""
    model = models.optimizer_model or models.evol_model
    return session.lm(
        model,
        "optimizer",
        api_base=models.optimizer_api_base or _inherited(model, models),
        api_key_env=models.optimizer_api_key_env or models.api_key_env,
        max_tokens=models.reply_tokens,
    )


def make_metric(session: Session, models: ModelConfig, chosen: MetricConfig) -> FailureMetric:
    """The failure metric that the settings name.

    Raises:
        InputError: If the detector or the objective is unknown, or the calibration is none of it.
    """
    if chosen.objective not in OBJECTIVES:
        raise InputError(f"objective {chosen.objective!r} is unknown; known are {', '.join(OBJECTIVES)}")
    objective = OBJECTIVES[chosen.objective]
    if objective.needs_judge and not chosen.judge_model:
        raise InputError(
            f"--objective {objective.name} needs a judge: give --judge-model, or take --objective gain-proxy"
        )
    detector = make_detector(chosen.detector, chosen.agreement_samples)
    if chosen.judge_model and not detector.calls:
        judge = LMDetector(samples=chosen.judge_samples)
        detector = Cascade(detector, judge, hints=chosen.judge_hints)
    if isinstance(detector, Cascade):
        detector = WithLM(detector, judge_lm(session, models, chosen))
    calibration_of(detector.name, chosen.calibration)  # read at the end, refused before anything is paid
    return FailureMetric(detector, objective())


def judge_lm(session: Session, models: ModelConfig, chosen: MetricConfig) -> dspy.LM:
    """The LM that judges: at temperature 0, so that a verdict does not depend on when it is asked."""
    model = chosen.judge_model or models.evol_model
    return session.lm(
        model,
        "judge",
        api_base=chosen.judge_api_base or _inherited(model, models),
        api_key_env=models.api_key_env,
        temperature=0.0,
        max_tokens=models.reply_tokens,
    )


def _inherited(model: str, models: ModelConfig) -> str | None:
    """The evol model's endpoint, for a model that needs one."""
    return None if model.startswith("local/") else models.api_base


def find_method(name: str) -> Method:
    """A method that is known by name, else one from a file or a run folder.

    Built-in methods and the operations of WizardLM have names; `FILE#4` is state 4 of the
    authors' optimizer log.
    """
    if name in NAMED:
        return NAMED[name]
    path, _, state = name.rpartition("#")
    if path and state.isdecimal() and not Path(name).exists():
        return read_state(Path(path), int(state))
    if not Path(name).exists():
        raise InputError(
            f"no evolving method {name!r}: no such file or folder, nor one of {', '.join(NAMED)}"
            f"{nearest(name, NAMED)}"
        )
    return load_method(name)


def plan_split(rows: Sequence[Row], loop: LoopConfig, methods: MethodConfig) -> Split:
    """Disjoint train, dev and holdout rows, and a reserve for a rule that uses one.

    The default sizes shrink for a small file, so that each of the three gets at least a
    quarter of it; sizes that the user chose are kept, or refused. The reserve is what can be
    spared, `loop.reserve_size` at most.
    """
    dev, holdout = loop.dev_size, methods.holdout_size
    if dev == LoopConfig().dev_size and 4 * dev > len(rows):
        dev = max(1, len(rows) // 4)
    if holdout is None:
        holdout = min(dev, max(1, len(rows) // 4))
    wanted = loop.reserve_size if find_rule(methods.selection).uses_reserve else 0
    reserve = reserve_of(len(rows) - dev - holdout, dev, wanted)
    return split_rows(rows, dev=dev, holdout=holdout, seed=loop.seed, reserve=reserve)


def optimize(
    folder: RunFolder,
    session: Session,
    rows: Sequence[Row],
    metric: Metric,
    models: ModelConfig,
    loop: LoopConfig,
    methods: MethodConfig,
    listener: Listener,
) -> Optimized:
    """Find the best method for `rows`, and score it against the first one on the holdout."""
    starts = [find_method(name) for name in methods.start]
    split = plan_split(rows, loop, methods)
    student = Evolver(starts[0], rounds=methods.rounds, system=models.system)
    listener.phase("optimize", None)
    teleprompter = AutoEvol(
        metric,
        config=replace(loop, concurrency=models.concurrency),
        optimizer_lm=optimizer_lm(session, models),
        selection=find_rule(methods.selection)(),
        starts=starts[1:],
        journal=folder.journal(),
        on_step=lambda step: listener.step(step, len(step.scores)),
        on_row=lambda _, case: listener.case(case),
    )
    with dspy.context(lm=evol_lm(session, models)):
        best: Any = teleprompter.compile(
            student, trainset=split.train, valset=split.dev, reserve=split.reserve
        )
        chosen = _named(best.method, starts)
        facts = {"steps": len(best.trial_logs) - 1, "stopped": best.stopped, "dev_score": best.score}
        folder.save_method(chosen, facts)
        best.save(folder.path / "program.json")
        pair = (starts[0], chosen)
        listener.phase("holdout", len(split.holdout) * len({method.id for method in pair}))
        board = Scoreboard(
            student, metric, concurrency=models.concurrency, on_row=lambda _, case: listener.case(case)
        )
        scores = (_try_score(board, pair[0], split.holdout), _try_score(board, pair[1], split.holdout))
    sizes = {
        "train": len(split.train),
        "dev": len(split.dev),
        "reserve": len(split.reserve),
        "holdout": len(split.holdout),
    }
    return Optimized(starts[0], chosen, tuple(best.trial_logs.values()), best.stopped, scores, sizes)


def make_policy(models: ModelConfig, pipeline: PipelineConfig, rounds: int, method: Method | None) -> Policy:
    """How rows go through their rounds.

    Raises:
        InputError: If the mix, or what to do on failure, cannot be used.
    """
    if rounds < 1:
        raise InputError(f"--rounds must be at least 1, got {rounds}")
    retries, drop = parse_on_failure(pipeline.on_failure)
    if retries and models.temperature == 0:
        raise InputError("--on-failure retry:K takes fresh samples, so it needs a --temperature above 0")
    choices = parse_mix(pipeline.mix, method, find_method)
    return Policy(choices, rounds, retries, drop, pipeline.with_seeds, pipeline.seed)


def row_pipeline(
    metric: Metric, models: ModelConfig, pipeline: PipelineConfig, policy: Policy, gates: Sequence[Gate] = ()
) -> RowPipeline:
    """What takes one row through its rounds."""
    return RowPipeline(
        policy,
        metric,
        models.evol_model,
        gates=gates,
        system=models.system,
        compare=pipeline.keep == "best",
    )


def evolve(
    folder: RunFolder,
    session: Session,
    source: RowSource,
    total: int,
    metric: Metric,
    models: ModelConfig,
    pipeline: PipelineConfig,
    policy: Policy,
    listener: Listener,
    gates: Sequence[Gate] = (),
) -> Tally:
    """Evolve all rows of `source`, `total` of them, into the run folder's files."""
    listener.phase("evolve", total)
    folder.save_methods([choice.method for choice in policy.choices])
    with dspy.context(lm=evol_lm(session, models)):
        return evolve_rows(
            row_pipeline(metric, models, pipeline, policy, gates),
            source,
            folder.path,
            pipeline,
            concurrency=models.concurrency,
            gates=gates,
            on_case=listener.case,
            forget=session.store.forget if pipeline.forget_calls else None,
        )


def _try_score(board: Scoreboard, method: Method, rows: Sequence[Row]) -> Score | None:
    try:
        return board.score(method, rows, "holdout")
    except BudgetReached:
        return None


def _named(method: Method, known: Sequence[Method]) -> Method:
    """The same method under the name it started with, if it did; optimizers drop names."""
    return next((other for other in known if other.id == method.id), method)
