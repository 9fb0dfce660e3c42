"""Evolver: the student that AutoEvol and every other DSPy optimizer compile."""

from __future__ import annotations

from collections.abc import Sequence

import dspy

from autoevol.core.records import Evolution, Message, Method, Trajectory
from autoevol.programs.evolve import EvolveInstruction, as_evolution
from autoevol.programs.respond import RespondToInstruction


class Evolver(dspy.Module):
    """Evolves an instruction `rounds` times, then responds to the result.

    `named_predictors()` shows exactly one predictor, the evolving method. A saved Evolver is
    a saved method.

    Args:
        method: The evolving method to start from, or its text.
        rounds: Rounds of evolution per instruction (the paper's l), >= 1.
        system: Optional system prompt for the response.
        respond: Whether to ask for a response at all.

    One call costs at most `rounds + 1` LM calls; a round that yields no instruction ends it.
    """

    def __init__(
        self,
        method: Method | str | None = None,
        *,
        rounds: int = 1,
        system: str | None = None,
        respond: bool = True,
    ) -> None:
        super().__init__()
        if rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {rounds}")
        self.rounds = rounds
        self.evolve = EvolveInstruction(Method(method) if isinstance(method, str) else method)
        self.respond = RespondToInstruction(system) if respond else None

    @property
    def method(self) -> Method:
        """The evolving method in force."""
        return self.evolve.method

    def with_method(self, method: Method | str) -> Evolver:
        """A copy of this program that uses `method`."""
        copy = self.deepcopy()
        copy.evolve.use(Method(method) if isinstance(method, str) else method)
        return copy

    def forward(self, instruction: str, context: Sequence[Message] = ()) -> dspy.Prediction:
        """Evolve and respond; a `context` is shown for the response alone.

        Returns:
            A prediction with `evolved_instruction` ('' if the last round yielded none),
            `response` (None if there was nothing to respond to), `trajectory`, the
            `records.Trajectory` that metrics judge, and `method`, by which it was evolved.
        """
        done: list[Evolution] = []
        current: str | None = instruction
        while current is not None and len(done) < self.rounds:
            done.append(as_evolution(current, self.evolve(instruction=current)))
            current = done[-1].evolved
        answer = self.respond(instruction=current, context=context) if self.respond and current else None
        return self._prediction(done, answer)

    async def aforward(self, instruction: str, context: Sequence[Message] = ()) -> dspy.Prediction:
        """The same from a coroutine."""
        done: list[Evolution] = []
        current: str | None = instruction
        while current is not None and len(done) < self.rounds:
            done.append(as_evolution(current, await self.evolve.acall(instruction=current)))
            current = done[-1].evolved
        answer = None
        if self.respond and current:
            answer = await self.respond.acall(instruction=current, context=context)
        return self._prediction(done, answer)

    def _prediction(self, done: list[Evolution], answer: dspy.Prediction | None) -> dspy.Prediction:
        trajectory = Trajectory(
            evolutions=tuple(done),
            response=answer.response if answer else None,
            response_finish_reason=answer.finish_reason if answer else None,
            shown=self.method.demos,
        )
        return dspy.Prediction(
            evolved_instruction=trajectory.evolved or "",
            response=trajectory.response,
            trajectory=trajectory,
            method=self.method,
        )
