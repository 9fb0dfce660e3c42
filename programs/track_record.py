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
class Attempt:
    """A change that was tried, held against the method without it.

    Attributes:
        added: Sentences that the rewrite has and the method did not; '' if none.
        left_out: Sentences that it lacks.
        cured: Rows that the method failed and the rewrite passed; fractions where rows are graded.
        broken: The opposite.
        rows: Rows scored for both.
        kept: Whether the rewrite was put in force.
    """

    added: str
    left_out: str
    cured: float
    broken: float
    rows: int
    kept: bool


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What is told with the feedback; empty at the first step, or where nothing of it is wanted.

    Attributes:
        attempts: Earlier changes, oldest first.
        failures: Failed rows of the method in force by kind, over all steps.
        rows: Rows that it was scored on.
    """

    attempts: Sequence[Attempt] = ()
    failures: Mapping[FailureKind, int] = field(default_factory=dict)
    rows: int = 0

    def render(self) -> str:
        """As the optimizer LM reads it; '' if there is nothing to tell."""
        parts = [self._failures()] if self.rows else []
        mark = mark_for(text for attempt in self.attempts for text in (attempt.added, attempt.left_out))
        parts += [_render(number, attempt, mark) for number, attempt in enumerate(self.attempts, 1)]
        return "\n\n".join(parts)

    def _failures(self) -> str:
        ordered = sorted(self.failures.items(), key=lambda item: -item[1])
        counts = ", ".join(f"{kind.value} {count}" for kind, count in ordered) or "none failed"
        return f"The method in force on the {self.rows} instructions that it met so far: {counts}."


NOTHING_TOLD = TrackRecord()


def _render(number: int, attempt: Attempt, mark: str) -> str:
    ending = "put in force" if attempt.kept else "turned down"
    lines = [
        f"Rewrite {number} ({ending}): of {attempt.rows} instructions it cured {attempt.cured:.3g} and "
        f"broke {attempt.broken:.3g}."
    ]
    for title, text in (("Added", attempt.added), ("Left out", attempt.left_out)):
        if text:
            lines += [f"{title}:", fence(title.lower(), _cut(text), mark)]
    return "\n".join(lines)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} [...]"
