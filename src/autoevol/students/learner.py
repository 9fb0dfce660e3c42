"""What a single pair teaches a student: the gain in NLL of other tasks' references after a few steps on it.

In the spirit of learning what data are worth from their effect on the model that is to be trained (OptimSyn,
arXiv 2604.00536), which needs gradients of every row; here the step is taken and its effect measured.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from autoevol.core.errors import InputError
from autoevol.students.protocols import Student
from autoevol.students.schedule import Encoded, schedule

NATURAL_PAIRS = 16
"""Pairs that are taken of a file: each that is measured on costs a forward pass for every row."""
LEAST_PAIRS = 8
"""Half of them are measured on, and half say what a natural pair teaches."""


@dataclass(frozen=True, slots=True)
class LearnerSettings:
    """How a pair is learned.

    Attributes:
        steps: Optimizer steps on each pair, >= 1.
        step_tokens: Supervised tokens of a step, the same for every pair: a short response is repeated, a
            long one cut, so that length teaches nothing by itself.
        rate: Learning rate.
        max_length: Tokens of an instruction and its response; responses are cut there.
    """

    steps: int = 2
    step_tokens: int = 64
    rate: float = 2e-4
    max_length: int = 192


@dataclass
class PairLearner:
    """Takes a few steps on one pair, measures, and forgets the pair.

    The same pair gets the same gain, whatever was asked before. Calls from several threads take turns.

    Args:
        student: Untouched before and after.
        pairs: Natural (instruction, reference) pairs. Every second one is measured on; the others are taught,
            one at a time, to know what a natural pair teaches.
        settings: How a pair is learned.

    Raises:
        InputError: If fewer than eight pairs fit, or natural pairs teach the student nothing.
    """

    student: Student
    pairs: Sequence[tuple[str, str]]
    settings: LearnerSettings = field(default_factory=LearnerSettings)

    def __post_init__(self) -> None:
        encoded = [self._encode(*pair) for pair in self.pairs]
        fitting = [example for example in encoded if example is not None]
        if len(fitting) < LEAST_PAIRS:
            raise InputError(
                f"{len(fitting)} natural pairs fit into {self.settings.max_length} tokens; at least "
                f"{LEAST_PAIRS} are needed to see what a row teaches"
            )
        self._measured, self._taught = fitting[::2], fitting[1::2]
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], float | None] = {}
        self._before = self.student.untouched().losses(self._measured)
        gains = [self._learned(example) for example in self._taught]
        self.natural = sum(gains) / len(gains)
        """Mean gain of a natural pair, nats per token, > 0."""
        if not self.natural > 0:
            raise InputError(
                "the student learns nothing from the natural pairs themselves, so no row can be measured: "
                "give pairs of one kind, or more of them"
            )

    def gain(self, instruction: str, response: str) -> float | None:
        """Nats per token that the references of other tasks become likelier by; below 0 it does harm.

        Returns:
            None where the instruction is too long for the student, or there is no response.
        """
        with self._lock:
            pair = (instruction, response)
            if pair not in self._known:
                example = self._encode(instruction, response)
                self._known[pair] = None if example is None else self._learned(example)
            return self._known[pair]

    def _encode(self, instruction: str, response: str) -> Encoded | None:
        if not response.strip():
            return None
        return self.student.encode(instruction, response, self.settings.max_length)

    def _learned(self, example: Encoded) -> float:
        batches = schedule({"": example}, self.settings.steps, self.settings.step_tokens, 0)
        with self.student.tuned(batches, 0, self.settings.rate) as scorer:
            after = scorer.losses(self._measured)
        gains = [before - loss for before, loss in zip(self._before, after, strict=True)]
        return sum(gains) / len(gains)
