"""Random numbers that depend on what they are for, not on when they are drawn.

A run that resumes at step 4 must draw what it would have drawn without the interruption, and concurrent
rows must not depend on which of them comes first. So there is no shared generator: every use derives its
own from the run's seed and the name of the use.
"""

from __future__ import annotations

import random

from autoevol.core.records import digest


def derived_random(*parts: object) -> random.Random:
    """A generator for `parts` (by convention the seed first); the same on every machine."""
    return random.Random(":".join(map(str, parts)))


def derived_seed(*parts: object) -> int:
    """A 28-bit seed for an LM request; providers accept at least 31 bits."""
    return int(digest(*map(str, parts))[:7], 16)


def derived_fraction(*parts: object) -> float:
    """A number in [0, 1), uniform over different `parts`."""
    # 53 bits are all that a float holds; 64 of them would round up to 1.0 now and then.
    return (int(digest(*map(str, parts)), 16) >> 11) / 2**53
