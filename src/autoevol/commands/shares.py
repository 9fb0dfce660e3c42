"""The share of a run's budget that its optimisation may spend, so that the rest is left for the data.

The data path: caps and `--optimize-share` -> `Share`: limits on everything paid before the bulk stage, and
the least calls that an optimisation takes -> limits too small for a full step are reported before anything
is paid for -> the loop ends at its limits, and confirmation and holdout still fit.

Until a row is evolved, the caps of the latest start decide: larger ones resume the loop. After that the
method is settled, and a resume pays only for the remaining rows (see `optimizing`).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from autoevol.commands.extrapolate import Projection
from autoevol.commands.planned import Plan
from autoevol.config import Settings
from autoevol.lm.budget import Caps, StageCaps
from autoevol.lm.prices import caps_of
from autoevol.store.calls import Spent

USED_UP = "share"
"""The `stopped` of an optimisation that used up its share."""
TOO_SMALL = "no full step"
"""The `stopped` of one whose share allowed no full step, so that the first method was used."""


@dataclass(frozen=True)
class Share:
    """What may be spent before the bulk stage, and what each part takes.

    Attributes:
        share: Of the caps, above 0 and at most 1.
        run: The caps of the whole run.
        caps: The caps on everything before the bulk stage. Calls that the bulk stage cannot use are
            added to the share.
        first: At most these calls for step 0 and one full step.
        step: At most these calls for every further step.
        confirm: At most these calls for the confirmation.
        holdout: At most these calls for the holdout.
        bulk: At most these calls for the bulk stage.
    """

    share: float
    run: Caps
    caps: Caps
    first: int
    step: int
    confirm: int
    holdout: int
    bulk: int

    @classmethod
    def of(cls, settings: Settings, plan: Plan) -> Share | None:
        """The share of a run with this plan; None if nothing is reserved for its bulk stage."""
        share, run = settings.stages.optimize_share, caps_of(settings.budget)
        if share == 1 or run == Caps() or not plan.least:
            return None
        bulk = sum(stage.sum for stage in plan.stages if stage.name == "evolve")
        caps = Caps(
            None if run.calls is None else max(math.floor(run.calls * share), run.calls - bulk),
            None if run.tokens is None else math.floor(run.tokens * share),
            None if run.usd is None else run.usd * share,
        )
        least = plan.least
        return cls(share, run, caps, least.first, least.step, least.confirm, least.holdout, bulk)

    @property
    def loop(self) -> StageCaps:
        """The limits of look and steps; they leave room for the holdout and, if possible, confirmation."""
        keep = self.holdout + self.confirm
        if self.caps.calls is not None:
            keep = min(keep, max(self.holdout, self.caps.calls - self.first))
        return StageCaps(self.caps, keep)

    @property
    def end(self) -> StageCaps:
        """The limits of the confirmation."""
        return StageCaps(self.caps, self.holdout)

    @property
    def whole(self) -> StageCaps:
        """The limits of the holdout, and so of all that is paid before the bulk stage."""
        return StageCaps(self.caps)

    @property
    def loop_calls(self) -> int | None:
        """Calls that look and steps may make; None where calls have no cap."""
        return self.loop.limits(Spent()).calls

    def full_steps(self, most: int) -> int | None:
        """Steps, of `most`, that fit whatever they turn out to ask for; None where calls have no cap."""
        calls = self.loop_calls
        if calls is None:
            return None
        return 0 if self.why_too_small() else min(most, 1 + max(0, calls - self.first) // max(1, self.step))

    def look(self, rows: int, dev: int, row_calls: int) -> int:
        """Rows of the first look that leave enough calls for the step that may follow.

        Args:
            rows: Available rows.
            dev: Rows of step 0, which reuses what the look paid for.
            row_calls: Calls per row.
        """
        if self.loop_calls is None:
            return rows
        return min(rows, dev + max(0, self.loop_calls - self.first) // row_calls)

    def __str__(self) -> str:
        """`at most 360 calls before the bulk stage, 240 of the calls for look and steps`, or what lacks."""
        parts = (
            (self.caps.calls, f"{self.caps.calls} calls"),
            (self.caps.tokens, f"{self.caps.tokens} tokens"),
            (self.caps.usd, f"${self.caps.usd or 0:.2f}"),
        )
        limits = " and ".join(text for cap, text in parts if cap is not None)
        loop = "" if self.loop_calls is None else f", {self.loop_calls} of the calls for look and steps"
        return self.why_too_small() or f"at most {limits} before the bulk stage{loop}"

    def told(self, most: int, steps: Projection | None, spent: Spent = Spent()) -> str:  # noqa: B008 (frozen)
        """What it allows, in a sentence, or why that is too little.

        Args:
            most: Steps that were asked for.
            steps: Those that are likely.
            spent: As for `why_too_small`.
        """
        if why := self.why_too_small(spent):
            return why
        surely = self.full_steps(most)
        parts = [str(self)]
        if surely is not None:
            parts.append(f"which is enough for {surely} of {most} steps, whatever they ask for")
        if steps is not None:
            parts.append(f"{steps} are likely")
        if not spent.calls and (self.caps.tokens is not None or self.caps.usd is not None):
            parts.append("what a call takes is not known before one is made (`autoevol estimate` makes some)")
        return "; ".join(parts)

    def to_json(self, most: int, steps: Projection | None, spent: Spent = Spent()) -> dict[str, Any]:  # noqa: B008
        """The same as JSON."""
        return {
            "before_bulk": asdict(self.caps),
            "loop_calls": self.loop_calls,
            "steps_surely": self.full_steps(most),
            "steps_likely": steps and asdict(steps),
            "too_small": self.why_too_small(spent),
        }

    def why_too_small(self, spent: Spent = Spent()) -> str | None:  # noqa: B008 (frozen)
        """Why no full step fits, with what it would need, as one sentence; None if one fits.

        Args:
            spent: What was paid so far, from which the cost of a call follows; without any, only the
                number of calls is compared.
        """
        calls = self.first + self.holdout
        if self.caps.calls is not None and self.caps.calls < calls:
            least = min(math.ceil(calls / self.share), calls + self.bulk)
            return self._sentence("--max-calls", self.run.calls, f"{self.caps.calls} calls", calls, least)
        if not spent.calls:
            return None
        tokens, usd = (math.ceil(calls * spent.tokens / spent.calls), calls * spent.usd / spent.calls)
        if self.caps.tokens is not None and self.caps.tokens < tokens:
            least = math.ceil(tokens / self.share)
            return self._sentence(
                "--max-tokens", self.run.tokens, f"{self.caps.tokens} tokens", tokens, least
            )
        if self.caps.usd is not None and self.caps.usd < usd:
            left, needs, least = f"${self.caps.usd:.2f}", f"${usd:.2f}", f"{usd / self.share:.2f}"
            return self._sentence("--max-usd", self.run.usd, left, needs, least)
        return None

    def _sentence(self, flag: str, cap: object, left: str, needs: object, least: object) -> str:
        return (
            f"{flag} {cap} leaves {left} for an optimisation (--optimize-share {self.share:g}), and a "
            f"first full step takes up to {needs} with the holdout: that needs {flag} {least}"
        )
