"""Round policies: which method rewrites a row in a round, and what follows a round that failed.

WizardLM (arXiv 2304.12244) draws one of six operations with equal probability in every round, and returns
the parent of an eliminated instruction to the pool. Both are the defaults here.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

from autoevol.core.errors import InputError
from autoevol.core.records import Method
from autoevol.core.seeds import derived_fraction, derived_seed
from autoevol.evolution.lineage import Fate, Round
from autoevol.programs.operations import IN_DEPTH, MUTATE

DEPTH, BREADTH = "depth", MUTATE.name


class Choice(NamedTuple):
    """A method with its share of the rounds; a `breadth` method makes a new instruction in the domain."""

    name: str
    method: Method
    share: float
    breadth: bool = False


class Attempt(NamedTuple):
    """The next thing to do with a row: attempt `number` (from 0) of `round` (round 0 answers the seed)."""

    round: int
    number: int


@dataclass(frozen=True)
class Policy:
    """How rows go through their rounds. Every decision is a function of `seed` and the row's id.

    Attributes:
        choices: At least one, shares > 0.
        rounds: Maximum number of rounds per row, >= 1.
        retries: Maximum number of fresh samples after a failure in the same round.
        drop: Whether a row ends with its first failed round.
        with_seeds: Share of the seeds that are answered and kept themselves, 0..1.
        seed: Of all random draws.
        retry_temperature: Sampling temperature of fresh samples; None for that of first samples.
    """

    choices: tuple[Choice, ...]
    rounds: int = 1
    retries: int = 0
    drop: bool = False
    with_seeds: float = 0.0
    seed: int = 0
    retry_temperature: float | None = None

    def draw(self, row_id: str, round: int) -> Choice:
        """The method of this row in this round; the same for all attempts."""
        bounds = list(accumulate(choice.share for choice in self.choices))
        at = bisect(bounds[:-1], self._fraction("method", row_id, str(round)) * bounds[-1])
        return self.choices[at]

    def answers_seed(self, row_id: str) -> bool:
        """Whether to answer and keep the seed itself."""
        return self._fraction("seed", row_id) < self.with_seeds

    def next_attempt(self, row_id: str, done: Sequence[Round]) -> Attempt | None:
        """The attempt after `done`; None at the end of the row, and after a lost round."""
        if not done:
            return Attempt(0, 0) if self.answers_seed(row_id) else Attempt(1, 0)
        last = done[-1]
        if last.fate is Fate.LOST or (last.round == 0 and last.fate is Fate.GATED):
            return None
        if last.round and last.fate is not Fate.PASSED:
            if self.drop:
                return None
            # A request that the provider's filter refused would be refused again.
            refused = last.fate is Fate.FILTERED and last.evolution is None
            tried = sum(1 for step in done if step.round == last.round and step.fate is not Fate.LOST)
            if tried <= self.retries and not refused:
                return Attempt(last.round, last.attempt + 1)
        return Attempt(last.round + 1, 0) if last.round < self.rounds else None

    def sampling(self, row_id: str, attempt: Attempt, before: Sequence[Round]) -> dict[str, Any]:
        """Sampling settings of a rewrite, in addition to the LM's own.

        After a failure in the same round the request gets its own seed, so that neither the model nor a cache
        on the way returns the failed reply again.
        """
        failed = (step for step in before if step.round == attempt.round and step.fate is not Fate.LOST)
        if next(failed, None) is None:
            return {}
        warmer = {} if self.retry_temperature is None else {"temperature": self.retry_temperature}
        return {**warmer, "seed": derived_seed(self.seed, row_id, *attempt)}

    def to_json(self) -> dict[str, Any]:
        """Everything that determines the rounds; identifies the policy."""
        return {
            "choices": [[choice.name, choice.method.id, choice.share] for choice in self.choices],
            "rounds": self.rounds,
            "retries": self.retries,
            "drop": self.drop,
            "with_seeds": self.with_seeds,
            "seed": self.seed,
            # Absent if unset, as in parts of earlier versions, which must stay resumable.
            **({} if self.retry_temperature is None else {"retry_temperature": self.retry_temperature}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], methods: Mapping[str, Method]) -> Policy:
        """The inverse of `to_json`, given the methods by id.

        Raises:
            KeyError, TypeError, ValueError: If `data` is malformed, or a method is missing.
        """
        choices = tuple(
            Choice(name, methods[method_id], share, breadth=method_id == MUTATE.id)
            for name, method_id, share in data["choices"]
        )
        return cls(**{**data, "choices": choices})

    def _fraction(self, *parts: str) -> float:
        return derived_fraction(self.seed, *parts)


def parse_mix(text: str | None, depth: Method | None, find: Callable[[str], Method]) -> tuple[Choice, ...]:
    """The choices that `--mix` names.

    Args:
        text: `depth=0.8,breadth=0.2`. `depth` stands for the method `depth`, or without one for the
            in-depth operations in equal parts; other names are looked up by `find`. None means all of
            `depth` if there is one, else all six operations in equal parts.
        depth: The run's method, if there is one.
        find: Looks a method up by name; raises InputError.

    Raises:
        InputError: If the mix is malformed.
    """
    if text is None:
        text = f"{DEPTH}=1" if depth else f"{DEPTH}={len(IN_DEPTH)},{BREADTH}=1"
    choices: list[Choice] = []
    for part in text.split(","):
        name, _, share = part.strip().rpartition("=")
        try:
            weight = float(share)
        except ValueError:
            weight = 0.0
        if not name or not 0 < weight < float("inf"):
            raise InputError(f"--mix {text!r}: write it as NAME=SHARE,... such as depth=0.8,breadth=0.2")
        if name == DEPTH and depth is None:
            choices += (Choice(method.name, method, weight / len(IN_DEPTH)) for method in IN_DEPTH)
        else:
            method = depth if name == DEPTH and depth is not None else find(name)
            operation = method.name or "rewritten"
            choices.append(Choice(operation, method, weight, breadth=method.id == MUTATE.id))
    return tuple(choices)
