"""A loopback server that fails rewrites by chance, and the bulk stage against it in a process of its own."""

from __future__ import annotations

from typing import Any

import autoevol as ae
from autoevol.core.seeds import derived_fraction
from servers import Answer, says

ROWS, CONCURRENCY = 200, 16
TASKS = [f"Task {number}: describe how a bridge over a river is built." for number in range(ROWS)]


class Chancy:
    """Evolves and answers, but gives back the instruction as it was for `share` of all rewrites.

    Which ones follows from the request with its seed, as at any server that honours seeds.

    Attributes:
        hold_from: Number of arrivals from which replies are held, until the number is raised: a process
            that is to be killed before its end cannot get there first. None holds nothing.
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self.arrivals = 0
        self.hold_from: int | None = None

    def __call__(self, body: dict[str, Any]) -> Answer:
        self.arrivals += 1
        number = self.arrivals
        reply = says(self._text(body))
        return reply.once(lambda: self.hold_from is None or number < self.hold_from)

    def _text(self, body: dict[str, Any]) -> str:
        text = body["messages"][-1]["content"]
        if "between these two tags" not in text:
            return f"Here is the answer in full, with a reason for each step of it. ({text})"
        task = text.rpartition("#Instruction#:\n")[2]
        unlucky = derived_fraction("chance", text, body.get("seed")) < self.share
        more = "" if unlucky else " Explain every step and its cost."
        return f"<final_instruction>\n{task}{more}\n</final_instruction>"


def main(seeds: str, out: str, url: str) -> None:
    """`autoevol evolve` with its defaults, one part for every 25 rows."""
    ae.evolve(
        seeds, out, method="weak", evol_model="served", api_base=url, part_rows=25, concurrency=CONCURRENCY
    )
