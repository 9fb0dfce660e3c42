"""The order of failure kinds, and which of them break an instruction for good."""

from __future__ import annotations

from collections.abc import Iterable

from autoevol.core.records import FailureKind, Verdict

SEVERITY: tuple[FailureKind, ...] = (
    FailureKind.EMPTY,
    FailureKind.UNPARSED,
    FailureKind.REFUSED,
    FailureKind.LEAKED,
    FailureKind.TRUNCATED,
    FailureKind.LANGUAGE_CHANGED,
    FailureKind.OFF_TASK,
    FailureKind.LOST_INFORMATION,
    FailureKind.CONTRADICTORY,
    FailureKind.UNSOLVABLE,
    FailureKind.ASKS_FOR_MORE,
    FailureKind.ANSWERED,
    FailureKind.UNCHANGED,
    FailureKind.STAGNANT,
    FailureKind.HEDGED,
)
"""All kinds, worst first: no text, wrong text, broken problem, then not harder."""

HARMLESS_KINDS: frozenset[FailureKind] = frozenset(
    {FailureKind.UNCHANGED, FailureKind.STAGNANT, FailureKind.ANSWERED, FailureKind.HEDGED}
)
"""Kinds that leave a valid instruction which is merely no harder, or a weak response."""

FATAL_KINDS: frozenset[FailureKind] = frozenset(FailureKind) - HARMLESS_KINDS
"""Kinds that make the pair worse than useless as training data: nobody can answer it, or
it teaches what it should not. `answered` is not among them: raters call such a problem
easy rather than broken."""

BROKEN = 2
"""The severity from which a judge calls an evolution broken beyond use."""


def is_fatal(verdict: Verdict) -> bool:
    """Whether a verdict calls an evolution broken: by the judge's severity, else by its kinds."""
    if verdict.assessment is not None:
        return verdict.assessment.severity >= BROKEN
    return not FATAL_KINDS.isdisjoint(verdict.kinds)


_RANK = {kind: rank for rank, kind in enumerate(SEVERITY)}


def by_severity(kinds: Iterable[FailureKind]) -> tuple[FailureKind, ...]:
    """The distinct `kinds`, worst first."""
    return tuple(sorted(set(kinds), key=_RANK.__getitem__))
