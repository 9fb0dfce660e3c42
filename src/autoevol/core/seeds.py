"""Random numbers that follow from what they are for, not from when they are drawn.

A run that resumes at step 4 must draw for step 4 what it would have drawn had it never been
interrupted, and rows that are under way together must not depend on which of them comes first. So
nothing here shares a generator: every use derives its own from the run's seed and its own name.
"""

from __future__ import annotations

import random

from autoevol.core.records import digest


def derived_random(*parts: object) -> random.Random:
    """A generator of its own for `parts` (the seed first, by custom); the same on every machine."""
    return random.Random(":".join(map(str, parts)))


def derived_seed(*parts: object) -> int:
    """A seed of 28 bits for an LM request; providers take at least 31."""
    return int(digest(*map(str, parts))[:7], 16)


def derived_fraction(*parts: object) -> float:
    """A number in [0, 1), evenly spread over different `parts`."""
    # 53 bits are all that a float holds; 64 of them would round up to 1.0 now and then.
    return (int(digest(*map(str, parts)), 16) >> 11) / 2**53
