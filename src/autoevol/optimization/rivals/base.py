"""What OPRO and APE share: propose, score on the dev rows, keep the best, stop in order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dspy
from dspy.teleprompt.teleprompt import Teleprompter
from dspy.utils.exceptions import LMError

from autoevol.core import aio
from autoevol.core.context import as_role
from autoevol.core.errors import BudgetReached, InputError, MethodError
from autoevol.core.records import Candidate, Method, Outcome, Row, Score, Step
from autoevol.core.seeds import derived_seed
from autoevol.metrics.base import Metric
from autoevol.metrics.failure import FailureMetric
from autoevol.optimization.compiling import compiled, decided_methods, train_and_dev, without_repeats
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.programs.adapters import TaggedText
from autoevol.programs.evolver import Evolver
from autoevol.programs.propose import usable


class Writer(dspy.Module):
    """Asks the optimizer LM for a method, in the words of `signature`, whose one output it is."""

    def __init__(self, signature: type[dspy.Signature], asks_for: str) -> None:
        super().__init__()
        (self.output,) = signature.output_fields
        self.predict = dspy.Predict(signature)
        self.adapter = TaggedText(self.output, asks_for)

    async def aforward(
        self, parent: Method, inputs: Mapping[str, str], sampling: Mapping[str, Any]
    ) -> dspy.Prediction:
        """A prediction with `method`, which has the demos of `parent`.

        Raises:
            MethodError: If the reply holds no usable method.
        """
        with as_role("optimizer"), dspy.context(adapter=self.adapter):
            reply = await self.predict.acall(**inputs, config=dict(sampling))
        cut = reply.finish_reason == "length"
        return dspy.Prediction(method=usable(reply[self.output], parent, cut=cut))


class MethodSearch(Teleprompter, ABC):
    """Proposes methods step by step and keeps the one with the lowest failure rate on the dev rows.

    A proposal that cannot be read, or repeats another, costs its slot only. Every method is
    scored once on every dev row. Subclasses say how methods are proposed.

    Args:
        metric: Judges trajectories; by default `FailureMetric()`.
        prompt_lm: Writes methods; by default the LM in `dspy.context`.
        steps: Steps of proposing and scoring, >= 0.
        candidates: Proposals per step, >= 1.
        temperature: Sampling temperature of `prompt_lm`.
        seed: Seeds the split, what is shown, and every proposal's sampling.
        dev_size: Rows set aside where `compile` gets no valset.
        concurrency: Most rows under way at once.
        on_step: Called with every finished step.
    """

    def __init__(
        self,
        metric: Metric | None = None,
        *,
        prompt_lm: dspy.LM | None = None,
        steps: int,
        candidates: int,
        temperature: float = 1.0,
        seed: int = 0,
        dev_size: int = 50,
        concurrency: int = 16,
        on_step: Callable[[Step], None] | None = None,
    ) -> None:
        super().__init__()
        if steps < 0 or candidates < 1:
            raise InputError(f"steps must be at least 0 and candidates 1, got {steps} and {candidates}")
        self.metric = metric or FailureMetric()
        self.prompt_lm = prompt_lm
        self.steps = steps
        self.candidates = candidates
        self.temperature = temperature
        self.seed = seed
        self.dev_size = dev_size
        self.concurrency = concurrency
        self.on_step = on_step

    def compile(
        self,
        student: dspy.Module,
        *,
        trainset: Sequence[Any],
        teacher: dspy.Module | None = None,
        valset: Sequence[Any] | None = None,
        **kwargs: Any,  # noqa: ANN401 (DSPy's contract)
    ) -> Evolver:
        """Find a better method for `student`; arguments, result and errors as in `AutoEvol.compile`.

        `stopped` is steps, solved or budget. A budget that is reached returns the best method
        that was scored in full.
        """
        if kwargs:
            raise TypeError(f"{type(self).__name__}.compile got unknown arguments: {sorted(kwargs)}")
        if not isinstance(student, Evolver):
            raise TypeError(f"{type(self).__name__} compiles an Evolver, got {type(student).__name__}")
        train, dev = train_and_dev(trainset, valset, dev_size=self.dev_size, seed=self.seed)
        return aio.run_and_wait(self._run(SearchState(self, student, train, dev)))

    @abstractmethod
    async def propose(self, search: SearchState, number: int) -> list[Candidate]:
        """The proposals of step `number` (1, 2, ...), `self.candidates` of them."""

    async def _run(self, search: SearchState) -> Evolver:
        stopped = ""
        with dspy.context(trace=None, disable_history=True):
            try:
                await search.finish(0, ())
                while not (stopped := search.why_stop()):
                    number = len(search.steps)
                    proposed = await self.propose(search, number)
                    await search.finish(number, without_repeats(proposed, search.methods.values()))
            except BudgetReached:
                stopped = "budget"
        decided = decided_methods(search.steps, [[row.id for row in search.dev]])
        return compiled(search.student, search.steps, search.methods, stopped, decided)


class SearchState:
    """One compile: the methods known so far, their scores, and the finished steps.

    Attributes:
        methods: By id; the student's own first.
        scores: By method id, for methods scored on all dev rows.
        steps: Finished steps; step 0 scores the student's own method.
    """

    def __init__(self, owner: MethodSearch, student: Evolver, train: list[Row], dev: list[Row]) -> None:
        self.owner, self.student, self.train, self.dev = owner, student, train, dev
        self.board = Scoreboard(student, owner.metric, concurrency=owner.concurrency)
        self.prompt_lm = owner.prompt_lm or dspy.settings.lm
        self.methods: dict[str, Method] = {student.method.id: student.method}
        self.scores: dict[str, Score] = {}
        self.steps: list[Step] = []

    def ranked(self) -> list[Method]:
        """The scored methods, lowest failure rate first; the earlier of two equals first.

        One that lost more than half of the dev rows to the network is left out, except that
        the student's own method is always there.
        """
        start = next(iter(self.methods))
        fair = [
            method
            for method in self.methods.values()
            if method.id in self.scores and (method.id == start or self._fair(self.scores[method.id]))
        ]
        return sorted(fair, key=lambda method: self.scores[method.id].loss)

    def _fair(self, score: Score) -> bool:
        return 2 * score.count(Outcome.UNSCORED) <= len(self.dev)

    async def write(
        self, writer: Writer, number: int, asked: Sequence[tuple[Method, Mapping[str, str]]]
    ) -> list[Candidate]:
        """One proposal for each pair of a parent method and the inputs of `writer`, all at once."""

        async def one(place: int, parent: Method, inputs: Mapping[str, str]) -> Candidate:
            seed = derived_seed(self.owner.seed, number, place)
            sampling = {"temperature": self.owner.temperature, "seed": seed}
            with dspy.context(lm=self.prompt_lm):
                try:
                    return Candidate((await writer.acall(parent, inputs, sampling)).method, parent.id)
                except (MethodError, LMError) as error:
                    return Candidate(None, parent.id, problem=str(error))

        return await aio.gather(one(place, *given) for place, given in enumerate(asked))

    async def finish(self, number: int, candidates: Sequence[Candidate]) -> None:
        """Score the step's methods and record the step, of what was scored if the run is stopped.

        One method after the other (its rows concurrently), so that a stop loses one at most.
        """
        new = [c.method for c in candidates if c.method] if number else list(self.methods.values())
        try:
            for method in new:
                score = await self.board.evaluate(method, self.dev)
                self.methods[method.id], self.scores[method.id] = method, score
        finally:
            if self.scores:
                self._record(number, candidates)

    def why_stop(self) -> str:
        """Why the search is over, or ''."""
        best = self.scores[self.ranked()[0].id]
        if best.count(Outcome.PASSED) == len(self.dev):
            return "solved"
        return "steps" if len(self.steps) > self.owner.steps else ""

    def _record(self, number: int, candidates: Sequence[Candidate]) -> None:
        before = self.steps[-1].chosen_id if self.steps else next(iter(self.methods))
        best = self.ranked()[0].id
        shown = dict.fromkeys([before, *(c.method.id for c in candidates if c.method)])
        step = Step(
            number=number,
            batch_ids=(),
            candidates=tuple(candidates),
            scores=tuple(self.scores[method_id] for method_id in shown if method_id in self.scores),
            chosen_id=best,
            improved=best != before,
            note=f"{self.scores[best].named} {self.scores[before].loss:.1%} -> {self.scores[best].loss:.1%}",
        )
        self.steps.append(step)
        if self.owner.on_step:
            self.owner.on_step(step)
