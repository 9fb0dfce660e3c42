"""AutoEvol: the teleprompter that optimises the evolving method (Auto Evol-Instruct, section 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dspy
from dspy.teleprompt.teleprompt import Teleprompter

from autoevol.config import LoopConfig
from autoevol.core import aio
from autoevol.core.errors import BudgetReached
from autoevol.core.progress import say, step_line
from autoevol.core.records import Candidate, Case, Method, Outcome, Row, Step
from autoevol.metrics.base import Metric
from autoevol.metrics.failure import FailureMetric
from autoevol.optimization.adaptive import AdaptiveRace
from autoevol.optimization.compiling import (
    BatchSampler,
    RandomBatches,
    compiled,
    decided_methods,
    is_confirmation,
    train_and_dev,
    with_reserve,
    without_repeats,
)
from autoevol.optimization.confirming import confirm
from autoevol.optimization.dev_rows import DevRows, find_dev_rows
from autoevol.optimization.past import Past
from autoevol.optimization.plan import confirm_rows, spare_rows
from autoevol.optimization.rewriting import Rewriter, rows_to_read
from autoevol.optimization.rule import Selection, SelectionRule, at_step, proposing
from autoevol.optimization.rules import find_rule
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.programs.evolver import Evolver
from autoevol.store.journal import MemoryJournal, StepJournal


class AutoEvol(Teleprompter):
    """Optimises the evolving method of an `Evolver`.

    Each step has the optimizer LM read how the method in force fared on a mini-batch, analyse
    the trajectories and rewrite the method in m independent chains, and lets a
    selection rule compare the usable rewrites with the method in force on dev rows. At the end, the
    method in force is confirmed against the first one, where the rule asks for it and rows are left.

    Where this differs from the paper: the default rule looks at other dev rows at every step, at few
    while the method in force fails often, and scores it again (`AdaptiveRace`, `dev_rows`); the optimizer
    then reads the last step's dev rows instead of rows evolved for it, and one rewrite leaves out a
    sentence (`rewriting`); with fixed
    rows its scores are kept instead of paid again; the optimizer also sees responses and the verdicts;
    several starting methods may compete before step 1; a proposal is checked before it is
    scored; cases that the network lost are left out of the rate; in a race, most
    candidates are not scored on all dev rows, and a proposal that repeats one of these is given
    a second chance.

    Args:
        metric: Judges trajectories; by default `FailureMetric()`. A rule of your own is a detector in
            it; a plain DSPy metric knows no case that is not scored, and is refused.
        config: Settings of the loop.
        optimizer_lm: The LM that analyses and rewrites; by default the one in `dspy.context`.
        selection: Chooses between the method in force and its challengers, or the name of a rule: `adaptive`,
            which is the default, `race`, `sprint`, `paper` or `author`.
        dev_rows: Which rows a step is decided on; by default `config.dev_rows`, else the rule's own.
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
        selection: SelectionRule | str | None = None,
        dev_rows: DevRows | str | None = None,
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
                f"AutoEvol needs a metric with three outcomes, got {type(metric).__name__}. Put your own "
                "rule into a detector, a class with `judge(trajectory)`, and give `FailureMetric(detector)`: "
                "see 'A detector' in docs/library.md"
            )
        self.config = config or LoopConfig()
        self.optimizer_lm = optimizer_lm
        self.selection = find_rule(selection)() if isinstance(selection, str) else selection or AdaptiveRace()
        asked_for = dev_rows or self.config.dev_rows or self.selection.dev_rows
        self.dev_rows = find_dev_rows(asked_for) if isinstance(asked_for, str) else asked_for
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
            trainset: Rows, `dspy.Example`s or dicts with an `instruction`, or texts; mini-batches come
                from here.
            teacher: Not used; there for DSPy's contract.
            valset: The dev set. Without it, `config.dev_size` rows of `trainset` (half of it at
                most) are set aside by a seeded permutation.
            reserve: Further dev rows: for other steps, for a rule that uses a reserve, and for the
                confirmation. Without it, as many rows of `trainset` are set aside as may be asked for
                (`spare_rows`), as far as train keeps twice as many rows as dev has.
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
            got = f"{type(student).__name__}{_evolver_in(student)}"
            raise TypeError(f"AutoEvol compiles an `autoevol.Evolver`, got {got}")
        train, dev = train_and_dev(trainset, valset, dev_size=self.config.dev_size, seed=self.config.seed)
        spare: list[Row] = []
        if wanted := spare_rows(self.config, self.selection, self.dev_rows):
            train, spare = with_reserve(train, dev, reserve, size=wanted, seed=self.config.seed)
        return aio.run_and_wait(_Loop(self, student, train, dev, spare).run())


