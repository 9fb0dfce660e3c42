"""What the optimizer LM is told of the run so far: how often what failed, and how earlier rewrites fared.

OPRO (Yang et al., arXiv 2309.03409) and GEPA (Agrawal et al., arXiv 2507.19457) show whole methods with
their scores. Here only what a rewrite changed is shown, with the rows it cured and broke against the very
method it was made from: scores of different steps are of different rows and cannot be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autoevol.core.fence import fence, mark_for
from autoevol.core.records import FailureKind

_LONGEST = 600


@dataclass(frozen=True, slots=True)
class TriedChange:
    """A change that was tried, held against the method without it, once or several times.

    Attributes:
        added: Sentences that the rewrite has and the method did not; '' if none.
        left_out: Sentences that it lacks.
        cured: Rows that the method failed and the rewrite passed; fractions where rows are graded.
        broken: The opposite.
        rows: Rows scored for both, where the rewrite was looked at on all rows of a step.
        dropped: How often a race dropped it before. What it cured and broke by then is not counted.
        kept: Whether the rewrite was put in force.
    """

    added: str
    left_out: str
    cured: float = 0.0
    broken: float = 0.0
    rows: int = 0
    dropped: int = 0
    kept: bool = False

    def __add__(self, again: TriedChange) -> TriedChange:
        """The same change, tried again."""
        return TriedChange(
            self.added,
            self.left_out,
            self.cured + again.cured,
            self.broken + again.broken,
            self.rows + again.rows,
            self.dropped + again.dropped,
            self.kept or again.kept,
        )


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What is told with the feedback; empty at the first step, or where nothing of it is wanted.

    Attributes:
        changes: Earlier ones, oldest first.
        failures: Failed rows of the method in force by kind, over all steps.
        rows: Rows that it was scored on.
    """

    changes: Sequence[TriedChange] = ()
    failures: Mapping[FailureKind, int] = field(default_factory=dict)
    rows: int = 0

    def render(self) -> str:
        """As the optimizer LM reads it; '' if there is nothing to tell."""
        parts = [self._failures()] if self.rows else []
        mark = mark_for(text for change in self.changes for text in (change.added, change.left_out))
        parts += [_render(number, change, mark) for number, change in enumerate(self.changes, 1)]
        return "\n\n".join(parts)

    def _failures(self) -> str:
        ordered = sorted(self.failures.items(), key=lambda item: -item[1])
        counts = ", ".join(f"{kind.value} {count}" for kind, count in ordered) or "none failed"
        return f"The method in force on the {self.rows} instructions that it met so far: {counts}."


NOTHING_TOLD = TrackRecord()


def _render(number: int, change: TriedChange, mark: str) -> str:
    parts: list[str] = []
    if change.rows:
        counts = f"it cured {change.cured:.3g} and broke {change.broken:.3g}"
        parts.append(f"of {change.rows} instructions {counts}")
    if change.dropped:
        parts.append(f"dropped early {change.dropped} times" if change.dropped > 1 else "dropped early")
    ending = "put in force" if change.kept else "turned down"
    lines = [f"Rewrite {number} ({ending}): {'; '.join(parts)}."]
    for title, text in (("Added", change.added), ("Left out", change.left_out)):
        if text:
            lines += [f"{title}:", fence(title.lower(), _cut(text), mark)]
    return "\n".join(lines)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} [...]"
