"""judge-answers: which of two models answers better."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoevol.cli.common import Json, Out, app, exit_codes, finish
from autoevol.cli.options import with_settings
from autoevol.config import AnswersConfig, Settings
from autoevol.config.settings import GROUPS


@app.command("judge-answers")
@exit_codes()
@with_settings(*GROUPS["judge-answers"], config=AnswersConfig)
def judge_answers(
    *,
    questions: Annotated[Path, typer.Argument(metavar="QUESTIONS", help="Questions, JSON or JSONL.")],
    a: Annotated[str, typer.Argument(metavar="A", help="A file of answers, or a model that answers.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other file or model.")],
    out: Out,
    json: Json = False,
    config: AnswersConfig,
    settings: Settings,
) -> None:
    """Have an LM judge two models' answers: blind, in both orders, also at equal length."""
    from autoevol.commands import answers as judging

    finish(
        lambda tell: judging.judge_answers(
            questions, (a, b), out, config=config, settings=settings, listener=tell
        ),
        json,
    )
