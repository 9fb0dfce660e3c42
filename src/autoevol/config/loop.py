"""The optimisation loop, and the jobs that run it or its methods many times."""

from __future__ import annotations

from dataclasses import dataclass

from autoevol.config.base import at_least, check_sampling, check_url, setting
from autoevol.config.choices import DevRows, Half, LeaveOut, Optimize, Reads, Selection, YesNo, check_choices
from autoevol.core.errors import InputError


@dataclass(frozen=True)
class LoopConfig:
    """Optimisation loop. Batch size, m and dev size are the paper's (appendix F).

    Attributes:
        batch_size: Rows whose trajectories the optimizer LM reads at each step.
        m: Independent chains of analysis and rewrite per step, that is, challengers.
        steps: Maximum number of steps; 0 only compares the starting methods.
        patience: Steps without a better method before stopping. The paper stops when the
            failure rate no longer falls, which is 1; most runs would then end before anything is found.
        dev_size: Rows that a step is decided on, at most.
        dev_rows: Whether these are the same at every step; None as the rule would have it.
        reads: Which rows the optimizer LM reads; None as the rule would have it. `dev` are those that
            the method in force was last scored on and that the step is not decided on; `train` where
            there are none.
        leave_out: When one of the m rewrites is the method in force less one of its sentences; None as
            the rule would have it.
        history: How many earlier changes of methods every second chain is told of, with the rows that each
            cured and broke, >= 0; None, here and below, as the rule would have it.
        kind_rates: Whether all chains are told what the method in force failed by on all rows so far.
        stubborn: Whether it is told, of each failed case, how many other rewrites failed it too.
        combine: Whether one of the m rewrites is the method in force combined with one that was turned
            down although it cured more than it broke.
        reserve_size: Further rows on which a race settles a close decision, >= 0; the paper has none.
        confirm_size: Rows on which the last method must beat the first, >= 0; 0 asks for no confirmation.
        seed: Seeds splits, batches and every chain's sampling.
        optimizer_temperature: Sampling temperature of the optimizer LM.
        optimizer_top_p: Sampling top_p of the optimizer LM.
        concurrency: Maximum number of rows that run concurrently.
    """

    batch_size: int = setting(10, "Instructions whose evolution the optimizer reads at each step.")
    m: int = setting(5, "Rewrites of the method tried at each step.")
    steps: int = setting(20, "Maximum number of optimisation steps; 0 only compares the starting methods.")
    patience: int = setting(5, "Steps without a better method before stopping.")
    dev_size: int = setting(50, "Instructions that a step is decided on, at most.")
    dev_rows: DevRows | None = setting(
        None,
        "Whether these stay the same: fixed, fresh (others at every step), after-adoption (others once a "
        "method is adopted) or growing (half others, half from earlier steps); default: fresh for the "
        "adaptive rule, fixed for the others.",
    )
    reads: Reads | None = setting(
        None,
        "What the optimizer reads: train (instructions run for it) or dev (those that the last step paid "
        "for, if the next is decided on others); default: dev for the adaptive rule, train for the others.",
    )
    leave_out: LeaveOut | None = setting(
        None,
        "When one rewrite of every step is the method less a sentence: never, or longer (while it is longer "
        "than the first method); default: longer for the adaptive rule, never for the others.",
    )
    history: int | None = setting(
        None, "Earlier rewrites that every second chain of the optimizer is told of (default: 0)."
    )
    kind_rates: YesNo | None = setting(
        None, "Tell the optimizer what the method failed by on all instructions so far (default: no)"
    )
    stubborn: YesNo | None = setting(
        None, "Tell it how many other rewrites failed each of the cases that it reads (default: no)"
    )
    combine: YesNo | None = setting(
        None, "Combine the method with a good rewrite that was turned down, once there is one (default: no)"
    )
    reserve_size: int = setting(100, "Further instructions on which a race settles a close decision.")
    confirm_size: int = setting(
        400,
        "Further instructions on which the adaptive rule's last method must beat the first; 0 asks for none.",
    )
    seed: int = setting(0, "Random seed of splits, batches and the optimizer's sampling.")
    optimizer_temperature: float = setting(0.6, "Sampling temperature of the optimizer model.")
    optimizer_top_p: float = setting(0.95, "Sampling top_p of the optimizer model.")
    concurrency: int = 16

    def __post_init__(self) -> None:
        at_least(1, self, "batch_size", "m", "patience", "dev_size", "concurrency")
        at_least(0, self, "steps", "reserve_size", "confirm_size", "history")
        check_choices(self)
        check_sampling(
            "optimizer_temperature", self.optimizer_temperature, "optimizer_top_p", self.optimizer_top_p
        )


