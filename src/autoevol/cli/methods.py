"""methods: the evolving methods that have a name, any method in full, and those of a published log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes
from autoevol.cli.console import say, say_json

methods_app = typer.Typer(no_args_is_help=True, help="Evolving methods: list, show and import them.")
app.add_typer(methods_app, name="methods", rich_help_panel="Methods and measures")

DESCRIPTIONS = {
    "initial": "the paper's: list ways, plan, rewrite, review",
    "weak": "the paper's weak start: a role and a wish",
    "compact": "one added condition, by five examples; for very small models",
    "add-constraints": "WizardLM, in depth: one more constraint on the answer",
    "deepen": "WizardLM, in depth: the same question in more depth",
    "concretize": "WizardLM, in depth: specific instead of general concepts",
    "more-reasoning": "WizardLM, in depth: ask for reasoning in several steps",
    "complicate-input": "WizardLM, in depth: data to work on (tables, code)",
    "breadth": "WizardLM, in breadth: a rarer instruction of the same domain",
}
"""What each named method does, in a line."""


@methods_app.command("list")
@exit_codes(resumes=False)
def list_methods(json: Json = False) -> None:
    """List the methods that have a name: starting methods and the operations of WizardLM."""
    from autoevol.cli.tables import print_table

    if json:
        say_json(DESCRIPTIONS)
    else:
        print_table(list(DESCRIPTIONS.items()))


@methods_app.command("show")
@exit_codes(resumes=False)
def show_method(
    method: Annotated[
        str,
        typer.Argument(metavar="NAME|FILE|DIR", help="A named method, a method file or a run folder."),
    ],
    json: Json = False,
) -> None:
    """Print a method in full: its text, and its demonstrations if it has any."""
    from autoevol.commands import methods as known
    from autoevol.core.codec import encode_method

    shown = known.find_method(method)
    if json:
        say_json(encode_method(shown))
        return
    say(f"{shown.name or 'unnamed'} ({shown.id})\n\n{shown.text}")
    for number, demo in enumerate(shown.demos, start=1):
        say(f"\nDemonstration {number}")
        say(f"  original: {demo.instruction}\n  evolved:  {demo.evolved_instruction}")


@methods_app.command("import")
@exit_codes(resumes=False)
def import_methods(
    log: Annotated[
        Path, typer.Argument(metavar="LOG", help="Optimizer log of the authors of Auto Evol-Instruct.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the method files.")],
) -> None:
    """Write each distinct method of a published optimizer log as a method file."""
    from autoevol.store.method_files import import_log

    for path in import_log(log, out):
        say(path)
