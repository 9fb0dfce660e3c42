"""The command line. The only place that prints, and the only one that turns errors into exit codes.

Exit codes: 0 done; 1 the run had to stop (access, endpoint, disk); 2 bad input or usage;
3 budget reached, partial result saved; 130 interrupted, state saved.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from autoevol.config import BudgetConfig, DataConfig, LoopConfig, MethodConfig, MetricConfig, ModelConfig
from autoevol.errors import AutoEvolError, BudgetReached, StopRun
from autoevol.options import with_settings

if TYPE_CHECKING:
    from autoevol.workflow import Outcome

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Evolve instruction data, and optimise the method that evolves it.",
)


@contextmanager
def _exit_codes() -> Iterator[None]:
    """Turn every error that is not a bug into one line and its exit code."""
    try:
        yield
    except BudgetReached as stop:
        _leave(f"{stop}; what was finished is saved, and the same command with a larger budget goes on", 3)
    except StopRun as stop:
        _leave(f"{stop}; what was finished is saved, and the same command goes on", 1)
    except AutoEvolError as error:
        _leave(str(error), 2)
    except KeyboardInterrupt:
        _leave("interrupted; what was finished is saved, and the same command goes on", 130)


def _leave(text: str, code: int) -> NoReturn:
    print(f"autoevol: {text}", file=sys.stderr)
    raise typer.Exit(code)


Seeds = Annotated[str, typer.Argument(help="A file, the name of a Hugging Face dataset, or `sample`.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Run folder; the same folder resumes.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON line, last.")]
Store = Annotated[str | None, typer.Option("--store", help="Call store to share with other runs.")]


@app.command()
@_exit_codes()
@with_settings(
    data=DataConfig,
    models=ModelConfig,
    loop=LoopConfig,
    methods=MethodConfig,
    metrics=MetricConfig,
    budget=BudgetConfig,
)
def run(
    *,
    seeds: Seeds,
    out: Out,
    json: Json = False,
    store: Store = None,
    data: DataConfig,
    models: ModelConfig,
    loop: LoopConfig,
    methods: MethodConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
) -> None:
    """Optimise an evolving method on SEEDS, then evolve all of SEEDS with it."""
    from autoevol import workflow

    _finish(
        lambda tell: workflow.run(
            seeds, out, data, models, loop, methods, metrics, budget, tell, store=store
        ),
        json,
    )


@app.command()
@_exit_codes()
@with_settings(
    data=DataConfig,
    models=ModelConfig,
    loop=LoopConfig,
    methods=MethodConfig,
    metrics=MetricConfig,
    budget=BudgetConfig,
)
def optimize(
    *,
    seeds: Seeds,
    out: Out,
    json: Json = False,
    store: Store = None,
    data: DataConfig,
    models: ModelConfig,
    loop: LoopConfig,
    methods: MethodConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
) -> None:
    """Optimise an evolving method on SEEDS, and stop there."""
    from autoevol import workflow

    _finish(
        lambda tell: workflow.run(
            seeds, out, data, models, loop, methods, metrics, budget, tell, store=store, evolve=False
        ),
        json,
    )


@app.command()
@_exit_codes()
@with_settings(data=DataConfig, models=ModelConfig, metrics=MetricConfig, budget=BudgetConfig)
def evolve(
    *,
    seeds: Seeds,
    out: Out,
    method: Annotated[
        str, typer.Option("--method", help="Run folder, method file, or initial, weak, compact.")
    ],
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Rounds of evolution per instruction.")] = 1,
    json: Json = False,
    store: Store = None,
    data: DataConfig,
    models: ModelConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
) -> None:
    """Evolve all of SEEDS with a method that is already known."""
    from autoevol import workflow

    _finish(
        lambda tell: workflow.evolve(
            seeds, out, method, rounds, data, models, metrics, budget, tell, store=store
        ),
        json,
    )


@app.command()
@_exit_codes()
@with_settings(models=ModelConfig, budget=BudgetConfig)
def calibrate(
    *,
    labelled: Annotated[Path, typer.Argument(help="Labelled evolutions, JSONL.")],
    judge_model: Annotated[str | None, typer.Option("--judge-model", help="Also measure this LM.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only so many pairs.")] = None,
    with_responses: Annotated[bool, typer.Option("--with-responses", help="Only pairs with one.")] = False,
    half: Annotated[str | None, typer.Option("--half", help="Only one half: development or report.")] = None,
    save: Annotated[Path | None, typer.Option("--save", help="Write the result for --calibration.")] = None,
    store: Annotated[str, typer.Option("--store", help="Call store of the judge.")] = "runs/calibrate.sqlite",
    json: Json = False,
    models: ModelConfig,
    budget: BudgetConfig,
) -> None:
    """Measure the failure detectors against labelled evolutions."""
    import orjson

    from autoevol import calibrate as measuring
    from autoevol import jobs
    from autoevol.lm.session import Session
    from autoevol.metrics.tables import render_table

    wanted = measuring.Pairs(labelled, limit, with_responses, half)
    pairs = measuring.load_pairs(wanted)
    found = measuring.calibrate_text(pairs)
    if judge_model:
        with Session(store, caps=jobs.caps_of(budget), concurrency=models.concurrency) as session:
            lm = jobs.judge_lm(session, models, MetricConfig(judge_model=judge_model))
            found += measuring.calibrate_judge(pairs, lm)
    if save:
        measuring.save_calibrations(save, found, wanted)
    if json:
        print(orjson.dumps([calibration.to_json() for calibration in found]).decode())
    else:
        print(render_table(found))


@app.command()
@_exit_codes()
def show(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run folder.")],
    json: Json = False,
) -> None:
    """Show what a run found: figures, steps, and the chosen method."""
    import orjson

    from autoevol import report
    from autoevol.console import print_table

    found = report.read_folder(folder)
    if json:
        print(orjson.dumps(found).decode())
        return
    if found["summary"]:
        print_table(report.table_rows(found["summary"]))
    for step in found["steps"]:
        print(f"step {step['step']}: {report.rate_text(step['dev'])} on dev; {step['note']}")
    if found["method"]:
        print(f"\n{found['method']['text']}")


def _finish(job: Callable[[Any], Outcome], json: bool) -> None:
    """Run `job` with progress on stderr, print its summary on stdout, and set the exit code."""
    # DSPy warns at every reply that hits the token limit; here that is a counted failure kind.
    logging.getLogger("dspy.clients.lm").setLevel(logging.ERROR)
    import orjson

    from autoevol import report
    from autoevol.console import Reporter, print_table

    reporter = Reporter()
    try:
        outcome = job(reporter)
    finally:
        reporter.close()
    if not json:
        print_table(report.table_rows(outcome.summary))
    else:
        print(orjson.dumps(outcome.summary).decode(), flush=True)
    if outcome.stopped_by is not None:
        raise outcome.stopped_by


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Entry point of `autoevol`."""
    # Asked for a price table at import, litellm would go to the network.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    signal.signal(signal.SIGTERM, _interrupt)
    app()