class _Loop:
    """One compile: the state between steps is what the journal would give back."""

    def __init__(
        self, owner: AutoEvol, student: Evolver, train: list[Row], dev: list[Row], spare: list[Row]
    ) -> None:
        self.owner, self.config, self.rule = owner, owner.config, owner.selection
        self.student, self.train, self.dev_size = student, train, len(dev)
        # The confirmation's rows come from the end, and are of use only if no step is decided on them.
        others = len(spare) - confirm_rows(self.config, self.rule, len(spare))
        self.pool, self.unused = [*dev, *spare[:others]], spare[others:]
        self.journal = owner.journal or MemoryJournal()
        self.proposing = proposing(self.rule, self.config)
        optimizer_lm = owner.optimizer_lm or dspy.settings.lm
        self.rewriter = Rewriter(self.config, optimizer_lm, self.proposing)
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
                    self._add(await (self._later_step() if self.steps else self._first_step()))
                if self._is_unconfirmed():
                    self._add(await self._confirmation())
            except BudgetReached:
                stopped = "budget"
        return compiled(self.student, self.steps, self.methods, stopped, self._decided_ids())

    async def _first_step(self) -> Step:
        """Step 0: the starting methods compete under the same rule as later challengers."""
        first, *others = self.methods.values()
        return await self._select(0, (), (), first, others)

    async def _later_step(self) -> Step:
        number, incumbent = len(self.steps), self.methods[self.steps[-1].chosen_id]
        batch, cases = await self._read(number, incumbent)
        tried = await self.rewriter.rewrites(number, cases, Past(self.steps, self.methods))
        decided, undecided = self._decided()
        candidates = without_repeats(tried, decided, undecided)
        challengers = [candidate.method for candidate in candidates if candidate.method]
        return await self._select(number, batch, candidates, incumbent, challengers)

    async def _read(self, number: int, incumbent: Method) -> tuple[Sequence[Row], list[Case]]:
        """What the optimizer reads: rows that are paid for and no longer decided on, else a mini-batch."""
        if self.proposing.reads == "dev":
            dev, reserve = self._rows_after(self.steps)
            rows = rows_to_read(self.steps[-1], self.pool, (*dev, *reserve), self.config.batch_size)
            if rows:
                return rows, await self.board.evaluated(incumbent, rows)
        batch = self.owner.sampler.draw(self.train, self.config.batch_size, number, self.config.seed)
        return batch, await self.board.cases(incumbent, batch, f"batch-{number}")

    async def _select(
        self,
        number: int,
        batch: Sequence[Row],
        candidates: Sequence[Candidate],
        incumbent: Method,
        challengers: Sequence[Method],
    ) -> Step:
        dev, reserve = self._rows_after(self.steps)
        rule = at_step(self.rule, number, challengers)
        picked = await rule.select(incumbent, challengers, dev, self.board.evaluate, reserve)
        return self._step(number, batch, candidates, incumbent, picked)

    def _rows_after(self, steps: Sequence[Step]) -> tuple[Sequence[Row], Sequence[Row]]:
        """Dev and reserve rows of the step that follows `steps`."""
        reserve = self.config.reserve_size if self.rule.uses_reserve else 0
        rows = self.owner.dev_rows.draw(self.pool, self.dev_size + reserve, steps)
        return rows[: self.dev_size], rows[self.dev_size :]

    async def _confirmation(self) -> Step:
        first, last = next(iter(self.methods.values())), self.methods[self.steps[-1].chosen_id]
        picked = await confirm(first, last, self.unused, self.board.evaluate)
        return self._step(len(self.steps), (), (), last, picked)

    def _is_unconfirmed(self) -> bool:
        last = self.steps[-1]
        return bool(self.unused) and not is_confirmation(last) and last.chosen_id != next(iter(self.methods))

    def _step(
        self,
        number: int,
        batch: Sequence[Row],
        candidates: Sequence[Candidate],
        incumbent: Method,
        picked: Selection,
    ) -> Step:
        return Step(
            number=number,
            batch_ids=tuple(row.id for row in batch),
            candidates=tuple(candidates),
            scores=picked.scores,
            chosen_id=picked.chosen.id,
            improved=picked.chosen.id != incumbent.id,
            note=picked.note,
        )

    def _why_stop(self) -> str:
        steps = self.steps[:-1] if is_confirmation(self.steps[-1]) else self.steps
        last = steps[-1]
        if self._is_solved(steps):
            return "solved"
        if last.number >= self.config.steps:
            return "steps"
        recent = steps[-self.config.patience :]
        if (
            recent[0].number > 0
            and len(recent) == self.config.patience
            and not any(s.improved for s in recent)
        ):
            return "patience"
        return ""

    def _is_solved(self, steps: Sequence[Step]) -> bool:
        """Whether the method in force passes all dev rows; if rows move, others than it was chosen on."""
        last = steps[-1]
        dev, _ = self._rows_after(steps[:-1])
        score = last.chosen_score
        return (
            score is not None
            and score.covers({row.id for row in dev})
            and score.count(Outcome.PASSED) == len(score.marks)
            and not (self.owner.dev_rows.moves and last.improved)
        )

    def _decided(self) -> tuple[list[Method], list[Method]]:
        """The methods that a rule decided on, and those that it dropped before."""
        ids = self._decided_ids()
        decided = [method for method in self.methods.values() if method.id in ids]
        return decided, [method for method in self.methods.values() if method.id not in ids]

    def _decided_ids(self) -> set[str]:
        """Methods scored on all dev rows on which the incumbent of some step was scored at it."""
        asked = []
        for place, step in enumerate(self.steps):
            dev, _ = self._rows_after(self.steps[:place])
            if step.scores:
                asked.append({row.id for row in dev} & step.scores[0].marks.keys())
        return decided_methods(self.steps, asked)

    def _add(self, step: Step) -> None:
        self.journal.append(step)
        self.steps.append(step)
        self._remember(step)
        self._tell(step)

    def _remember(self, step: Step) -> None:
        for candidate in step.candidates:
            if candidate.method is not None:
                self.methods.setdefault(candidate.method.id, candidate.method)

    def _tell(self, step: Step) -> None:
        if self.owner.verbose:
            say(step_line(step, len(step.scores)))
        if self.owner.on_step:
            self.owner.on_step(step)


def _evolver_in(student: object) -> str:
    """Where a program that is no `Evolver` has one, in words."""
    parts = student.named_sub_modules() if isinstance(student, dspy.Module) else ()
    name = next((name.removeprefix("self.") for name, part in parts if isinstance(part, Evolver)), None)
    return f". It has one: program.{name} = AutoEvol().compile(program.{name}, trainset=...)" if name else ""


def as_examples(rows: Sequence[Row]) -> list[dspy.Example]:
    """Rows as other DSPy optimizers want them: examples whose one input is `instruction`."""
    return [dspy.Example(instruction=row.instruction, id=row.id).with_inputs("instruction") for row in rows]
