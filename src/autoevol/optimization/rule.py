"""The contract of selection rules: what they are asked and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, Self, runtime_checkable

from autoevol.config import LoopConfig
from autoevol.config.choices import LeaveOut, Reads, YesNo
from autoevol.core.records import Method, Row, Score

Evaluate = Callable[[Method, Sequence[Row]], Coroutine[Any, Any, Score]]


@dataclass(frozen=True)
class Selection:
    """What a rule decided.

    Attributes:
        chosen: The method in force from now on; the incumbent itself if nothing beat it.
        scores: The scores it decided on, the incumbent's first.
        note: Why, in one sentence.
    """

    chosen: Method
    scores: tuple[Score, ...]
    note: str


@dataclass(frozen=True)
class Proposing:
    """How rewrites come about, apart from the optimizer LM: see `LoopConfig`, which has the same names."""

    reads: Reads = "train"
    leave_out: LeaveOut = "never"
    history: int = 0
    kind_rates: YesNo = "no"
    stubborn: YesNo = "no"
    combine: YesNo = "no"


class SelectionRule(Protocol):
    """Chooses between the method in force and its challengers.

    The rule asks for the evaluations it needs, so it may look at some rows first and spare
    itself the rest. `evaluate(method, rows)` never pays for a row of a method twice, returns
    a score over all rows of `rows`, and may be awaited concurrently. A rule must be a pure
    function of those scores: a resumed run asks it again.

    Two things are optional: a `proposing` of its own, and to be `Scheduled`.

    Attributes:
        name: As given on the command line.
        uses_reserve: Whether rows are set aside as its `reserve`.
        dev_rows: Name of the `DevRows` it is used with where nobody asks for others.
        confirms: Whether the last method must beat the first one on rows that nothing was chosen on.
    """

    name: str
    uses_reserve: bool
    dev_rows: str
    confirms: bool

    async def select(
        self,
        incumbent: Method,
        challengers: Sequence[Method],
        rows: Sequence[Row],
        evaluate: Evaluate,
        reserve: Sequence[Row] = (),
    ) -> Selection:
        """Decide.

        `challengers` may be empty; `rows` is the dev set of this step, in a fixed order; `reserve` holds
        further rows, in a fixed order too, for decisions that the dev set leaves open.
        """
        ...


@runtime_checkable
class Scheduled(Protocol):
    """A selection rule that is not the same at every step."""

    def at_step(self, number: int) -> Self:
        """The rule of step `number`; a pure function of it, since a resumed run asks again."""
        ...


def at_step(rule: SelectionRule, number: int, challengers: Sequence[Method]) -> SelectionRule:
    """The rule of step `number`, which is `rule` itself unless that is `Scheduled`.

    One starting method is not chosen between others: then step 0 is as step 1, which goes on with its rows.
    """
    stage = number if challengers else max(number, 1)
    return rule.at_step(stage) if isinstance(rule, Scheduled) else rule


def proposing(rule: SelectionRule, config: LoopConfig) -> Proposing:
    """What `config` says, else what the rule says as its `proposing`, else the paper's way."""
    own = getattr(rule, "proposing", Proposing())
    asked = {entry.name: getattr(config, entry.name) for entry in fields(Proposing)}
    return replace(own, **{name: value for name, value in asked.items() if value is not None})
