"""Calibration where it is used: labelled pairs by domain and by strength of the evol LM.

How many broken rows a text rule finds depends on what the rows are about and on who rewrote
them. The sentence beside a rate therefore rests on labelled pairs as near to the rows as there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from autoevol.metrics.domains import DOMAINS
from autoevol.metrics.labels import Labelled

STRENGTHS = ("strong", "weak")

Part = tuple[str, str]
"""Domain and strength; "" stands for any."""


def parts_of(pairs: Sequence[Labelled]) -> list[tuple[Part, list[int]]]:
    """The places of the pairs of each domain, of each strength, and of both.

    A part that is the whole again, or an earlier part again, tells nothing new and is left out.
    """
    wanted = [(domain, "") for domain in DOMAINS] + [("", strength) for strength in STRENGTHS]
    wanted += [(domain, strength) for domain in DOMAINS for strength in STRENGTHS]
    known = [list(range(len(pairs)))]
    found: list[tuple[Part, list[int]]] = []
    for domain, strength in wanted:
        places = [
            place
            for place, pair in enumerate(pairs)
            if domain in ("", pair.domain) and strength in ("", pair.strength)
        ]
        if places and places not in known:
            known.append(places)
            found.append(((domain, strength), places))
    return found