@dataclass(frozen=True)
class MethodConfig:
    """Method."""

    start: tuple[str, ...] = setting(
        ("initial",),
        "Starting method: a name (`autoevol methods list`), a file or a run folder. Repeat to let several "
        "compete.",
    )
    rounds: int = setting(1, "Rounds of evolution per instruction.")
    selection: Selection = setting("adaptive", "Rule that keeps or replaces the method.")
    holdout_size: int | None = setting(
        None, "Instructions held out for the final comparison (default: as many as dev)."
    )

    def __post_init__(self) -> None:
        check_choices(self)


@dataclass(frozen=True)
class StagesConfig:
    """Stages."""

    optimize: Optimize = setting(
        "auto",
        "Whether a method is optimised first; auto looks at up to 500 rows, and does not where the starting "
        "method fails so few of them (surely below 15 %, or 11 % if all in one way) that hardly 10 points "
        "can be gained.",
    )
    optimize_share: float = setting(
        0.3,
        "Share (0 to 1) of --max-calls, --max-tokens and --max-usd that may be spent before the bulk stage, "
        "for which the rest is reserved; 1 reserves nothing.",
        decides=False,
    )

    def __post_init__(self) -> None:
        check_choices(self)
        if not 0 < self.optimize_share <= 1:
            raise InputError(
                f"--optimize-share must be above 0 and at most 1, got {self.optimize_share:g}; "
                "--optimize never spends nothing on it"
            )


@dataclass(frozen=True)
class SearchConfig:
    """Search.

    Attributes:
        trials: Total number of finished trials, pruned ones included.
        space: What to vary, as `--space` takes it; see `search.space`.
        search_seed: Seeds the proposals; the seeds of the loops are the same in every trial.
        loop_seeds: Loops per configuration; a trial counts with the means of their rates and calls.
        trial_calls: Maximum calls of a feasible configuration; None calls any feasible.
        no_pruning: Run every trial to its end.
        top: Configurations of the front that are compared on the holdout, the best first.
        storage: Any Optuna storage URL; None keeps a journal file in the folder.
        workers: Processes among which the budget is divided.
    """

    trials: int = setting(20, "Total number of configurations to try, resumes included.", decides=False)
    space: tuple[str, ...] = setting(
        (),
        "What else to vary (patience, rounds, temperature, dev-size, start, selection), or a range such as "
        "m=1:5 or start=initial,weak. Repeatable.",
    )
    loop_seeds: int = setting(
        1, "Loops per configuration, each with a random seed of its own, whose means count."
    )
    search_seed: int = setting(0, "Random seed of the proposals.")
    trial_calls: int | None = setting(None, "Maximum LM calls that a single configuration may need.")
    no_pruning: bool = setting(False, "Run every trial to its end.")
    top: int = setting(3, "Number of best configurations to compare on the holdout.", decides=False)
    storage: str | None = setting(None, "Optuna storage URL (default: a journal file in the folder).")
    workers: int = setting(
        1, "Processes that may work on the search at once, each with its share of the budget."
    )

    def __post_init__(self) -> None:
        at_least(1, self, "trials", "top", "workers", "trial_calls", "loop_seeds")


