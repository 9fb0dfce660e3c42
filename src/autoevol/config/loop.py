"""The optimisation loop, and the jobs that run it or its methods many times."""

from __future__ import annotations

from dataclasses import dataclass

from autoevol.config.base import at_least, check_sampling, setting
from autoevol.core.errors import InputError


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
        at_least(1, self, "batch_size", "m", "patience", "dev_size", "concurrency")
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

    trials: int = setting(20, "Configurations to try in all, resumes included.", decides=False)
    space: tuple[str, ...] = setting(
        (),
        "What else to vary, or a range: patience, rounds, temperature, dev-size, start, selection, m=1:5, "
        "start=initial,weak. Repeatable.",
    )
    search_seed: int = setting(0, "Seeds the proposals.")
    trial_calls: int | None = setting(None, "Most LM calls that a configuration may need by itself.")
    no_pruning: bool = setting(False, "Let every trial run to its end.")
    top: int = setting(3, "Best configurations to compare on the holdout.", decides=False)
    storage: str | None = setting(None, "Optuna storage URL (default: a journal file in the folder).")
    workers: int = setting(
        1, "Processes that may work on the search at once, each with its part of the budget."
    )

    def __post_init__(self) -> None:
        at_least(1, self, "trials", "top", "workers")
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
        at_least(1, self, "budget", "seeds", "rounds", "dev_size")
        at_least(2, self, "curve_methods")


@dataclass(frozen=True)
class TransferConfig:
    """Transfer of methods to other data or another evol LM.

    Attributes:
        sample: Rows that every method is scored on; fewer if there are fewer.
        seed: Draws them.
        rounds: Rounds of evolution per instruction.
        into: Passports that are given the result of their method.
    """

    sample: int = setting(100, "Instructions that every method is scored on.")
    seed: int = setting(0, "Draws these instructions.")
    rounds: int = setting(1, "Rounds of evolution per instruction.")
    into: tuple[str, ...] = setting((), "Passport to enter the result in. Repeatable.", decides=False)

    def __post_init__(self) -> None:
        at_least(1, self, "sample", "rounds")
