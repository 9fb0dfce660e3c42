"""Does the difficulty that a small model finds tell good pairs from bad ones, and is it more than length?

`python -m autoevol.experiments.difficulty labelled.jsonl ... [--tokens 96]`: a real model, local/smollm2.
Pairs that were read before are not read again (`--store`).
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autoevol.core import aio
from autoevol.lm.likelihood import LONGEST, Predictor, likelihoods
from autoevol.lm.session import Session
from autoevol.metrics.difficulty import Difficulty
from autoevol.metrics.intervals import spearman
from autoevol.metrics.labels import Labelled, load_labelled

_DRAWS = 2_000


class Read(NamedTuple):
    """A labelled pair and what the model finds of it."""

    pair: Labelled
    found: Difficulty


FIGURES: dict[str, Callable[[Difficulty], float]] = {
    "IFD": lambda found: found.ifd or 0.0,
    "IC-IFD": lambda found: found.ic_ifd or 0.0,
    "NLL with instruction": lambda found: found.nll,
    "NLL without": lambda found: found.nll_alone,
    "tokens read": lambda found: float(found.tokens),
}
QUESTIONS: dict[str, Callable[[Labelled], bool | None]] = {
    "usable": lambda pair: pair.usable,
    "not fatal": lambda pair: None if pair.fatal is None else not pair.fatal,
    "response right": lambda pair: pair.response_right,
}


def area(good: Sequence[float], bad: Sequence[float]) -> float:
    """Chance that a good one has the larger figure, ties half (area under the ROC curve), or nan."""
    if not good or not bad:
        return math.nan
    higher = np.asarray(good)[:, None] - np.asarray(bad)[None, :]
    return float((higher > 0).mean() + (higher == 0).mean() / 2)


def area_interval(good: Sequence[float], bad: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of `area`, both groups drawn anew."""
    dice = np.random.default_rng(seed)
    sides = np.asarray(good), np.asarray(bad)
    drawn = [area(*(list(dice.choice(side, len(side))) for side in sides)) for _ in range(_DRAWS)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def read_pairs(
    files: Sequence[Path], model: str, store: Path, limit: int | None, tokens: int
) -> Iterator[Read]:
    """The difficulty of labelled pairs with a response, in an order of its own; `tokens` of each text."""
    pairs = [pair for file in files for pair in load_labelled(file)]
    pairs = [pair for pair in pairs if pair.trajectory.evolved and pair.trajectory.response]
    random.Random(0).shuffle(pairs)
    with likelihoods(model, tokens) as transport, Session(store) as session:
        predictor = Predictor(model, session, transport)
        for pair in pairs[:limit]:
            texts = pair.trajectory.evolved or "", pair.trajectory.response or ""
            found = aio.run_and_wait(predictor.difficulty(*texts))
            if found is not None:
                yield Read(pair, found)


def table(reads: Sequence[Read]) -> Iterator[str]:
    """Areas by question, and how each figure goes with length."""
    yield f"{len(reads)} pairs; cut: {sum(one.found.cut for one in reads)}"
    for question, answer in QUESTIONS.items():
        good = [one.found for one in reads if answer(one.pair) is True]
        bad = [one.found for one in reads if answer(one.pair) is False]
        yield f"{question}: {len(good)} yes, {len(bad)} no"
        for name, figure in FIGURES.items() if good and bad else ():
            sides = list(map(figure, good)), list(map(figure, bad))
            low, high = area_interval(*sides)
            medians = " against ".join(f"{np.median(side):.2f}" for side in sides)
            yield f"  {name:<21} {area(*sides):.2f} [{low:.2f}, {high:.2f}], medians {medians}"
    for name, figure in FIGURES.items():
        lengths = [float(one.found.tokens) for one in reads]
        rho = spearman([figure(one.found) for one in reads], lengths)
        yield f"rank correlation of {name} with tokens read: {rho:+.2f}"


def main() -> None:
    """Read the pairs and print the table: of all, by domain, and by the strength of the evolving LM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--model", default="local/smollm2")
    parser.add_argument("--tokens", type=int, default=LONGEST)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--store", type=Path, default=Path("runs/difficulty.sqlite"))
    asked = parser.parse_args()
    reads = list(read_pairs(asked.files, asked.model, asked.store, asked.limit, asked.tokens))
    print("\n".join(table(reads)))
    for part in ("domain", "strength"):
        for name in sorted({getattr(one.pair, part) for one in reads}):
            chosen = [one for one in reads if getattr(one.pair, part) == name]
            print(f"\n{part} {name or 'not told'}", *table(chosen), sep="\n")


if __name__ == "__main__":
    main()
