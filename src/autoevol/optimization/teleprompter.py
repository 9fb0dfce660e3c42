"""AutoEvol: the teleprompter that optimises the evolving method (Auto Evol-Instruct, section 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dspy
from dspy.teleprompt.teleprompt import Teleprompter
from dspy.utils.exceptions import LMError

from autoevol.config import LoopConfig
from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.core.errors import BudgetReached, MethodError
from autoevol.core.progress import say, step_line
from autoevol.core.records import Candidate, Case, Method, Outcome, Row, Step
from autoevol.core.seeds import derived_seed
from autoevol.metrics.base import Metric
from autoevol.metrics.failure import FailureMetric
from autoevol.optimization.compiling import (
    BatchSampler,
    RandomBatches,
    compiled,
    total_scores,
    train_and_dev,
    with_reserve,
    without_repeats,
)
from autoevol.optimization.race import Race
from autoevol.optimization.rules import SelectionRule
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.programs.analyze import AnalyzeTrajectory
from autoevol.programs.evolver import Evolver
from autoevol.programs.propose import ProposeMethod
from autoevol.store.journal import MemoryJournal, StepJournal


def planned_calls(
    config: LoopConfig, *, rounds: int, dev: int, batch: int, starts: int = 1, reserve: int = 0
) -> dict[str, int]:
    """LM calls of a whole optimisation, by role, if every reply parses and every proposal is usable.

    They are exact where every method is scored on every dev row, which a race spares itself. With
    l rounds, D dev rows, batches of B rows, m chains, T steps and S starting methods:

    - evol: l * (S*D + T*(B + m*D))
    - respond: S*D + T*(B + m*D)
    - optimizer: T * 2m

    At the paper's settings (l=1, D=50, B=10, m=5, T=10, S=1) that is 5,400 calls. The paper
    counts 6,120 (table 11): it scores the incumbent anew at every step, and counts one analysis
    and one rewrite per step instead of m. Fewer steps, unparsed evolutions (no response is
    asked), refused proposals and calls found in the store make it less; nothing makes it more,
    except that a race may look at R `reserve` rows: a method at most once at each, and of
    methods the first incumbent and one leader a race at most. With K races (K = T, and one more
    if S > 1) that adds R*(K + 1) to S*D + T*(B + m*D) if K > 0; so for a race this is an upper bound.
    """
    races = config.steps + (starts > 1)
    runs = starts * dev + config.steps * (batch + config.m * dev) + (reserve * (races + 1) if races else 0)
    return {"evol": rounds * runs, "respond": runs, "optimizer": 2 * config.m * config.steps}


class AutoEvol(Teleprompter):
    """Optimises the evolving method of an `Evolver`.

    Each step draws a mini-batch, evolves it with the method in force, has the optimizer LM
    analyse the trajectories and rewrite the method in m independent chains, and lets a
    selection rule compare the usable rewrites with the method in force on a fixed dev set.

    Where this differs from the paper: the dev set is fixed and the incumbent's scores are
    kept instead of paid again; the optimizer also sees responses and the detector's findings;
    several starting methods may compete before step 1; a proposal is checked before it is
    scored; cases that the network lost are left out of the rate; with the rule `Race`, most
    candidates are not scored on all dev rows, and a proposal that repeats one of these is given
    a second chance.

    Args:
        metric: Judges trajectories; by default `FailureMetric()`. A rule of your own is a detector in
            it; a plain DSPy metric knows no case that is not scored, and is refused.
        config: Settings of the loop.
        optimizer_lm: The LM that analyses and rewrites; by default the one in `dspy.context`.
        selection: Chooses between the method in force and its challengers; by default `Race()`.
            `LowestFailureRate()` is the paper's.
        sampler: Draws mini-batches.
        starts: Methods that compete with the student's own before step 1.
        journal: Where finished steps are kept. With a durable one, an interrupted `compile`
            goes on after its last finished step.
        on_step: Called with every step, those found in the journal included.
        on_row: Called after every row that was run, with the method's id and the case.
        verbose: Say a line after every step: to the log, or to standard error where none is set up.
    """

    def __init__(
        self,
        metric: Metric | None = None,
        *,
        config: LoopConfig | None = None,
        optimizer_lm: dspy.LM | None = None,
        selection: SelectionRule | None = None,
        sampler: BatchSampler | None = None,
        starts: Sequence[Method] = (),
        journal: StepJournal | None = None,
        on_step: Callable[[Step], None] | None = None,
        on_row: Callable[[str, Case], None] | None = None,
        verbose: bool = True,
    ) -> None:
        super().__init__()
        self.metric = metric or FailureMetric()
        if not hasattr(self.metric, "ajudge"):
            raise TypeError(
                "AutoEvol needs a metric with three outcomes, such as FailureMetric(detector), got "
                f"{type(metric).__name__}: put your own rule into a detector"
            )
        self.config = config or LoopConfig()
        self.optimizer_lm = optimizer_lm
        self.selection = selection or Race()
        self.sampler = sampler or RandomBatches()
        self.starts = tuple(starts)
        self.journal = journal
        self.on_step = on_step
        self.on_row = on_row
        self.verbose = verbose

    def compile(
        self,
        student: dspy.Module,
        *,
        trainset: Sequence[Any],
        teacher: dspy.Module | None = None,
        valset: Sequence[Any] | None = None,
        reserve: Sequence[Any] | None = None,
        **kwargs: Any,  # noqa: ANN401 (DSPy's contract)
    ) -> Evolver:
        """Find a better method for `student`.

        Args:
            student: An `Evolver`; it is not changed.
            trainset: Rows or `dspy.Example`s with an `instruction`; mini-batches come from here.
            teacher: Not used; there for DSPy's contract.
            valset: The dev set. Without it, `config.dev_size` rows of `trainset` (half of it at
                most) are set aside by a seeded permutation.
            reserve: Further dev rows for a rule that uses them, such as `Race`. Without it, up to
                `config.reserve_size` rows of `trainset` are set aside for such a rule, as far as
                train keeps twice as many rows as dev has.
            kwargs: None is known; each raises a TypeError.

        Returns:
            A copy of `student` with the best method, and DSPy's usual attributes:
            `candidate_programs` (best first; score 0..100, higher is better; methods dropped
            early come last), `trial_logs` (by step), `score`; and `stopped`: steps, patience,
            solved or budget.

        Raises:
            InputError: If the rows do not suffice.
            StopRun: If access, endpoint or disk fail. A budget that is reached is no error
                here: the best method so far is returned.
        """
        if kwargs:
            raise TypeError(f"AutoEvol.compile got unknown arguments: {sorted(kwargs)}")
        if not isinstance(student, Evolver):
            raise TypeError(f"AutoEvol compiles an Evolver, got {type(student).__name__}")
        train, dev = train_and_dev(trainset, valset, dev_size=self.config.dev_size, seed=self.config.seed)
        spare: list[Row] = []
        if self.selection.uses_reserve:
            train, spare = with_reserve(
                train, dev, reserve, size=self.config.reserve_size, seed=self.config.seed
            )
        return aio.run_and_wait(_Loop(self, student, train, dev, spare).run())


class _Loop:
    """One compile: the state between steps is what the journal would give back."""

    def __init__(
        self, owner: AutoEvol, student: Evolver, train: list[Row], dev: list[Row], reserve: list[Row]
    ) -> None:
        self.owner, self.config = owner, owner.config
        self.student, self.train, self.dev, self.reserve = student, train, dev, reserve
        self.dev_ids = {row.id for row in dev}
        self.journal = owner.journal or MemoryJournal()
        self.optimizer_lm = owner.optimizer_lm or dspy.settings.lm
        self.analyze, self.propose = AnalyzeTrajectory(), ProposeMethod()
        self.steps = list(self.journal.steps())
        self.methods: dict[str, Method] = {}
        for start in (student.method, *owner.starts):
            self.methods.setdefault(start.id, start)
        for step in self.steps:
            self._remember(step)
        self.board = Scoreboard(
            student,
            owner.metric,
            concurrency=self.config.concurrency,
            known=[score for step in self.steps for score in step.scores],
            on_row=owner.on_row,
        )

    async def run(self) -> Evolver:
        stopped = ""
        with dspy.context(trace=None, disable_history=True):
            for step in self.steps:
                self._tell(step)
            try:
                while not stopped:
                    if self.steps and (stopped := self._why_stop()):
                        break
                    step = await (self._later_step() if self.steps else self._first_step())
                    self.journal.append(step)
                    self.steps.append(step)
                    self._remember(step)
                    self._tell(step)
            except BudgetReached:
                stopped = "budget"
        return compiled(self.student, self.steps, self.methods, stopped, self.dev)

    async def _first_step(self) -> Step:
        """Step 0: the starting methods compete under the same rule as later challengers."""
        first, *others = self.methods.values()
        return await self._select(0, (), (), first, others)

    async def _later_step(self) -> Step:
        number, incumbent = len(self.steps), self.methods[self.steps[-1].chosen_id]
        batch = self.owner.sampler.draw(self.train, self.config.batch_size, number, self.config.seed)
        cases = await self.board.cases(incumbent, batch, f"batch-{number}")
        chains = [self._chain(number, chain, incumbent, cases) for chain in range(self.config.m)]
        decided, undecided = self._decided()
        candidates = without_repeats(await aio.gather(chains), decided, undecided)
        challengers = [candidate.method for candidate in candidates if candidate.method]
        return await self._select(number, batch, candidates, incumbent, challengers)

    async def _select(
        self,
        number: int,
        batch: Sequence[Row],
        candidates: Sequence[Candidate],
        incumbent: Method,
        challengers: Sequence[Method],
    ) -> Step:
        picked = await self.owner.selection.select(
            incumbent, challengers, self.dev, self.board.evaluate, self.reserve
        )
        return Step(
            number=number,
            batch_ids=tuple(row.id for row in batch),
            candidates=tuple(candidates),
            scores=picked.scores,
            chosen_id=picked.chosen.id,
            improved=picked.chosen.id != incumbent.id,
            note=picked.note,
        )

    async def _chain(self, step: int, chain: int, method: Method, cases: list[Case]) -> Candidate:
        """Analysis, then rewrite. Whatever goes wrong costs this chain its slot, not the step."""
        sampling = chain_sampling(self.config, step, chain)
        feedback = ""
        with dspy.context(lm=self.optimizer_lm), in_scope(f"chain-{step}-{chain}"):
            try:
                feedback = (await self.analyze.acall(cases, **sampling)).feedback
                proposal = await self.propose.acall(method, feedback, **sampling)
                return Candidate(proposal.method, method.id, feedback)
            except (MethodError, LMError) as error:
                return Candidate(None, method.id, feedback, problem=str(error))

    def _why_stop(self) -> str:
        last = self.steps[-1]
        score = last.chosen_score
        if (
            score is not None
            and score.covers(self.dev_ids)
            and score.count(Outcome.PASSED) == len(score.marks)
        ):
            return "solved"
        if last.number >= self.config.steps:
            return "steps"
        recent = self.steps[-self.config.patience :]
        if (
            recent[0].number > 0
            and len(recent) == self.config.patience
            and not any(s.improved for s in recent)
        ):
            return "patience"
        return ""

    def _decided(self) -> tuple[list[Method], list[Method]]:
        """The methods scored on all dev rows, and those that a rule dropped before."""
        scores = total_scores(self.steps)
        full = {method_id for method_id, score in scores.items() if score.covers(self.dev_ids)}
        decided = [method for method in self.methods.values() if method.id in full]
        return decided, [method for method in self.methods.values() if method.id not in full]

    def _remember(self, step: Step) -> None:
        for candidate in step.candidates:
            if candidate.method is not None:
                self.methods.setdefault(candidate.method.id, candidate.method)

    def _tell(self, step: Step) -> None:
        if self.owner.verbose:
            say(step_line(step, len(step.scores)))
        if self.owner.on_step:
            self.owner.on_step(step)


def chain_sampling(config: LoopConfig, step: int, chain: int) -> dict[str, Any]:
    """How one chain of one step asks the optimizer LM; every chain has a seed of its own."""
    return {
        "temperature": config.optimizer_temperature,
        "top_p": config.optimizer_top_p,
        "seed": derived_seed(config.seed, step, chain),
    }


def as_examples(rows: Sequence[Row]) -> list[dspy.Example]:
    """Rows as other DSPy optimizers want them: examples whose one input is `instruction`."""
    return [dspy.Example(instruction=row.instruction, id=row.id).with_inputs("instruction") for row in rows]
