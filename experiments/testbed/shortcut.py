"""The same world without the way through prompts, adapters and a store: a loop in a fifth of the time.

What a method makes of a row, and what it costs, follow from the text of both (`truth`). So the student below
writes down what the real one would have read out of the replies, and counts the calls that would have been
paid. The optimizer LM is asked as ever. A loop makes the very same steps, to the call, as with the real
student (`tests/experiments/test_shortcut.py`): grids of thousands of loops are run on this, and every figure
of theirs can be repeated on the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import dspy

from autoevol.core.records import Evolution, Message, Method, Trajectory
from autoevol.experiments.testbed.texts import evolution, evolved_reply, response
from autoevol.experiments.testbed.truth import Truth
from autoevol.programs.evolve import FINAL_TAG
from autoevol.programs.evolver import Evolver


@dataclass
class Calls:
    """Calls that the real student would have paid: at temperature 0, each different request once."""

    evolved: set[tuple[str, str]] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.evolved) + len(self.answered)


class ShortcutEvolver(Evolver):
    """An `Evolver` of one round that is the simulated world, instead of asking it.

    Args:
        truth: Of the world.
        method: The evolving method.

    Attributes:
        calls: What the real one would have paid, copies with other methods included.
    """

    def __init__(self, truth: Truth, method: Method) -> None:
        super().__init__(method)
        self._truth = truth
        self._method = method
        self.calls = Calls()

    @property
    def method(self) -> Method:
        """See `Evolver`."""
        return self._method

    def with_method(self, method: Method) -> ShortcutEvolver:
        """See `Evolver`; what was paid is counted in one place for all copies."""
        other = copy(self)
        other._method = method
        return other

    async def aforward(self, instruction: str, context: Sequence[Message] = ()) -> dspy.Prediction:
        """What the real student would give, at temperature 0."""
        self.calls.evolved.add((self._method.text, instruction))
        kind, pick = self._truth.draw(self._method.text, instruction, "")
        evolved = evolution(instruction, kind, pick)
        reply = evolved_reply(instruction, kind, pick, FINAL_TAG)
        steps = (Evolution(instruction, evolved, reply, "stop"),)
        if evolved is None:
            return dspy.Prediction(trajectory=Trajectory(steps))
        self.calls.answered.add(evolved)
        return dspy.Prediction(trajectory=Trajectory(steps, response(evolved), "stop"))

    async def acall(self, *args: Any, **kwargs: Any) -> dspy.Prediction:  # noqa: ANN401 (DSPy's contract)
        """`aforward`, past what DSPy does around it: nobody watches here."""
        return await self.aforward(*args, **kwargs)


def calls_spared(student: Evolver) -> int:
    """Calls that the real student would have paid: 0 where `student` is one."""
    return len(student.calls) if isinstance(student, ShortcutEvolver) else 0
