"""The settings of a run, as frozen records. The command line is generated from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from autoevol.errors import InputError


def setting(default: Any, text: str) -> Any:  # noqa: ANN401 (a dataclass field of any type)
    """A field with its default and the sentence that explains it to a user."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class DataConfig:
    """Data."""

    field: str | None = setting(
        None, "Column that holds the instruction; by default the shape is recognised."
    )
    split: str = setting("train", "Split of a Hugging Face dataset.")
    limit: int | None = setting(None, "Read at most this many instructions.")
    skip_bad: bool = setting(False, "Set unusable records aside in rejects.jsonl instead of stopping.")


@dataclass(frozen=True)
class ModelConfig:
    """Models."""

    evol_model: str = setting(
        "local/smollm2",
        "Evolves and responds: local/smollm2, local/FILE.gguf, openai/NAME, any DSPy model string.",
    )
    optimizer_model: str | None = setting(None, "Analyses and rewrites methods; by default the evol model.")
    api_base: str | None = setting(
        None, "URL of an OpenAI-compatible endpoint, such as http://localhost:8000/v1."
    )
    api_key_env: str | None = setting(
        None, "Environment variable that holds the API key (default OPENAI_API_KEY)."
    )
    optimizer_api_base: str | None = setting(None, "Endpoint of the optimizer model; by default the same.")
    optimizer_api_key_env: str | None = setting(None, "Key of the optimizer model; by default the same.")
    temperature: float = setting(0.0, "Sampling temperature of the evol model.")
    top_p: float | None = setting(None, "Nucleus of the evol model.")
    reply_tokens: int = setting(1500, "Longest reply of any model, in tokens.")
    system: str | None = setting(None, "System prompt for responses.")
    concurrency: int = setting(16, "Most requests under way at once.")


@dataclass(frozen=True)
class BudgetConfig:
    """Budget: hard caps over the whole run, resumes included."""

    max_calls: int | None = setting(None, "Stop before more LM calls than this are paid.")
    max_tokens: int | None = setting(None, "Stop before more tokens than this are used.")
    max_usd: float | None = setting(None, "Stop before more dollars than this are spent; needs --price.")
    price: tuple[str, ...] = setting(
        (), "Dollars per million input,output tokens: MODEL=0.15,0.60. Repeatable."
    )


@dataclass(frozen=True)
class MetricConfig:
    """Failure measure."""

    detector: str = setting("text", "Decides what failed: text, paper, author or eliminator.")
    objective: str = setting("failure-rate", "What is optimised: failure-rate or usable-yield.")
    judge_model: str | None = setting(None, "LM that also judges what the detector lets pass.")
    judge_api_base: str | None = setting(
        None, "Endpoint of the judge model; by default that of the evol model."
    )
    calibration: str | None = setting(None, "Saved calibration whose figures are printed beside every rate.")


@dataclass(frozen=True)
class LoopConfig:
    """Optimisation loop. Defaults are the paper's (appendix F) where it gives one.

    Attributes:
        batch_size: Rows whose trajectories the optimizer LM reads at each step.
        m: Independent chains of analysis and rewrite per step, that is, challengers.
        steps: Most steps; 0 only compares the starting methods.
        patience: Steps without a better method before stopping. The paper stops when the
            failure rate no longer falls, which is 1.
        dev_size: Rows that every method is scored on.
        seed: Seeds splits, batches and every chain's sampling.
        optimizer_temperature: Sampling temperature of the optimizer LM.
        optimizer_top_p: Nucleus of the optimizer LM.
        concurrency: Most rows under way at once.
    """

    batch_size: int = setting(10, "Instructions whose evolution the optimizer reads at each step.")
    m: int = setting(5, "Method rewrites tried at each step.")
    steps: int = setting(10, "Most optimisation steps; 0 only compares the starting methods.")
    patience: int = setting(1, "Steps without a better method before stopping.")
    dev_size: int = setting(50, "Instructions that every method is scored on.")
    reserve_size: int = setting(100, "Further instructions on which a race settles a close decision.")
    seed: int = setting(0, "Seeds splits, batches and the optimizer's sampling.")
    optimizer_temperature: float = setting(0.6, "Sampling temperature of the optimizer model.")
    optimizer_top_p: float = setting(0.95, "Nucleus of the optimizer model.")
    concurrency: int = 16

    def __post_init__(self) -> None:
        for name in ("batch_size", "m", "patience", "dev_size", "concurrency"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("steps", "reserve_size"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} must not be negative, got {getattr(self, name)}")


@dataclass(frozen=True)
class MethodConfig:
    """Method."""

    start: tuple[str, ...] = setting(
        ("initial",),
        "Starting method: initial, weak, compact, a file or a run folder. Repeat to let several compete.",
    )
    rounds: int = setting(1, "Rounds of evolution per instruction.")
    selection: str = setting("race", "Rule that keeps or replaces the method: race, paper or author.")
    holdout_size: int | None = setting(
        None, "Instructions for the final comparison (default: as many as dev)."
    )
