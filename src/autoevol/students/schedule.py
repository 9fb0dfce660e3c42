"""Which tokens each optimizer step learns from: the same number in every step of every arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from autoevol.core.errors import InputError
from autoevol.core.seeds import derived_random


@dataclass(frozen=True, slots=True)
class Encoded:
    """A pair as a student reads it.

    Attributes:
        tokens: Of the prompt, then of the response and its end.
        prompt: How many of them belong to the prompt, >= 1; no loss is taken on these.
    """

    tokens: tuple[int, ...]
    prompt: int

    @property
    def supervised(self) -> int:
        """Tokens that are learned from, and that NLL is per."""
        return len(self.tokens) - self.prompt

    @property
    def labels(self) -> tuple[int, ...]:
        """The tokens, -100 (which the loss passes over) for those of the prompt."""
        return (-100,) * self.prompt + self.tokens[self.prompt :]

    def cut(self, supervised: int) -> Encoded:
        """The same with at most so many supervised tokens."""
        return Encoded(self.tokens[: self.prompt + supervised], self.prompt)


Batch = tuple[Encoded, ...]


def fitted(prompt: tuple[int, ...], response: tuple[int, ...], max_length: int) -> Encoded | None:
    """A pair within `max_length` tokens, its response cut; None where the prompt leaves no room for 8."""
    if len(prompt) + 8 > max_length or not response:
        return None
    return Encoded((*prompt, *response)[:max_length], len(prompt))


def schedule(examples: Mapping[str, Encoded], steps: int, step_tokens: int, seed: int) -> tuple[Batch, ...]:
    """Batches of exactly `step_tokens` supervised tokens each.

    Examples come in a random order of their ids that follows from `seed`, and again in another one when
    all were there. The last of a batch is cut where the batch is full, and its rest is left out.

    Args:
        examples: By id, at least one.
        steps: Batches, >= 1.
        step_tokens: Per batch, >= 1.
        seed: Of the order; arms with the same examples get the same batches.

    Raises:
        InputError: If there is no example.
    """
    if not examples:
        raise InputError("an arm has no example that fits; raise --max-length")
    stream = _endless(examples, seed)
    batches = []
    for _ in range(steps):
        batch: list[Encoded] = []
        wanted = step_tokens
        while wanted:
            piece = next(stream).cut(wanted)
            wanted -= piece.supervised
            batch.append(piece)
        batches.append(tuple(batch))
    return tuple(batches)


def _endless(examples: Mapping[str, Encoded], seed: int) -> Iterator[Encoded]:
    usable = sorted(name for name, example in examples.items() if example.supervised)
    epoch = 0
    while usable:
        order = list(usable)
        derived_random(seed, "epoch", epoch).shuffle(order)
        yield from (examples[name] for name in order)
        epoch += 1
