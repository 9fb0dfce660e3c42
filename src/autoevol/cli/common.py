"""What all commands share: exit codes, common arguments, progress and the final table."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from autoevol.config import SETTINGS_SCHEMA
from autoevol.core.errors import AutoEvolError, BudgetReached, InputError, StopRun
from autoevol.core.schema import version_of

if TYPE_CHECKING:
    from autoevol.commands.workflow import Outcome

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"autoevol {version('autoevol')}")
        raise typer.Exit


@app.callback(
    epilog="To begin: `autoevol run sample --out runs/first` needs no key and no server. With your own: "
    "`autoevol run seeds.jsonl --out runs/mine --evol-model NAME --api-base http://localhost:8000/v1`."
)
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Evolve instruction data, and optimise the method that evolves it."""


@contextmanager
def exit_codes(*, resumes: bool = True) -> Iterator[None]:
    """Turn every error that is not a bug into one line and its exit code.

    Args:
        resumes: Whether the command goes on where it was stopped; others begin anew.
    """
    what_now = (
        "what was finished is saved, and the same command goes on"
        if resumes
        else "the same command begins anew"
    )
    try:
        yield
    except BudgetReached as stop:
        _leave(f"{stop}; what was finished is saved, and the same command with a larger budget goes on", 3)
    except StopRun as stop:
        _leave(f"{stop}; {what_now}", 1)
    except AutoEvolError as error:
        _leave(str(error), 2)
    except KeyboardInterrupt:
        _leave(f"interrupted; {what_now}", 130)


def _leave(text: str, code: int) -> NoReturn:
    print(f"autoevol: {text}", file=sys.stderr)
    raise typer.Exit(code)


Seeds = Annotated[
    str, typer.Argument(metavar="SEEDS", help="A file, the name of a Hugging Face dataset, or `sample`.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Run folder; the same folder resumes.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON line, last.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, print the plan, pay nothing.")]


def _take_config(ctx: typer.Context, path: Path | None) -> Path | None:
    """Let a file give the defaults of the options; what is on the command line still comes first."""
    if path is None:
        return None
    from autoevol.store.files import read_json

    with exit_codes():
        given = read_json(path)
        if not isinstance(given, dict):
            raise InputError(f"--config {path}: {'no such file' if given is None else 'not a JSON object'}")
        try:
            version_of(given, SETTINGS_SCHEMA)
        except ValueError as error:
            raise InputError(f"--config {path}: {error}") from error
        settings = {name.replace("-", "_"): value for name, value in given.items() if name != "schema"}
        known = {param.name for param in ctx.command.params if param.param_type_name == "option"}
        for name, value in settings.items():
            if name not in known - {"config", "out", "json", "help"}:
                raise InputError(f"--config {path}: {ctx.info_name} has no setting {name!r}")
            if isinstance(value, dict):
                raise InputError(f"--config {path}: {name!r} cannot be an object")
    # As text, each value is checked like one on the command line.
    ctx.default_map = {
        name: [str(item) for item in value] if isinstance(value, list) else str(value)
        for name, value in settings.items()
        if value is not None
    }
    return path


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="JSON file with settings, such as a search writes; options given here come first.",
        is_eager=True,
        callback=_take_config,
    ),
]
Store = Annotated[str | None, typer.Option("--store", help="Call store to share with other runs.")]


def quiet_dspy() -> None:
    """DSPy warns at every reply that hits the token limit; here that is a counted failure kind."""
    logging.getLogger("dspy.clients.lm").setLevel(logging.ERROR)


def finish(job: Callable[[Any], Outcome], json: bool) -> None:
    """Run `job` with progress on stderr, print its report on stdout, and set the exit code."""
    quiet_dspy()
    from autoevol.cli.console import Reporter, print_report

    reporter = Reporter()
    try:
        outcome = job(reporter)
    finally:
        reporter.close()
    print_report(outcome.summary, json)
    if outcome.stopped_by is not None:
        raise outcome.stopped_by