@dataclass(frozen=True)
class CompareConfig:
    """Comparison of optimizers at an equal budget.

    Attributes:
        optimizers: Names of contestants and of groups (`autoevol`, `rivals`, `demos`, `fixed`),
            separated by commas; `all` takes every one.
        budget: Calls that each entry may pay for: evolutions, responses, judgements, proposals.
        seeds: Entries per contestant; a seed decides the split into train and dev and all
            that the optimizer draws.
        curve_methods: Maximum number of methods of one entry's curve that the referee scores, >= 2.
    """

    optimizers: str = setting(
        "all", "Contestants or groups (autoevol, rivals, demos, fixed, all), separated by commas."
    )
    budget: int = setting(2000, "LM calls that each entry may pay for, task and optimizer together.")
    seeds: int = setting(3, "Entries per contestant, each with its own split and random seed.")
    seed: int = setting(0, "First random seed; it also draws the holdout.")
    start: str = setting("initial", "Starting method of every optimizer: a name, a file or a run folder.")
    rounds: int = setting(1, "Rounds of evolution per instruction.")
    dev_size: int = setting(50, "Instructions that optimizers select methods on.")
    holdout_size: int | None = setting(
        None, "Instructions that the referee scores on (default: a quarter of all, at most 200)."
    )
    curve_methods: int = setting(8, "Maximum number of methods per entry that the referee scores.")

    def __post_init__(self) -> None:
        at_least(1, self, "budget", "seeds", "rounds", "dev_size")
        at_least(2, self, "curve_methods")


@dataclass(frozen=True)
class CalibrateConfig:
    """Calibration.

    Attributes:
        judge_samples: Replies that the judge is asked for each time, >= 1.
        judge_hints: Whether the cascade's judge is told what the text rules found.
        repeat: How often the judge is measured, with fresh samples, >= 1.
        agreement: Answers to each word problem, >= 2; None leaves answer agreement out.
        limit: At most so many pairs, always the same ones.
        half: The text detectors were developed on the first half of the real pairs and never changed
            after a look at the second.
    """

    judge_samples: int = setting(1, "Replies asked of the judge; the majority decides.")
    judge_hints: bool = setting(True, "Tell the judge what text rules noticed.")
    repeat: int = setting(1, "Measure the judge so often, and print the spread.")
    agreement: int | None = setting(None, "Also measure so many answers' agreement.")
    limit: int | None = setting(None, "At most this many pairs.")
    with_responses: bool = setting(False, "Only pairs with responses.")
    half: Half | None = setting(None, "Only one half of the pairs.")

    def __post_init__(self) -> None:
        check_choices(self)
        at_least(1, self, "judge_samples", "repeat", "limit")
        at_least(2, self, "agreement")


@dataclass(frozen=True)
class TransferConfig:
    """Transfer of methods to other data or another evol model.

    Attributes:
        sample: Rows that every method is scored on; fewer if there are fewer.
        seed: Random seed of the sample.
        rounds: Rounds of evolution per instruction.
        into: Passports that are given the result of their method.
    """

    sample: int = setting(100, "Instructions that every method is scored on.")
    seed: int = setting(0, "Random seed of the sample.")
    rounds: int = setting(1, "Rounds of evolution per instruction.")
    into: tuple[str, ...] = setting((), "Passport to add the result to. Repeatable.", decides=False)

    def __post_init__(self) -> None:
        at_least(1, self, "sample", "rounds")


@dataclass(frozen=True)
class AnswersConfig:
    """Answers of two models.

    Attributes:
        api_base_a: Where model A answers, if A is no file; B has its own.
        api_key_env_a: Holds the key for it.
    """

    name_a: str | None = setting(None, "What the report calls A (default: its file or model).", decides=False)
    name_b: str | None = setting(None, "What the report calls B.", decides=False)
    api_base_a: str | None = setting(None, "Endpoint of model A (default: --api-base).", decides=False)
    api_base_b: str | None = setting(None, "Endpoint of model B (default: --api-base).", decides=False)
    api_key_env_a: str | None = setting(None, "Environment variable with the key for A.", decides=False)
    api_key_env_b: str | None = setting(None, "Environment variable with the key for B.", decides=False)

    def __post_init__(self) -> None:
        check_url("api_base_a", self.api_base_a)
        check_url("api_base_b", self.api_base_b)
