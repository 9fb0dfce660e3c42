"""The plan of a proof, frozen before anything is trained: another plan needs another folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from autoevol.commands.few_rows import few_rows
from autoevol.config import ProveConfig
from autoevol.core.errors import InputError
from autoevol.core.records import digest
from autoevol.core.schema import Document, Record
from autoevol.proof.pairs import Pair
from autoevol.reports.folder import read_report
from autoevol.reports.proof import PRIMARY
from autoevol.store.sealed import write_sealed

FILE = "plan.json"


@dataclass(frozen=True)
class PairSample(Record):
    """A description of a set of pairs, by which it is recognised.

    Attributes:
        pairs: Number of pairs.
        characters: Mean length of a response.
        content: Hash of all pairs.
    """

    pairs: int
    characters: float
    content: str

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> PairSample:
        """Describe pairs in their order."""
        known = list(pairs)
        mean = sum(len(pair.response) for pair in known) / len(known) if known else 0.0
        return cls(
            len(known), round(mean, 1), digest(orjson.dumps([one.to_json() for one in known]).decode())
        )


@dataclass(frozen=True)
class ProofPlan(Document, schema="autoevol.proof-plan/1"):
    """Everything that decides the outcome of a proof.

    Attributes:
        student: The model, and which part of it is tuned.
        seeds: Random seeds of every arm.
        steps: Optimizer steps of every student.
        step_tokens: Supervised tokens of a step.
        arms: The data of every arm.
        items: The sets to measure on: `heldout`, `rate` (chooses the learning rate), `evolved`.
        primary: The measure that decides.
    """

    student: str
    tune: str
    reference: str | None
    seeds: int
    steps: int
    step_tokens: int
    max_length: int
    rates: tuple[float, ...]
    exact: int
    arms: Mapping[str, PairSample]
    items: Mapping[str, PairSample]
    primary: str = PRIMARY

    @classmethod
    def of(
        cls, config: ProveConfig, arms: Mapping[str, Sequence[Pair]], items: Mapping[str, Sequence[Pair]]
    ) -> ProofPlan:
        """The plan for these arms."""
        return cls(
            config.student,
            config.tune,
            config.reference,
            config.seeds,
            config.steps,
            config.step_tokens,
            config.max_length,
            config.rates,
            config.exact,
            {name: PairSample.of(pairs) for name, pairs in arms.items()},
            {name: PairSample.of(pairs) for name, pairs in items.items()},
        )

    @property
    def id(self) -> str:
        """A hash of the whole plan, 16 hex digits."""
        return digest(orjson.dumps(self.to_json(), option=orjson.OPT_SORT_KEYS).decode())

    @property
    def tokens(self) -> int:
        """Supervised tokens of every student."""
        return self.steps * self.step_tokens

    @property
    def trainings(self) -> int:
        """Number of students to tune, including those that choose the learning rate."""
        return len(self.arms) * self.seeds + (len(self.rates) if len(self.rates) > 1 else 0)

    def told(self) -> str:
        """What every arm gets, in words."""
        return (
            f"{self.seeds} seeds, {self.steps} steps x {self.step_tokens} response tokens = {self.tokens} "
            "for every arm"
        )

    def rows(self) -> list[tuple[str, str]]:
        """The plan as (label, value) rows."""
        shown = [("student", f"{self.student}, {self.tune}"), ("training", self.told())]
        shown += [(f"arm {name}", _told(sample)) for name, sample in self.arms.items()]
        shown += [(f"measured on {name}", _told(sample)) for name, sample in self.items.items()]
        if why := few_rows({"held-out": self.items["heldout"].pairs}, "a larger --heldout"):
            shown.append(("few rows", why))
        return [*shown, ("primary measure", self.primary), ("students to tune", str(self.trainings))]


def freeze(plan: ProofPlan, folder: Path) -> None:
    """Write the plan, or compare it with the existing one.

    Raises:
        InputError: If the existing plan is another one; the message names the differences.
    """
    known = read_report(folder / FILE, ProofPlan)
    if known is None:
        write_sealed(folder / FILE, plan.to_json())
    elif known.id != plan.id:
        then, now = known.to_json(), plan.to_json()
        changed = ", ".join(name for name in now if then.get(name) != now[name])
        raise InputError(
            f"{folder} holds the plan of another proof ({changed} differ). A plan is not changed once it is "
            "written: give what it says, or another --out"
        )


def frozen(folder: Path) -> ProofPlan:
    """The plan of a folder. Raises InputError without one."""
    plan = read_report(folder / FILE, ProofPlan)
    if plan is None:
        raise InputError(
            f"{folder} holds no plan of a proof (no {FILE}); begin with `autoevol prove DIR --out`"
        )
    return plan


def _told(sample: PairSample) -> str:
    return f"{sample.pairs} pairs, mean response {sample.characters:.0f} characters"
