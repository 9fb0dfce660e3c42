"""Time and recall of the search for near duplicates where texts share a template.

    python -m autoevol.experiments.bench.duplicates [--rows 20000] [--shared 0 20 40 50]

Texts of 60 random words, so many of them the same in all. Prints one line of JSON each: rows
per second of CPU time over all and over the last fifth, and how many of 1,000 edited texts
(1 to 4 words, a similarity of 0.8 or more) are found to repeat one of them.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from typing import Any

from autoevol.dataset.duplicates import Duplicates
from autoevol.dataset.words import jaccard, shingles

_WORDS = [f"word{number}" for number in range(5000)]
_LENGTH, _EDITED, _THRESHOLD = 60, 1000, 0.8


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--shared", type=int, nargs="+", default=[0, 20, 40, 50])
    given = parser.parse_args(arguments)
    for shared in given.shared:
        print(json.dumps(measure(given.rows, shared)), flush=True)


def measure(rows: int, shared: int) -> dict[str, Any]:
    """Figures for `rows` texts that have `shared` words in common."""
    chance = random.Random(1)
    template = chance.choices(_WORDS, k=shared)
    texts = [template + chance.choices(_WORDS, k=_LENGTH - shared) for _ in range(rows)]
    duplicates, began = Duplicates(_THRESHOLD), time.process_time()
    last = began
    for number, said in enumerate(texts):
        if number == rows - rows // 5:
            last = time.process_time()
        duplicates.add(str(number), " ".join(said))
    ended = time.process_time()
    return {
        "rows": rows,
        "shared_words": shared,
        "rows_per_s": round(rows / (ended - began)),
        "rows_per_s_at_the_end": round(rows // 5 / (ended - last)),
        f"found_of_{_EDITED}": _found(duplicates, texts, chance),
    }


def _found(duplicates: Duplicates, texts: Sequence[list[str]], chance: random.Random) -> int:
    found = tried = 0
    while tried < _EDITED:
        original = chance.choice(texts)
        edited = list(original)
        for place in chance.sample(range(_LENGTH), chance.randint(1, 4)):
            edited[place] = chance.choice(_WORDS)
        text = " ".join(edited)
        if jaccard(shingles(" ".join(original)), shingles(text)) >= _THRESHOLD:
            tried += 1
            found += duplicates.find(text) is not None
    return found


if __name__ == "__main__":
    main()
