"""Rows: how they are read, cleaned, evolved in rounds, and divided among processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autoevol.config.base import at_least, flag, nested, setting
from autoevol.config.choices import Detector, Executor, Turns, check_choices, check_keep, parse_on_failure
from autoevol.config.training import RecipeConfig
from autoevol.core.errors import InputError


@dataclass(frozen=True)
class DataConfig:
    """Data."""

    field: str | None = setting(
        None, "Column that holds the instruction, or turns (default: recognised from the data)."
    )
    split: str = setting("train", "Split of a Hugging Face dataset, or of a folder with several.")
    limit: int | None = setting(None, "Read at most this many instructions.")
    skip_bad: bool = setting(False, "Put unusable records into rejects.jsonl instead of stopping.")
    turns: Turns = setting("first", "User turns of a conversation to evolve.")
    encoding: str | None = setting(None, "Encoding of text files that are not UTF-8, such as gbk or cp1252.")

    def __post_init__(self) -> None:
        check_choices(self)

    def reading(self) -> dict[str, Any]:
        """How to read a source: arguments of `load_rows`."""
        return {
            "field": self.field,
            "skip_bad": self.skip_bad,
            "limit": self.limit,
            "split": self.split,
            "turns": self.turns,
            "encoding": self.encoding,
        }


@dataclass(frozen=True)
class CleanConfig:
    """Clean data.

    Attributes:
        near: Jaccard similarity of word shingles, in ]0, 1], from which a text is a near duplicate.
        decontaminate: Benchmark files or Hugging Face datasets.
        overlap: Length in words of a shared run that is contamination: 13, or 8 (Auto Evol-Instruct,
            table 10).
    """

    near: float = setting(0.8, "Similarity (0 to 1) at which a text counts as a near duplicate.")
    decontaminate: tuple[str, ...] = setting(
        (), "Benchmark that the data must not contain: a file or a Hugging Face dataset. Repeatable."
    )
    overlap: int = setting(13, "Words in a row shared with a benchmark that count as contamination: 13 or 8.")

    def __post_init__(self) -> None:
        if not 0 < self.near <= 1:
            raise InputError(f"--near must be above 0 and at most 1, got {self.near}")
        if self.overlap not in (13, 8):
            raise InputError(f"--overlap must be 13 or 8, got {self.overlap}")


@dataclass(frozen=True)
class PublishConfig:
    """Card and hub.

    Attributes:
        run: Run folder that the card tells of.
        push_to_hub: `OWNER/NAME`; implies `card`.
    """

    card: bool = setting(False, "Also write a dataset card, README.md.", decides=False)
    run: str | None = setting(None, "Run folder for the card (default: that of DATASET).", decides=False)
    license: str | None = setting(None, "Licence of the dataset, such as cc-by-4.0.", decides=False)
    seed_license: str | None = setting(None, "Licence of the seeds.", decides=False)
    push_to_hub: str | None = setting(
        None, "OWNER/NAME of a Hugging Face dataset; implies --card.", decides=False
    )
    public: bool = setting(False, "Make a new hub dataset public.", decides=False)


@dataclass(frozen=True)
class ExportConfig:
    """Examples.

    Attributes:
        max_example_tokens: What is longer is told, with a histogram of the lengths; trainers cut it silently.
        tokenizer: A `tokenizer.json`; without it tokens are estimated.
        training: Trainer whose files go beside the data.
        min_gain: 0..3, as `autoevol quality` or the run's judge found it; not asked of answered seeds.
        min_complexity: 1..10, the same.
        keep_unscored: Whether a row stays of which that is not known.
    """

    max_example_tokens: int | None = setting(
        None, "Tell which examples are longer than this many tokens, as trainers cut them without a word."
    )
    drop_long: bool = setting(False, "Leave out what is longer than --max-example-tokens.")
    tokenizer: str | None = setting(None, "A tokenizer.json that counts; else tokens are estimated.")
    with_thinking: bool = setting(
        False, "Export what the model thought too: reasoning_content in messages, <think> elsewhere."
    )
    training: RecipeConfig = nested(RecipeConfig, "")
    min_gain: float | None = setting(
        None, "Leave out what a judge finds to gain less than this (0 to 3); see `quality --judge-model`."
    )
    min_complexity: float | None = setting(
        None, "Leave out instructions of which a judge says less complexity than this (1 to 10)."
    )
    keep_unscored: bool = setting(
        False, "With --min-gain or --min-complexity: keep rows of which no judge has said it."
    )

    def __post_init__(self) -> None:
        at_least(1, self, "max_example_tokens")
        for name, low, high in (("min_gain", 0, 3), ("min_complexity", 1, 10)):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise InputError(f"{flag(name)} must be between {low} and {high}, got {value}")
        if self.keep_unscored and self.min_gain is None and self.min_complexity is None:
            raise InputError("--keep-unscored needs --min-gain or --min-complexity")
        if self.max_example_tokens is None and (self.drop_long or self.tokenizer):
            option = "--drop-long" if self.drop_long else "--tokenizer"
            raise InputError(f"{option} needs --max-example-tokens: how long an example may be")


@dataclass(frozen=True)
class PipelineConfig:
    """Rounds and rows.

    Attributes:
        mix: Shares of methods over the rounds; see `pipeline.policy.parse_mix`.
        on_failure: `again` (WizardLM: the row returns unchanged to the pool), `drop`, or `retry:K`: up to K
            fresh samples, then as `again`. None is `retry:3` in a new run, and as it was begun in an old one.
        retry_temperature: Of a rewrite that is tried again, where the evol model is asked at temperature 0
            and would answer the same; 0 < t <= 2.
        target_rows: The run ends with the row that makes so many kept ones; which row that is does not
            depend on the order in which replies arrive.
        keep: Which of the rounds that passed go into the dataset.
        with_seeds: Share of the seeds, 0 to 1, that are answered and go into it as well.
        seed: Random seed of the draws of methods and seeds.
        part_rows: Rows that are made durable together, >= 1.
        clean: Whether near duplicates and benchmark items are refused; see `pipeline.cleaning`.
        forget_calls: Saves about 4 kB a call on disk; the ledger keeps what was paid.
    """

    mix: str | None = setting(
        None, "Share of each method over the rounds: depth=0.8,breadth=0.2; depth is the method in use."
    )
    on_failure: str | None = setting(
        None,
        "What happens to a row that fails in a round: again (goes on to the next round unchanged), drop, "
        "or retry:K, up to K fresh samples (default: retry:3, or as the run was begun).",
    )
    retry_temperature: float = setting(
        0.7, "Sampling temperature of a rewrite that is tried again, where --temperature is 0."
    )
    target_rows: int | None = setting(None, "Stop when this many rows are kept.", decides=False)
    keep: str = setting("last", "Rounds to keep of each row: last, all, best (one more call), or a number.")
    with_seeds: float = setting(0.0, "Share (0 to 1) of the seeds to answer and add to the dataset.")
    seed: int = setting(0, "Random seed of splits, batches, draws of methods and the optimizer's sampling.")
    part_rows: int = setting(
        1000, "Rows in a part file; the rows of a part become durable together.", decides=False
    )
    clean: bool = setting(
        False, "Refuse near duplicates before they become parents; implied by --decontaminate."
    )
    forget_calls: bool = setting(
        False, "Delete calls from the call store once their rows are durable.", decides=False
    )

    def __post_init__(self) -> None:
        check_keep(self.keep)
        parse_on_failure(self.on_failure)
        if not 0 <= self.with_seeds <= 1:
            raise InputError(f"--with-seeds must be between 0 and 1, got {self.with_seeds}")
        if not 0 < self.retry_temperature <= 2:
            raise InputError(
                f"--retry-temperature must be above 0 and at most 2, got {self.retry_temperature}: at 0 a "
                "rewrite that failed comes back the same"
            )
        at_least(1, self, "part_rows", "target_rows")


@dataclass(frozen=True)
class LaunchConfig:
    """Launch.

    Attributes:
        shards: Parts into which the seeds are divided; one process each.
        workers: Maximum number of concurrent processes; None for all.
        memory: Gigabytes that Slurm or Ray reserves for each process.
    """

    executor: Executor = setting("local", "Where the processes run.")
    shards: int = setting(2, "Parts into which the seeds are divided, one process each.")
    workers: int | None = setting(None, "Maximum number of concurrent processes (default: all).")
    partition: str | None = setting(None, "Slurm partition.")
    time: str | None = setting(None, "Time limit of a Slurm job, such as 12:00:00.")
    memory: int = setting(2, "Gigabytes of memory for each process (slurm and ray).")
    sbatch: tuple[str, ...] = setting((), "Further sbatch option, such as account=mine. Repeatable.")

    def __post_init__(self) -> None:
        check_choices(self)
        at_least(1, self, "shards", "workers", "memory")
        if any("=" not in option for option in self.sbatch):
            raise InputError(f"--sbatch: write it as NAME=VALUE, got {', '.join(self.sbatch)}")


@dataclass(frozen=True)
class AgainConfig:
    """Existing rounds. What is not given stays as the run had it."""

    keep: str | None = setting(None, "Rounds to keep of each row: last, all, best or a number.")
    answer_with: str | None = setting(None, "Model that answers every round again.")
    detector: Detector | None = setting(None, "Judge every round again with this detector.")
    judge_model: str | None = setting(None, "Judge every round again, with this LM after the detector.")

    def __post_init__(self) -> None:
        check_choices(self)
        check_keep(self.keep)
