"""Which commands ask models: a new one has to be in one of these lists."""

from __future__ import annotations

from typer.main import get_command

from autoevol.cli import app

ASKS = frozenset(
    {
        "run",
        "optimize",
        "evolve",
        "retry",
        "again",
        "transfer",
        "calibrate",
        "estimate",
        "search",
        "compare",
        "headroom",
        "judge-answers",
        "quality",
        "prove",
        "doctor",
    }
)
ASKS_NOBODY = {
    "show": "reads a folder",
    "report": "reads a folder",
    "export": "reads a data set",
    "clean": "reads a data set; duplicates are found by words",
    "label": "people judge; the page is on this machine",
    "benchmarks": "hands a model to harnesses of others, which ask it themselves",
    "merge": "joins what shards have paid for",
    "methods": "reads and writes methods",
    "passport": "reads a run folder",
    "launch": "starts `evolve` in processes of its own, whose caps are a part of its own",
}


def commands() -> set[str]:
    """The names of all commands of `autoevol`."""
    return set(getattr(get_command(app), "commands"))  # noqa: B009 (typer's group)
