"""quality: complexity, diversity and length of an evolved dataset, round by round."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, app, exit_codes


@app.command()
@exit_codes(resumes=False)
def quality(
    dataset: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A dataset.jsonl, or its run folder.")],
    limit: Annotated[int, typer.Option("--limit", min=1, help="Look at at most this many rows.")] = 1_000,
    json: Json = False,
) -> None:
    """Compare seeds, rounds and final instructions: complexity, diversity, length. No LM is asked."""
    import orjson

    from autoevol.dataset import quality as measuring

    rows = measuring.read_stages(dataset)
    stages = measuring.measure(measuring.sample(rows, limit))
    if json:
        report = {"rows": len(rows), "stages": [stage.to_json() for stage in stages]}
        print(orjson.dumps(report).decode())
    else:
        print(measuring.render(stages, len(rows)))
