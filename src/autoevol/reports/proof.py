"""proof.json: what tuning on the data shows, arm by arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from autoevol.core.schema import Document, Record
from autoevol.metrics.paired import PointEstimate
from autoevol.reports.rates import Ledger
from autoevol.reports.text import TableRows, cost_rows

FILE = "proof.json"
PRIMARY = "heldout_nll"
"""The measure that the verdict rests on; fixed here, before anything is trained."""
SEEDS = "seeds"
"""The arm that all others are compared with."""


class ProofVerdict(StrEnum):
    """What may be said of an arm beside the seed arm."""

    BETTER = "better"
    SAME = "no difference"
    WORSE = "worse"
    VOID = "void"


@dataclass(frozen=True)
class ArmComparison(Record):
    """An arm against another, as a rule the seed arm, on one measure.

    Attributes:
        gain: Mean of the paired differences with its 95 % interval; above 0 the arm is better,
            whichever way the measure points.
        p_value: Two-sided.
        p_holm: Corrected for the arms that are compared on this measure; `p_value` for the control.
        seeds: Random seeds that both arms have.
        items: Items that both arms have.
        verdict: By `p_holm` at 5 %.
        recovered: Share of the gap between base and reference model that the arm closes (AgoraBench,
            arXiv 2412.03679); None without a reference that beats the base.
        against: The other arm.
    """

    arm: str
    measure: str
    gain: PointEstimate
    p_value: float
    p_holm: float
    seeds: int
    items: int
    verdict: ProofVerdict
    recovered: float | None = None
    against: str = SEEDS


@dataclass(frozen=True)
class ProofConclusion(Record):
    """What a proof shows.

    Attributes:
        comparisons: Every arm on every measure that it has, the primary one first.
        void: Why nothing may be concluded; empty where something may.
        means: arm -> measure -> mean over seeds and items.
    """

    comparisons: tuple[ArmComparison, ...]
    void: str
    means: Mapping[str, Mapping[str, float]]

    def verdict(self, arm: str) -> ProofVerdict:
        """The verdict on an arm by the primary measure. Raises KeyError for an arm that was not compared."""
        known = {
            one.arm: one.verdict
            for one in self.comparisons
            if one.measure == PRIMARY and one.against == SEEDS
        }
        return ProofVerdict.VOID if self.void else known[arm]


@dataclass(frozen=True)
class ProofReport(Document, schema="autoevol.proof/1"):
    """A proof that has ended.

    Attributes:
        conclusion: Verdicts, intervals and means.
        plan: Id of the plan, which `plan.json` holds.
        student: The model that was tuned, and how.
        training: What every arm was given, in words.
        rate: The learning rate that the seed arm chose.
        lengths: arm -> mean characters of a response.
        ledger: What making missing arms has cost.
    """

    conclusion: ProofConclusion
    plan: str
    student: str
    training: str
    rate: float
    lengths: Mapping[str, float]
    ledger: Ledger

    @property
    def verdict(self) -> str:
        """What the primary measure shows of every arm beside the seeds, in a sentence."""
        if self.conclusion.void:
            return f"Void: {self.conclusion.void}."
        told = (
            f"{one.arm} {_WORDS[one.verdict]} ({_gain(one)})"
            for one in self.conclusion.comparisons
            if one.measure == PRIMARY and one.against == SEEDS
        )
        return f"Beside a model tuned on the seeds: {'; '.join(told)}."

    def table_rows(self) -> TableRows:
        """The verdict on every arm first, then the other measures."""
        done = self.conclusion
        rows = [("student", self.student), ("training", f"{self.training}, learning rate {self.rate:g}")]
        if done.void:
            rows.append(("verdict", f"void: {done.void}"))
        rows += [(_label(one, void=bool(done.void)), _told(one)) for one in done.comparisons]
        for arm, means in done.means.items():
            figures = ", ".join(f"{measure} {value:.4f}" for measure, value in means.items())
            length = f"; response {self.lengths[arm]:.0f} characters" if arm in self.lengths else ""
            rows.append((f"mean of {arm}", f"{figures}{length}"))
        return [*rows, *cost_rows(self.ledger)]


def _label(one: ArmComparison, *, void: bool) -> str:
    if one.measure != PRIMARY:
        return f"{one.arm}, {one.measure}"
    return f"{one.arm} against {one.against}" + (" (void)" if void else "")


_WORDS = {**{verdict: verdict.value for verdict in ProofVerdict}, ProofVerdict.SAME: "not shown to differ"}
"""As verdicts are told: that a difference is not shown does not show that there is none."""


def _told(one: ArmComparison) -> str:
    gain = one.gain
    recovered = "" if one.recovered is None else f", {one.recovered:.0%} of the gap recovered"
    # Corrected for the number of arms, an interval that leaves out 0 may show nothing.
    left_out = one.verdict is ProofVerdict.SAME and not gain.low <= 0 <= gain.high
    why = f" (p = {one.p_holm:.2f}, corrected for the number of arms)" if left_out else ""
    return f"{_WORDS[one.verdict]}{why}: {_gain(one)} ({one.seeds} seeds x {one.items} items){recovered}"


def _gain(one: ArmComparison) -> str:
    """A gain in its unit, with its interval."""
    figures = f"gain {one.gain.value:+.4f} [{one.gain.low:+.4f}, {one.gain.high:+.4f}]"
    return f"{figures} {'nats a token' if one.measure.endswith('_nll') else 'of 1'}"
