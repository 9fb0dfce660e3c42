"""Settings with a fixed set of values: the values, and checks that suggest the nearest one.

The registries (`RULES`, `OBJECTIVES`, `DETECTORS`, `FORMATS` and the executors of `launch`) have exactly
these keys, which a test checks. The values are repeated here as types so that settings can be declared,
shown by `--help` and checked without importing the registries, which import DSPy.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from autoevol.config.base import flag
from autoevol.core.errors import InputError, nearest, unknown

Backend = Literal["hf", "vllm"]
Client = Literal["aiohttp", "openai"]
CodeHarness = Literal["evalplus", "bigcode"]
Detector = Literal["text", "paper", "author", "eliminator", "eliminator-lm", "agreement"]
DevRows = Literal["fixed", "fresh", "after-adoption", "growing"]
Executor = Literal["local", "slurm", "ray"]
ExportFormat = Literal["messages", "prompt-completion", "sharegpt", "alpaca", "openai", "parquet"]
Half = Literal["development", "report"]
LeaveOut = Literal["never", "longer"]
Objective = Literal["failure-rate", "usable-yield", "gain", "gain-proxy", "learnability"]
Optimize = Literal["auto", "always", "never"]
Preset = Literal[
    "small", "wizardlm-7b", "wizardlm-13b", "auto-evol-mistral-7b", "auto-evol-mixtral-8x7b",
    "auto-evol-codellama-13b", "auto-evol-deepseek-33b",
]  # fmt: skip
Reads = Literal["train", "dev"]
Recipe = Literal["trl", "axolotl", "llama-factory", "unsloth"]
Selection = Literal["adaptive", "race", "sprint", "paper", "author"]
Track = Literal["mlflow", "wandb"]
Tune = Literal["lora", "last", "full"]
Turns = Literal["first", "every"]
YesNo = Literal["no", "yes"]

KEPT = ("last", "all", "best")
"""Values of `keep` besides the number of a round."""
ON_FAILURE = ("again", "drop", "retry")
FAILED_ROWS = "retry:3"
"""The default for failed rows: where each attempt fails with a chance of 40 %, it keeps 97 % of the rows."""


def words_of(hint: Any) -> tuple[str, ...]:  # noqa: ANN401 (any annotation)
    """The values of a `Literal` or an optional one; empty for any other type."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return next((get_args(part) for part in get_args(hint) if get_origin(part) is Literal), ())


def check_choices(settings: object) -> None:
    """Raise InputError for a `Literal` field of a settings record that holds another value."""
    for name, words in _choices(type(settings)).items():
        value = getattr(settings, name)
        if value is not None and value not in words:
            raise unknown(flag(name), value, words)


@cache
def _choices(record: type) -> dict[str, tuple[str, ...]]:
    hints = {name: words_of(hint) for name, hint in get_type_hints(record).items()}
    return {name: words for name, words in hints.items() if words}


def check_keep(keep: str | None) -> None:
    """Raise InputError unless `keep` is one of `KEPT`, the number of a round from 1, or None."""
    if keep is not None and keep not in KEPT and not (keep.isdecimal() and int(keep)):
        raise InputError(
            f"--keep {keep!r} is unknown; known are {', '.join(KEPT)} and the number of a round"
            f"{nearest(keep, KEPT)}"
        )


def parse_on_failure(text: str | None) -> tuple[int, bool]:
    """(retries in the same round, whether to drop the row); None stands for `FAILED_ROWS`.

    Raises:
        InputError: If it is not one of the three forms.
    """
    text = FAILED_ROWS if text is None else text
    kind, _, count = text.partition(":")
    if text in ("again", "drop"):
        return 0, text == "drop"
    if kind == "retry" and count.isdecimal() and int(count):
        return int(count), False
    raise InputError(
        f"--on-failure {text!r} is unknown; known are again, drop and retry:K with K >= 1"
        f"{nearest(kind, ON_FAILURE)}"
    )
