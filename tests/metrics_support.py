"""Shared by the tests of the metrics: a model that says what a test tells it to, and real data.

The model is scripted at the lowest seam, an engine, so that real adapters still run.
"""

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import dspy
from dspy.lm15 import Message, Request, Response, Usage
from typer.testing import CliRunner

from autoevol.cli import app


class Scripted:
    """Engine that answers every request by a function of the prompt's text."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.answer = answer
        self.prompts: list[str] = []

    def __deepcopy__(self, memo: dict[int, object]) -> "Scripted":
        return self

    def complete(self, request: Request) -> Response:
        prompt = "\n".join([str(request.system or ""), *(str(m.text) for m in request.messages)])
        self.prompts.append(prompt)
        return Response(
            id=None,
            model=request.model,
            message=Message.assistant(self.answer(prompt)),
            finish_reason="stop",
            usage=Usage(input_tokens=1, output_tokens=1),
        )

    def stream(self, request: Request) -> Iterator[object]:
        raise AssertionError("a judge does not stream")

    def close(self) -> None:
        """Nothing to close."""


class AsyncScripted:
    """The async face of a scripted engine."""

    def __init__(self, engine: Scripted) -> None:
        self.engine = engine

    def __deepcopy__(self, memo: dict[int, object]) -> "AsyncScripted":
        return self

    async def complete(self, request: Request) -> Response:
        return self.engine.complete(request)

    def stream(self, request: Request) -> AsyncIterator[object]:
        raise AssertionError("a judge does not stream")

    async def aclose(self) -> None:
        """Nothing to close."""


def scripted_lm(answer: Callable[[str], str]) -> tuple[dspy.LM, Scripted]:
    """An LM over a scripted engine, uncached and never retried, with the engine to look at."""
    engine = Scripted(answer)
    lm = dspy.LM("scripted/x", engine=engine, async_engine=AsyncScripted(engine), cache=False, num_retries=0)
    return lm, engine


def real_data(name: str) -> Path | None:
    """The file `name` of the real data, or None where it is not on this machine.

    It is sought in $AUTOEVOL_DATA, then in `../shared/data` beside the repository.
    """
    folders = [os.environ.get("AUTOEVOL_DATA"), Path(__file__).parents[2] / "shared" / "data"]
    return next((path for folder in folders if folder and (path := Path(folder) / name).is_file()), None)


def main(words: list[str]) -> int:
    """`autoevol calibrate` with these words; prints what it prints and gives its exit code."""
    done = CliRunner().invoke(app, ["calibrate", *words])
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    return done.exit_code
