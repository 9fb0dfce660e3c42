"""quality: complexity, diversity and length of an evolved dataset, round by round."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes
from autoevol.cli.console import say, say_json
from autoevol.cli.options import with_settings
from autoevol.config import Settings
from autoevol.config.settings import GROUPS


@app.command()
@exit_codes(resumes=False)
@with_settings(*GROUPS["quality"])
def quality(
    *,
    dataset: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A dataset.jsonl, or its run folder.")],
    limit: Annotated[int, typer.Option("--limit", min=1, help="Look at at most this many rows.")] = 1_000,
    vectors: Annotated[
        Path | None,
        typer.Option(
            "--vectors",
            metavar="DIR",
            help="Measure diversity on the word vectors of this model2vec model instead of TF-IDF.",
        ),
    ] = None,
    tags: Annotated[
        bool,
        typer.Option("--tags", help="Also have the evol model name what each instruction asks for."),
    ] = False,
    json: Json = False,
    settings: Settings,
) -> None:
    """Compare seeds, rounds and final instructions: complexity, diversity, length."""
    from autoevol.commands import datasets

    measured = datasets.quality(dataset, limit=limit, vectors=vectors, tags=tags, settings=settings)
    say_json(measured.to_json()) if json else say(measured)
