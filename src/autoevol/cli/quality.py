"""quality: complexity, diversity and length of an evolved dataset, round by round."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes
from autoevol.cli.console import say, say_json


@app.command()
@exit_codes(resumes=False)
def quality(
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
    json: Json = False,
) -> None:
    """Compare seeds, rounds and final instructions: complexity, diversity, length. No LM is asked."""
    from autoevol.commands import datasets

    measured = datasets.quality(dataset, limit=limit, vectors=vectors)
    say_json(measured.to_json()) if json else say(measured)
