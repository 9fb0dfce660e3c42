"""merge, launch: the bulk stage in several processes, on one machine or many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from autoevol.cli.common import Json, app, exit_codes
from autoevol.cli.console import say
from autoevol.cli.options import with_settings
from autoevol.config import LaunchConfig
from autoevol.config.base import flag
from autoevol.core.errors import InputError
from autoevol.core.urls import open_url


@app.command()
@exit_codes()
def merge(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The --out of the shards.")],
    json: Json = False,
) -> None:
    """Join the finished shards in DIR into one run folder, DIR itself."""
    from autoevol.cli.tables import print_report
    from autoevol.commands import merge as merging

    print_report(merging.merge(folder), json, folder)


@app.command()
@exit_codes()
@with_settings(config=LaunchConfig)
def launch(
    *,
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="-- SEEDS --out DIR ...", help="The arguments of `autoevol evolve`, after `--`."
        ),
    ],
    json: Json = False,
    config: LaunchConfig,
) -> None:
    r"""Run all shards of an `evolve` in local processes, on Slurm or on Ray, and merge them.

    The same command resumes what is not finished. Needs datatrove: pip install 'autoevol\[scale]'.
    """
    from autoevol.cli.tables import print_report
    from autoevol.commands import launch as launching
    from autoevol.commands import merge as merging

    out = _out_of(arguments)
    if (out / "summary.json").exists():
        # Merged before: the run without shards checks the settings, and finds nothing left to do.
        code = _evolve().main([*arguments, *(["--json"] if json else [])], standalone_mode=False)
        if code:
            raise typer.Exit(code)
    elif launching.launch(tuple(arguments), out, config):
        print_report(merging.merge(out), json, out)
    else:
        say(f"submitted; when all jobs have finished, `autoevol merge {out}` joins their shards")


def _out_of(arguments: list[str]) -> Path:
    """The --out among the arguments of `evolve`, which are checked as that would check them."""
    options = _evolve().make_context("autoevol evolve", list(arguments)).params
    for name in ("shard", "dry_run", "json"):
        if options[name]:
            raise InputError(f"{flag(name)} cannot be used with launch, which sets --shard itself")
    if options["target_rows"]:
        raise InputError("--target-rows cannot be used with launch: no shard knows what the others keep")
    for name, value in options.items():
        if name.endswith("api_base") and value != open_url(value):
            raise InputError(
                f"{flag(name)} holds a password, which executors would write down; name the variable that "
                "holds the key with --api-key-env"
            )
    return options["out"]


def _evolve() -> TyperCommand:
    commands = get_command(app)
    assert isinstance(commands, TyperGroup)
    command = commands.commands["evolve"]
    assert isinstance(command, TyperCommand)
    return command
