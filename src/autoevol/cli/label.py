"""label: people judge what was evolved, on a page of this machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes
from autoevol.cli.console import say, say_json


@app.command()
@exit_codes()
def label(
    *,
    sources: Annotated[
        list[Path], typer.Argument(metavar="DIR|FILE", help="A run folder, or a file of pairs.")
    ],
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Compare two models' answers: two files of them.")
    ] = False,
    rater: Annotated[str, typer.Option("--rater", help="Who labels; several may, one after another.")] = "A",
    sample: Annotated[
        int | None,
        typer.Option("--sample", min=1, help="Label so many, half of what the detector let pass."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Decides sample, order and sides.")] = 0,
    agreement: Annotated[
        bool, typer.Option("--agreement", help="Print how far the raters agree, and end.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Where labels are kept, if not beside the source.")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 0,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    json: Json = False,
) -> None:
    """Label evolutions, or compare two models' answers, on a page of this machine."""
    import webbrowser

    from autoevol.commands import label as labelling

    asked = labelling.LabelJob(sources, pairs, sample, seed, out)
    if agreement:
        found = labelling.raters_agreement(asked)
        say_json(found.to_json()) if json else say("\n".join(found.lines()))
        return
    with labelling.serving(asked, rater, port) as server:
        session = server.session
        say(f"{session.done} of {session.total} labelled by {rater}. The page: {server.url}")
        say("Ctrl-C ends; every label is kept as soon as the page shows the next.")
        with suppress(KeyboardInterrupt):
            labelling.wait(server, webbrowser.open if open_ else None)
        done, total, file = session.done, session.total, str(session.file)
    if json:
        say_json({"labelled": done, "total": total, "labels": file})
    else:
        say(f"{done} of {total} labelled. The labels: {file}")
