"""An optimisation as its journal tells it: methods by name, and every score at what it had cost by then."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autoevol.core.records import Candidate, Method, Score, Step
from autoevol.reports.rates import RateReport

_ID = re.compile(r"\b[0-9a-f]{16}\b")


@dataclass(frozen=True)
class ScoredMethod:
    """One method as one step scored it.

    Attributes:
        name: What the page calls it.
        step: Number of the step.
        rows: Rows that had been scored by then, each once for each method.
        calls: LM calls paid by then; the calls of a step are spread over the rows that it scored. None
            in journals that have not counted them.
        rate: On the dev rows of the step.
        chosen: Whether it was in force after the step.
    """

    name: str
    step: int
    rows: int
    calls: int | None
    rate: RateReport
    chosen: bool


@dataclass(frozen=True)
class History:
    """An optimisation as its journal tells it.

    Attributes:
        methods: Known methods by id.
        steps: All steps.
    """

    methods: Mapping[str, Method]
    steps: Sequence[Step]

    def name(self, method_id: str) -> str:
        """What the page calls a method: its own name, or the step that proposed it."""
        for step in self.steps:
            for number, candidate in enumerate(step.candidates, 1):
                if candidate.method and candidate.method.id == method_id:
                    return f"step {step.number}, rewrite {number}"
        known = self.methods.get(method_id)
        return known.name if known and known.name else method_id[:8]

    def told(self, text: str) -> str:
        """`text` with the names of the methods whose ids stand in it."""
        return _ID.sub(lambda found: self._named(found.group()), text)

    def _named(self, method_id: str) -> str:
        known = method_id in self.methods
        return f"“{self.name(method_id)}”" if known else method_id

    def scored(self) -> list[ScoredMethod]:
        """Every score of every step, in order."""
        made: list[ScoredMethod] = []
        marked: set[tuple[str, str]] = set()
        paid: int | None = 0
        for step in self.steps:
            before = len(marked)
            after = len(marked.union(*(_marks(score) for score in step.scores)))
            for score in step.scores:
                marked |= _marks(score)
                share = (len(marked) - before) / (after - before) if after > before else 1.0
                calls = None if paid is None or step.calls is None else paid + share * (step.calls - paid)
                made.append(
                    ScoredMethod(
                        self.name(score.method_id),
                        step.number,
                        len(marked),
                        None if calls is None else round(calls),
                        RateReport.of(score),
                        score.method_id == step.chosen_id,
                    )
                )
            paid = step.calls
        return made

    def unusable(self) -> Iterator[tuple[Step, int, Candidate]]:
        """Rewrites that could not be scored, with their step and their number in it."""
        for step in self.steps:
            for number, candidate in enumerate(step.candidates, 1):
                if candidate.method is None:
                    yield step, number, candidate

    def last_scores(self) -> dict[str, Score]:
        """The last score of each method, in the order of their first."""
        latest: dict[str, Score] = {}
        for step in self.steps:
            for score in step.scores:
                latest[score.method_id] = score
        return latest


def _marks(score: Score) -> set[tuple[str, str]]:
    return {(score.method_id, row) for row in score.marks}
