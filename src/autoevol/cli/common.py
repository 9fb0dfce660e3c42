"""What all commands share: exit codes, common arguments, progress and the final table."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from autoevol.cli.console import say
from autoevol.core.errors import AutoEvolError, BudgetReached, NothingKept, StopRun

if TYPE_CHECKING:
    from autoevol.cli.progress import Reporter
    from autoevol.commands.result import Result

# Typer's own traceback shows local variables, keys among them; `main` tells a bug itself.
app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        say(f"autoevol {version('autoevol')}")
        raise typer.Exit


@app.callback(
    epilog="With an endpoint of yours: `autoevol run seeds.jsonl --out runs/mine --evol-model NAME "
    "--api-base http://localhost:8000/v1`, then `autoevol export runs/mine --out train.jsonl`. Without one, "
    "on the small model in this process: "
    "`autoevol evolve sample:short --limit 4 --method compact --out runs/first`."
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
        resumes: Whether the same command resumes where it was stopped; others start over.
    """
    what_now = (
        "what was finished is saved, and the same command resumes"
        if resumes
        else "the same command starts over"
    )
    try:
        yield
    except BudgetReached as stop:
        _leave(f"{stop}; what was finished is saved, and the same command with a larger budget resumes", 3)
    except NothingKept as stop:
        _leave(str(stop), 1)
    except StopRun as stop:
        _leave(f"{stop}; {what_now}", 1)
    except AutoEvolError as error:
        _leave(str(error), 2)
    except KeyboardInterrupt:
        _leave(f"interrupted; {what_now}", 130)


def _leave(text: str, code: int) -> NoReturn:
    say(f"autoevol: {text}", error=True)
    raise typer.Exit(code)


Seeds = Annotated[
    str, typer.Argument(metavar="SEEDS", help="A file, the name of a Hugging Face dataset, or `sample`.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Run folder; give the same one again to resume.")]
Json = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON line, last.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything and print the plan, at no cost.")]


def quiet_dspy() -> None:
    """Silence DSPy's warning at every reply that hits the token limit: here that is a counted failure."""
    logging.getLogger("dspy.clients.lm").setLevel(logging.ERROR)


@contextmanager
def reporting() -> Iterator[Reporter]:
    """Inside, a listener tells progress on standard error."""
    quiet_dspy()
    from autoevol.cli.logs import print_above
    from autoevol.cli.progress import Reporter

    reporter = Reporter()
    print_above(reporter.console)
    try:
        yield reporter
    finally:
        reporter.close()


def finish(job: Callable[[Any], Result[Any]], json: bool) -> None:
    """Run `job` with progress on stderr, print its report on stdout, and set the exit code."""
    from autoevol.cli.tables import print_report

    with reporting() as reporter:
        outcome = job(reporter)
    print_report(outcome.report, json, outcome.folder)
    if outcome.stopped_by is not None:
        raise outcome.stopped_by
