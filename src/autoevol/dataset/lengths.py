"""Lengths of examples in tokens, and which ones a trainer would cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from autoevol.core.errors import InputError
from autoevol.dataset.examples import Example

# Tokens that a chat template adds to a turn: a start mark, the role, a line break, an end mark.
_PER_TURN = 5
_BAR = 30
_LEAST = 64

CountTokens = Callable[[str], int]


def estimated_tokens(text: str) -> int:
    """The approximate tokens of `text`: a quarter of its ASCII characters, plus all others.

    English prose and code have 3 to 5 characters per token in today's vocabularies. A character outside
    ASCII counts as one token, which is about right for Chinese and too much for most other scripts, so
    the estimate errs on the side of a warning.
    """
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain // 4) + len(text) - plain


def tokens_by(file: Path) -> CountTokens:
    """A counter that uses a `tokenizer.json`, such as models on the hub have.

    Raises:
        InputError: If the library `tokenizers` is not installed, or the file is not a tokenizer's.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise InputError("--tokenizer needs the library: pip install tokenizers") from error
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:
        # The library raises plain Exception for whatever is wrong.
        raise InputError(
            f"--tokenizer {file} cannot be read as a tokenizer.json: {str(error)[:200]}"
        ) from error
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


class Lengths:
    """Counts the examples longer than a limit, and the distribution of lengths.

    Args:
        most: Maximum tokens per example.
        tokenizer: A `tokenizer.json`; without it tokens are estimated.

    Attributes:
        longer: Examples over the maximum.
        longest: Tokens of the longest example, 0 before the first.
        counted_by: The counting method, in words.
    """

    def __init__(self, most: int, tokenizer: Path | None = None) -> None:
        self.most = most
        self.longer = self.longest = 0
        self.counted_by = "estimated at 4 characters a token" if tokenizer is None else tokenizer.name
        self._count = estimated_tokens if tokenizer is None else tokens_by(tokenizer)
        self._spread: Counter[int] = Counter()

    def fits(self, example: Example) -> bool:
        """Count one example; returns whether it fits the maximum."""
        tokens = sum(self._tokens(part) for part in _texts(example)) + _PER_TURN * len(example.turns)
        self._spread[max(_LEAST, tokens).bit_length()] += 1
        self.longest = max(self.longest, tokens)
        self.longer += tokens > self.most
        return tokens <= self.most

    def _tokens(self, text: str) -> int:
        return self._count(text) if text else 0

    def told(self, dropped: bool) -> list[str]:
        """Notes for the user: how many are too long, what happens to them, the histogram."""
        counted = f"longest {self.longest:,} tokens, {self.counted_by}"
        if not self.longer:
            return [f"No example is longer than {self.most:,} tokens ({counted})"]
        fate = "left out" if dropped else "trainers would cut them, or leave them out: --drop-long does"
        return [
            f"{self.longer:,} examples are longer than {self.most:,} tokens ({counted}); {fate}",
            *self.histogram(),
        ]

    def histogram(self) -> list[str]:
        """Lines of text: tokens, a bar, examples. Each bin is twice as wide as the one before."""
        if not self._spread:
            return []
        top = max(self._spread.values())
        lines: list[str] = []
        for bits in range(min(self._spread), max(self._spread) + 1):
            low, count = 1 << (bits - 1), self._spread[bits]
            low = 0 if low == _LEAST else low
            span = f"{low:>7,} to {(1 << bits) - 1:>7,}"
            mark = " <- longest allowed" if low <= self.most < 1 << bits else ""
            lines.append(f"{span}  {'#' * -(-_BAR * count // top):<{_BAR}} {count:,}{mark}".rstrip())
        return lines


def _texts(example: Example) -> list[str]:
    tools = "" if example.tools is None else str(example.tools)
    calls = [str(call) for turn in example.turns for call in turn.calls]
    said = [text for turn in example.turns for text in (turn.text, turn.thinking or "")]
    return [tools, *calls, *said]
