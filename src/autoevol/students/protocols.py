"""What a student is, for whoever tunes one: PyTorch is one of several ways."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from autoevol.students.schedule import Batch, Encoded


class Scorer(Protocol):
    """A model that is asked how likely responses are, and for answers."""

    def losses(self, examples: Sequence[Encoded]) -> list[float]:
        """NLL of each in nats per supervised token."""
        ...

    def answers(self, instructions: Sequence[str], most_tokens: int) -> list[str]:
        """The likeliest answer to each."""
        ...


class Student(Protocol):
    """A model before its tuning, of which every arm and seed gets a fresh copy."""

    def encode(self, instruction: str, response: str, max_length: int) -> Encoded | None:
        """A pair in its tokens; None where the instruction is too long."""
        ...

    def untouched(self) -> Scorer:
        """Itself."""
        ...

    def tuned(self, batches: Sequence[Batch], seed: int, rate: float) -> AbstractContextManager[Scorer]:
        """A copy that has learned from `batches`; it is gone after the block."""
        ...
