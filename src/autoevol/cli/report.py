"""report: a page to read a run by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from autoevol.cli.common import app, exit_codes
from autoevol.cli.console import say


@app.command()
@exit_codes(resumes=False)
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run folder, also of a run under way.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write (default: report.html in DIR).")
    ] = None,
    format: Annotated[
        Literal["html", "md"], typer.Option("--format", help="A page for a browser, or Markdown.")
    ] = "html",
    plots: Annotated[
        Path | None,
        typer.Option("--plots", metavar="FOLDER", help="Also write every plot there, as SVG and PNG."),
    ] = None,
    open: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Write DIR as one page: verdict, methods, failures, rows, lengths, cost, settings."""
    from autoevol.commands import report as reporting

    written = reporting.report(folder, out, format=format, plots=plots)
    for path in written:
        say(path)
    if plots and not any(path.suffix == ".png" for path in written):
        say("no PNG: they need `pip install 'autoevol[report]'`", error=True)
    address = written[0].resolve().as_uri()
    say(f"see it: {address}", error=True)
    if open:
        import webbrowser

        if not webbrowser.open(address):
            say("no browser was found", error=True)
