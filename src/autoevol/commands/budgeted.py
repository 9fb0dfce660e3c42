"""What a budget makes of a run, told from the rows that an estimate has really run.

The data path: the share of the optimisation, and what sampled rows and chains took -> `Budgeted`, within
which the rehearsals are played -> how many steps these came to, and how far the caps reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autoevol.commands.extrapolate import FIELDS, Projection
from autoevol.commands.likely import Prospects, likely_of
from autoevol.commands.shares import Share
from autoevol.optimization.purse import Budgeted
from autoevol.store.calls import Spent


@dataclass(frozen=True)
class BudgetSample:
    """The share of an optimisation beside what its calls cost.

    Attributes:
        share: Limits before the bulk stage.
        spent: What the sampled rows took in all, by which limits on tokens and money are judged.
        chain: What a sampled analysis with its rewrite took, on average.
        rows: Sampled rows.
        steps: Steps that were asked for.
    """

    share: Share
    spent: Spent
    chain: Spent
    rows: int
    steps: int

    @classmethod
    def of(cls, share: Share | None, rows: np.ndarray, tries: np.ndarray, steps: int) -> BudgetSample | None:
        """From (units, fields) of sampled rows and chains; None without a share."""
        if share is None:
            return None
        chain = _spent(tries.mean(axis=0)) if len(tries) else Spent(2)
        return cls(share, _spent(rows.sum(axis=0)), chain, len(rows), steps)

    @property
    def budget(self) -> Budgeted:
        """What a rehearsal holds against the limits."""
        row = self.spent
        each = (row.calls / self.rows, row.input_tokens / self.rows, row.output_tokens / self.rows)
        return Budgeted(self.share, Spent(*map(round, each), usd=row.usd / self.rows), self.chain)

    def note(self, seen: Prospects) -> str:
        """What the share allows, in a sentence."""
        told = self.share.told(self.steps, likely_of(seen.steps), self.spent)
        return f"--optimize-share {self.share.share:g}: {told}."

    def to_json(self, seen: Prospects) -> dict[str, Any]:
        """The same as JSON."""
        return self.share.to_json(self.steps, likely_of(seen.steps), self.spent)


def reach_note(reached: Projection) -> str:
    """How far the caps reach, in a sentence."""
    part = f"{reached.mid:.0%} [{reached.low:.0%}, {reached.high:.0%}]"
    return f"The caps end the run: likely {part} of the bulk stage is reached."


def _spent(sums: np.ndarray) -> Spent:
    figures = dict(zip(FIELDS, sums.tolist(), strict=True))
    counts = (round(figures[name]) for name in ("calls", "input_tokens", "output_tokens"))
    return Spent(*counts, usd=figures["usd"])
