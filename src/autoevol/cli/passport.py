"""passport, transfer: what is known about a method, and how far it holds."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, Out, app, exit_codes, finish
from autoevol.cli.console import say
from autoevol.cli.options import with_settings
from autoevol.config import Settings, TransferConfig
from autoevol.config.settings import GROUPS


@app.command()
@exit_codes(resumes=False)
def passport(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="A run folder or a method file.")],
    out: Annotated[
        list[Path] | None,
        typer.Option("--out", "-o", help="File ending in .json or .md (default: both in DIR). Repeatable."),
    ] = None,
    evaluation: Annotated[
        list[Path] | None,
        typer.Option("--evaluation", help="Transfer result to include: DIR/transfer.json. Repeatable."),
    ] = None,
) -> None:
    """Write all that is known about the method of DIR to one file, as JSON and Markdown."""
    from autoevol.core.errors import InputError
    from autoevol.reports import passports
    from autoevol.store.run import RunFolder

    if not source.exists():
        raise InputError(f"{source}: there is no such run folder or method file")
    if not out and not source.is_dir():
        raise InputError(f"{source} is a file: give --out for its passport")
    paths = out or [source / passports.FILE, source / passports.PAGE]
    for path in paths:
        if path.suffix not in (".json", ".md"):
            raise InputError(f"--out {path}: it must end in .json or .md")
    # Refuses a folder whose run is still in progress.
    with RunFolder(source) if (source / "run.json").exists() else nullcontext():
        made = passports.make_passport(source)
        for path in evaluation or ():
            made = made.with_transfer(passports.read_transfer(path))
        for path in paths:
            passports.write_passport(made, path)
            say(path)


@app.command()
@exit_codes()
@with_settings(*GROUPS["transfer"], config=TransferConfig)
def transfer(
    *,
    methods: Annotated[
        list[str],
        typer.Argument(
            metavar="METHOD...", help="Names, method files, run folders, passports, LOG#STATE of the authors."
        ),
    ],
    seeds: Annotated[str, typer.Option("--seeds", help="A file, or the name of a Hugging Face dataset.")],
    out: Out,
    json: Json = False,
    config: TransferConfig,
    settings: Settings,
) -> None:
    """Score methods on other data or with another evol model, each against the first one."""
    from autoevol.commands import transfer as transfers

    finish(
        lambda tell: transfers.transfer(methods, seeds, out, config=config, settings=settings, listener=tell),
        json,
    )
