"""A student without PyTorch: words are tokens, and learning is counting them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from autoevol.core.records import digest
from autoevol.students.schedule import Batch, Encoded, fitted


class CountingStudent:
    """Gives a response the likelier, the more of its words it was trained on after such prompts.

    Attributes:
        trained: (random seed, learning rate) of every training begun.
        stop_after: Trainings after which it stops as a killed process does.
    """

    def __init__(self, stop_after: int | None = None) -> None:
        self.trained: list[tuple[int, float]] = []
        self.stop_after = stop_after

    def encode(self, instruction: str, response: str, max_length: int) -> Encoded | None:
        words = [
            tuple(int(digest(word)[:6], 16) for word in text.split()) for text in (instruction, response)
        ]
        return fitted(words[0], words[1], max_length)

    def untouched(self) -> CountingScorer:
        return CountingScorer(Counter())

    @contextmanager
    def tuned(self, batches: Sequence[Batch], seed: int, rate: float) -> Iterator[CountingScorer]:
        if self.stop_after is not None and len(self.trained) >= self.stop_after:
            raise KeyboardInterrupt
        self.trained.append((seed, rate))
        seen = Counter(pair for batch in batches for row in batch for pair in _pairs(row))
        yield CountingScorer(seen, rate)


class CountingScorer:
    """See `CountingStudent`."""

    def __init__(self, seen: Counter[tuple[int, int]], rate: float = 0.0) -> None:
        self._seen, self._rate = seen, rate

    def losses(self, examples: Sequence[Encoded]) -> list[float]:
        return [
            5.0 - self._rate * sum(self._seen[pair] for pair in _pairs(row)) / row.supervised
            for row in examples
        ]

    def answers(self, instructions: Sequence[str], most_tokens: int) -> list[str]:
        return ["The answer is 7." for _ in instructions]


def _pairs(row: Encoded) -> list[tuple[int, int]]:
    """The first word of the prompt with every word of the response."""
    return [(row.tokens[0], token) for token in row.tokens[row.prompt :]]


def pair_file(path: Path, numbers: Sequence[int], tail: str = "") -> Path:
    """Tasks of three topics, whose responses have words of their topic."""
    topics = ("alpha", "beta", "gamma")
    records = [
        {
            "instruction": f"{topics[n % 3]} task {n}: say it.",
            "response": " ".join([f"{topics[n % 3]}-{word}" for word in range(8)])
            + tail
            + f" The answer is {n}.",
        }
        for n in numbers
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path
