"""The settings of a run, as frozen records. The command line is generated from them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from autoevol.errors import InputError


def setting(default: Any, text: str) -> Any:  # noqa: ANN401 (a dataclass field of any type)
    """A field with its default and the sentence that explains it to a user."""
    return field(default=default, metadata={"help": text})


def flag(name: str) -> str:
    """The option that fills a field."""
    return f"--{name.replace('_', '-')}"


def check_sampling(heat: str, temperature: float, nucleus: str, top_p: float | None) -> None:
    """Raise InputError for what no model can be asked to sample with; `heat`, `nucleus` name the fields."""
    if not 0 <= temperature <= 2:
        raise InputError(f"{flag(heat)} must be between 0 and 2, got {temperature}")
    if top_p is not None and not 0 < top_p <= 1:
        raise InputError(f"{flag(nucleus)} must be above 0 and at most 1, got {top_p}")


def _open_url(url: str | None) -> str | None:
    return url and re.sub(r"//[^/]*@", "//", url)


def check_urls(settings: object, *names: str) -> None:
    """Raise InputError for a field that is given and is no web address."""
    for name in names:
        url = getattr(settings, name)
        if url is not None and not re.match(r"https?://[^/\s]", url):
            raise InputError(f"{flag(name)} {url!r} is no URL; write it as http://HOST:PORT/v1")


@dataclass(frozen=True)
class DataConfig:
    """Data."""

    field: str | None = setting(
        None, "Column that holds the instruction; by default the shape is recognised."
    )
    split: str = setting("train", "Split of a Hugging Face dataset.")
    limit: int | None = setting(None, "Read at most this many instructions.")
    skip_bad: bool = setting(False, "Set unusable records aside in rejects.jsonl instead of stopping.")
    turns: str = setting("first", "User turns of a conversation that are evolved: first or every.")

    def reading(self) -> dict[str, Any]:
        """How to read a source: arguments of `load_rows` and `iter_rows`."""
        return {
            "field": self.field,
            "skip_bad": self.skip_bad,
            "limit": self.limit,
            "split": self.split,
            "turns": self.turns,
        }


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
    rpm: float | None = setting(None, "Most requests per minute to each endpoint.")
    tpm: float | None = setting(None, "Most tokens per minute to each endpoint.")
    client: str = setting("aiohttp", "HTTP client for OpenAI-compatible endpoints: aiohttp or openai.")

    def __post_init__(self) -> None:
        check_sampling("temperature", self.temperature, "top_p", self.top_p)
        check_urls(self, "api_base", "optimizer_api_base")
        for name in ("reply_tokens", "concurrency"):
            if getattr(self, name) < 1:
                raise InputError(f"{flag(name)} must be at least 1, got {getattr(self, name)}")
        for name in ("rpm", "tpm"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise InputError(f"{flag(name)} must be above 0, got {limit}")
        if self.client not in ("aiohttp", "openai"):
            raise InputError(f"--client {self.client!r} is unknown; known are aiohttp and openai")


# What a resumed run may change: none of it alters what any call would answer.
FREE = frozenset(
    {
        "concurrency",
        "api_base",
        "api_key_env",
        "optimizer_api_base",
        "optimizer_api_key_env",
        "judge_api_base",
        "calibration",
        "client",
        "rpm",
        "tpm",
        "part_rows",
        "forget_calls",
    }
)


@dataclass(frozen=True)
class BudgetConfig:
    """Budget: hard caps over the whole run, resumes included."""

    max_calls: int | None = setting(None, "Stop before more LM calls than this are paid.")
    max_tokens: int | None = setting(None, "Stop before more tokens than this are used.")
    max_usd: float | None = setting(None, "Stop before more dollars than this are spent; needs --price.")
    price: tuple[str, ...] = setting(
        (), "Dollars per million input,output tokens: MODEL=0.15,0.60. Repeatable."
    )

    def __post_init__(self) -> None:
        for name in ("max_calls", "max_tokens", "max_usd"):
            cap = getattr(self, name)
            if cap is not None and not cap >= 0:
                raise InputError(f"{flag(name)} must not be negative, got {cap}")

    def part(self, of: int) -> BudgetConfig:
        """What each of `of` processes may spend; together it is the whole or a little less."""
        return replace(
            self,
            max_calls=None if self.max_calls is None else self.max_calls // of,
            max_tokens=None if self.max_tokens is None else self.max_tokens // of,
            max_usd=None if self.max_usd is None else self.max_usd / of,
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

    def __post_init__(self) -> None:
        check_urls(self, "judge_api_base")


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
        reserve_size: Further rows on which a race settles a close decision, >= 0; the paper has none.
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
        check_sampling(
            "optimizer_temperature", self.optimizer_temperature, "optimizer_top_p", self.optimizer_top_p
        )


@dataclass(frozen=True)
class MethodConfig:
    """Method."""

    start: tuple[str, ...] = setting(
        ("initial",),
        "Starting method: initial, weak, compact, a file or a run folder. Repeat to let several compete.",
    )
    rounds: int = setting(1, "Rounds of evolution per instruction.")
    selection: str = setting("race", "Rule that keeps or replaces the method: race, sprint, paper or author.")
    holdout_size: int | None = setting(
        None, "Instructions for the final comparison (default: as many as dev)."
    )


@dataclass(frozen=True)
class CleanConfig:
    """Clean data.

    Attributes:
        near: Least Jaccard similarity of word shingles that makes a near duplicate.
        decontaminate: Benchmark files or Hugging Face datasets.
        overlap: Words of a run that is contamination: 13, or 8 (Auto Evol-Instruct, table 10).
    """

    near: float = setting(0.8, "Similarity (0 to 1) from which a text is a near duplicate.")
    decontaminate: tuple[str, ...] = setting(
        (), "Benchmark that the data must not contain: a file or a Hugging Face dataset. Repeatable."
    )
    overlap: int = setting(13, "Words in a row shared with a benchmark that are too many: 13 or 8.")

    def __post_init__(self) -> None:
        if not 0 < self.near <= 1:
            raise InputError(f"--near must be above 0 and at most 1, got {self.near}")
        if self.overlap not in (13, 8):
            raise InputError(f"--overlap must be 13 or 8, got {self.overlap}")


@dataclass(frozen=True)
class SearchConfig:
    """Search.

    Attributes:
        trials: Finished trials in all, pruned ones included.
        space: What to vary, as `--space` takes it; see `search.space`.
        search_seed: Seeds the proposals; the loop's own seed is the same in every trial.
        trial_calls: Most calls of a feasible configuration; None calls any feasible.
        no_pruning: Let every trial run to its end.
        top: Configurations of the front that are compared on the holdout, the best first.
        storage: Any Optuna storage URL; None keeps a journal file in the folder.
        workers: Processes among which the budget is divided.
    """

    trials: int = setting(20, "Configurations to try in all, resumes included.")
    space: tuple[str, ...] = setting(
        (),
        "What else to vary, or a range: patience, rounds, temperature, dev-size, start, selection, m=1:5, "
        "start=initial,weak. Repeatable.",
    )
    search_seed: int = setting(0, "Seeds the proposals.")
    trial_calls: int | None = setting(None, "Most LM calls that a configuration may need by itself.")
    no_pruning: bool = setting(False, "Let every trial run to its end.")
    top: int = setting(3, "Best configurations to compare on the holdout.")
    storage: str | None = setting(None, "Optuna storage URL (default: a journal file in the folder).")
    workers: int = setting(
        1, "Processes that may work on the search at once, each with its part of the budget."
    )

    def __post_init__(self) -> None:
        for name in ("trials", "top", "workers"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.trial_calls is not None and self.trial_calls < 1:
            raise InputError(f"trial_calls must be at least 1, got {self.trial_calls}")


@dataclass(frozen=True)
class CompareConfig:
    """Comparison of optimizers at an equal budget.

    Attributes:
        optimizers: Names of contestants and of groups (`autoevol`, `rivals`, `demos`, `fixed`),
            separated by commas; `all` takes every one.
        budget: Calls that each entry may pay: evolutions, responses, judgements, proposals.
        seeds: Entries per contestant; a seed decides the split into train and dev and all
            that the optimizer draws.
        curve_methods: Most methods of one entry's curve that the referee scores, >= 2.
    """

    optimizers: str = setting("all", "Contestants or groups of them: autoevol, rivals, demos, fixed, all.")
    budget: int = setting(2000, "LM calls that each entry may pay, task and optimizer together.")
    seeds: int = setting(3, "Entries per contestant, each with a split and a seed of its own.")
    seed: int = setting(0, "First seed; it also draws the holdout.")
    start: str = setting("initial", "Starting method of every optimizer: a name, a file or a run folder.")
    rounds: int = setting(1, "Rounds of evolution per instruction.")
    dev_size: int = setting(50, "Instructions that optimizers select methods on.")
    holdout_size: int | None = setting(
        None, "Instructions that the referee scores on (default: a quarter of all, 200 at most)."
    )
    curve_methods: int = setting(8, "Most methods of each entry's curve that the referee scores.")

    def __post_init__(self) -> None:
        for name, least in (
            ("budget", 1),
            ("seeds", 1),
            ("rounds", 1),
            ("dev_size", 1),
            ("curve_methods", 2),
        ):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be at least {least}, got {getattr(self, name)}")


@dataclass(frozen=True)
class PipelineConfig:
    """Rounds and rows.

    Attributes:
        mix: Shares of methods over the rounds; see `pipeline.policy.parse_mix`.
        on_failure: `again` (WizardLM: the row returns unchanged to the pool), `drop`, or `retry:K`.
        keep: Which rounds that passed go into the dataset.
        with_seeds: Share of the seeds, 0 to 1, that are answered and go into it as well.
        seed: Of the draws of methods and seeds.
        part_rows: Rows that are made durable together.
        clean: Whether near duplicates and benchmark items are refused; see `pipeline.cleaning`.
        forget_calls: Saves about 4 kB a call on disk; the ledger keeps what was paid.
    """

    mix: str | None = setting(
        None, "Shares of methods over the rounds: depth=0.8,breadth=0.2; depth is the method in use."
    )
    on_failure: str = setting(
        "again", "A row that fails in a round: again (next round, unchanged), drop, or retry:K."
    )
    keep: str = setting(
        "last", "Rounds that are kept of a row: last, all, best (one more call), or a number."
    )
    with_seeds: float = setting(0.0, "Share (0 to 1) of the seeds that the dataset holds as well, answered.")
    seed: int = setting(0, "Seeds splits, batches, draws of methods and the optimizer's sampling.")
    part_rows: int = setting(1000, "Rows of a part file; a part is made durable at once.")
    clean: bool = setting(
        False, "Refuse near duplicates before they become parents; --decontaminate implies it."
    )
    forget_calls: bool = setting(False, "Drop the calls of rows from the call store once these are durable.")

    def __post_init__(self) -> None:
        if self.keep not in ("last", "all", "best") and not (self.keep.isdecimal() and int(self.keep)):
            raise InputError(
                f"--keep {self.keep!r} is unknown; known are last, all, best and the number of a round"
            )
        if not 0 <= self.with_seeds <= 1:
            raise InputError(f"--with-seeds must be between 0 and 1, got {self.with_seeds}")
        if self.part_rows < 1:
            raise InputError(f"--part-rows must be at least 1, got {self.part_rows}")


@dataclass(frozen=True)
class LaunchConfig:
    """Launch.

    Attributes:
        shards: Parts into which the seeds are divided; one process each.
        workers: Most processes at once; None for all.
        memory: Gigabytes that Slurm or Ray sets aside for a process.
    """

    executor: str = setting("local", "Where the processes run: local, slurm or ray.")
    shards: int = setting(2, "Parts into which the seeds are divided, each a process.")
    workers: int | None = setting(None, "Most processes at once (default: all).")
    partition: str | None = setting(None, "Slurm partition.")
    time: str | None = setting(None, "Time limit of a Slurm job, such as 12:00:00.")
    memory: int = setting(2, "Gigabytes of memory for each process, for slurm and ray.")
    sbatch: tuple[str, ...] = setting((), "Further option of sbatch, such as account=mine. Repeatable.")

    def __post_init__(self) -> None:
        for name in ("shards", "workers", "memory"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise InputError(f"--{name} must be at least 1, got {value}")
        if any("=" not in option for option in self.sbatch):
            raise InputError(f"--sbatch: write it as NAME=VALUE, got {', '.join(self.sbatch)}")


@dataclass(frozen=True)
class AgainConfig:
    """Rounds that are there. What is not given is as the run had it."""

    keep: str | None = setting(None, "Rounds that are kept of a row: last, all, best or a number.")
    answer_with: str | None = setting(None, "Model that answers every round anew.")
    detector: str | None = setting(None, "Judge every round anew: text, paper, author or eliminator.")
    judge_model: str | None = setting(None, "Judge every round anew, with this LM behind the detector.")


@dataclass(frozen=True)
class EndpointConfig:
    """Endpoint."""

    api_base: str | None = setting(
        None, "URL of an OpenAI-compatible endpoint; by default the one that was asked last."
    )
    api_key_env: str | None = setting(
        None, "Environment variable that holds the API key; by default the same as before."
    )
    judge_api_base: str | None = setting(None, "Endpoint of the judge model; by default the same as before.")
    concurrency: int = setting(16, "Most requests under way at once.")

    @classmethod
    def of(cls, models: ModelConfig, metrics: MetricConfig) -> EndpointConfig:
        """Where a run asks, without passwords: fit to be written down."""
        bases = (_open_url(models.api_base), _open_url(metrics.judge_api_base))
        return cls(bases[0], models.api_key_env, bases[1], models.concurrency)

    def over(self, known: EndpointConfig) -> EndpointConfig:
        """These settings, and what is `known` where they say nothing."""
        return replace(
            self,
            api_base=self.api_base or known.api_base,
            api_key_env=self.api_key_env or known.api_key_env,
            judge_api_base=self.judge_api_base or known.judge_api_base,
        )


@dataclass(frozen=True)
class TransferConfig:
    """Transfer of methods to other data or another evol LM.

    Attributes:
        sample: Rows that every method is scored on; fewer if there are fewer.
        seed: Draws them.
        rounds: Rounds of evolution per instruction.
    """

    sample: int = setting(100, "Instructions that every method is scored on.")
    seed: int = setting(0, "Draws these instructions.")
    rounds: int = setting(1, "Rounds of evolution per instruction.")

    def __post_init__(self) -> None:
        for name in ("sample", "rounds"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
