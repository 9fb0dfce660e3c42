"""The plan of a run as data: its stages, and the least that an optimisation takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autoevol.core.records import Method, Row
from autoevol.evolution.policy import Policy
from autoevol.optimization.rehearsal import Course


@dataclass(frozen=True)
class Stage:
    """One part of a run.

    Attributes:
        calls: LM calls by role if every reply parses; fewer are made, never more.
        rows: Sizes of the row batches, which run one after the other.
        chains: Sizes of the batches of chains (an analysis with a rewrite), which run one after the other.
    """

    name: str
    calls: dict[str, int]
    rows: tuple[int, ...]
    chains: tuple[int, ...] = ()

    @property
    def sum(self) -> int:
        """Its calls over all roles."""
        return sum(self.calls.values())


@dataclass(frozen=True)
class Least:
    """Upper bounds on the calls that an optimisation cannot do without.

    Attributes:
        first: Of step 0 and one full step.
        step: Of every further step.
        confirm: Of the confirmation.
        holdout: Of the holdout.
        row: Of one row under one method.
    """

    first: int
    step: int
    confirm: int
    holdout: int
    row: int


@dataclass(frozen=True)
class Plan:
    """A run before it begins.

    Attributes:
        source: The seeds as messages call them.
        rows: Distinct seeds.
        policy: How rows go through the bulk stage; its first method stands for those to be found.
        compare: Whether the bulk stage compares the rounds of a row.
        look: Rows of the first look, which may skip the stages before the bulk stage; 0 without one.
        least: The least that an optimisation takes; None without one.
        stages: In order.
        sample: Rows to sample, each with the scope in which the run will call for it.
        target: Rows to keep, which may end the bulk stage early; None for all.
        course: What the optimisation is rehearsed with; None without one.
        shape: How the seeds were read, in words.
    """

    source: str
    rows: int
    policy: Policy
    stages: tuple[Stage, ...]
    sample: tuple[tuple[Row, str], ...] = ()
    compare: bool = False
    target: int | None = None
    look: int = 0
    least: Least | None = None
    course: Course | None = None
    shape: str = ""

    @property
    def method(self) -> Method:
        """The first method, with which a sample can be run."""
        return self.policy.choices[0].method

    @property
    def rounds(self) -> int:
        """Rounds of evolution per row."""
        return self.policy.rounds

    @property
    def name(self) -> str:
        """The methods, each with its share where there are several."""
        choices = self.policy.choices
        if len(choices) == 1:
            return self.method.name or self.method.id
        whole = sum(choice.share for choice in choices)
        return ", ".join(f"{choice.name} {choice.share / whole:.0%}" for choice in choices)

    @property
    def only_bulk(self) -> bool:
        """Whether there is no optimisation."""
        return [stage.name for stage in self.stages] == ["evolve"]

    @property
    def differs(self) -> bool:
        """Whether the bulk stage makes other calls for a row than the optimisation before it."""
        one_round = self.policy.rounds == 1 and not self.policy.with_seeds
        return not self.only_bulk and not (one_round and len(self.policy.choices) == 1)

    @property
    def calls(self) -> dict[str, int]:
        """LM calls by role over all stages."""
        roles = dict.fromkeys(role for stage in self.stages for role in stage.calls)
        return {role: sum(stage.calls.get(role, 0) for stage in self.stages) for role in roles}

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON, without the rows themselves."""
        return {
            "seeds": {"source": self.source, "rows": self.rows},
            "method": {"id": self.method.id, "name": self.name},
            "rounds": self.rounds,
            "retries": self.policy.retries,
            "target_rows": self.target,
            "first_look": self.look,
            "stages": {
                stage.name: {"rows": sum(stage.rows), "chains": sum(stage.chains), "calls": stage.calls}
                for stage in self.stages
            },
            "calls": {**self.calls, "total": sum(self.calls.values())},
        }
