"""What an optimisation did: the rate over what was scored, the line of methods, and rows against methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoevol.core.records import Mark, Method, Outcome, Score, Step
from autoevol.pages import plots
from autoevol.pages.blocks import Block, Changed, Grid, Heading, Quote, Section, Words
from autoevol.pages.diff import word_diff
from autoevol.pages.rows import brief, clipped
from autoevol.reports.rates import RateReport

_SIGNS = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.UNSCORED: "–"}
_MOST_METHODS, _MOST_ROWS = 12, 60


@dataclass(frozen=True)
class ScoredMethod:
    """One method as one step scored it.

    Attributes:
        name: What the page calls it.
        step: Number of the step.
        rows: Rows that had been scored by then, each once for each method.
        rate: On the dev rows of the step.
        chosen: Whether it was in force after the step.
    """

    name: str
    step: int
    rows: int
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

    def scored(self) -> list[ScoredMethod]:
        """Every score of every step, in order."""
        made: list[ScoredMethod] = []
        marked: set[tuple[str, str]] = set()
        for step in self.steps:
            for score in step.scores:
                marked |= {(score.method_id, row) for row in score.marks}
                chosen = score.method_id == step.chosen_id
                name = self.name(score.method_id)
                made.append(ScoredMethod(name, step.number, len(marked), RateReport.of(score), chosen))
        return made

    def last_scores(self) -> dict[str, Score]:
        """The last score of each method, in the order of their first."""
        latest: dict[str, Score] = {}
        for step in self.steps:
            for score in step.scores:
                latest[score.method_id] = score
        return latest


def method_sections(history: History, seeds: Mapping[str, str]) -> list[Section]:
    """The sections of an optimisation; `seeds` are instructions by row id, as far as they are known."""
    if not history.steps:
        return []
    return [_rates(history), _lineage(history), _grid(history, seeds)]


def _rates(history: History) -> Section:
    scored = [one for one in history.scored() if one.rate.rate is not None]
    rows = [
        (f"{one.step}", one.name, one.rows, str(one.rate), "in force" if one.chosen else "") for one in scored
    ]
    caption = "Failure rate on dev rows with 95 % intervals. Filled and joined: the method in force."
    grid = Grid.of(
        "Every score of every step", ("step", "method", "rows scored so far", "failure rate", ""), rows
    )
    spots = [
        plots.Spot(
            one.rows, one.rate.rate or 0.0, one.rate.low, one.rate.high, one.chosen, f"{one.name}: {one.rate}"
        )
        for one in scored
    ]
    axis = "rows scored so far (each takes a rewrite and a response)"
    told = Words(
        "Each point is one method as one step scored it. Methods are chosen on these rows, so the rate of "
        "the chosen one looks better here than it is; the holdout in the verdict decides."
    )
    return Section(
        "rate",
        "Failure rate as rows were paid for",
        (told, plots.rate_chart("rate", spots, axis, caption, grid)),
    )


def _lineage(history: History) -> Section:
    blocks: list[Block] = []
    for step in history.steps:
        kept = f"in force after it: {history.name(step.chosen_id)}"
        did = "method changed" if step.improved else "method kept"
        blocks.append(Heading(f"Step {step.number}: {did}" if step.number else "Starting methods"))
        blocks.append(Words(f"{step.note[:1].upper()}{step.note[1:]}; {kept}." if step.note else f"{kept}."))
        for number, candidate in enumerate(step.candidates, 1):
            parent = history.methods.get(candidate.parent_id)
            title = f"Rewrite {number} of “{history.name(candidate.parent_id)}”"
            if candidate.feedback:
                blocks.append(Quote(f"Analysis that led to rewrite {number}", clipped(candidate.feedback)))
            if candidate.method is None:
                blocks.append(Words(f"{title}: not usable. {clipped(candidate.problem, 500)}"))
            elif parent is None:
                blocks.append(Quote(title, clipped(candidate.method.text)))
            else:
                blocks.append(Changed(title, word_diff(parent.text, candidate.method.text)))
    chosen = history.methods.get(history.steps[-1].chosen_id)
    if chosen:
        title = f"The method in force at the end: {history.name(chosen.id)}"
        blocks.append(Quote(title, clipped(_whole(chosen)), folded=False))
    return Section("methods", "Where the methods come from", tuple(blocks))


def _whole(method: Method) -> str:
    """A method with its demos."""
    demos = (f"Example: {one.instruction}\n→ {one.evolved_instruction}" for one in method.demos)
    return "\n\n".join([method.text, *demos])


def _grid(history: History, seeds: Mapping[str, str]) -> Section:
    scores = dict(list(history.last_scores().items())[:_MOST_METHODS])
    first = next(iter(scores), None)
    last = history.steps[-1].chosen_id
    rows = list(dict.fromkeys(row for score in scores.values() for row in score.marks))[:_MOST_ROWS]
    table = []
    for row in rows:
        marks = [score.marks.get(row) for score in scores.values()]
        label = brief(seeds.get(row, row), 90)
        before = scores[first].marks.get(row) if first else None
        after = scores[last].marks.get(row) if last in scores else None
        table.append((label, *map(_sign, marks), _compared(before, after)))
    changes = [line[-1] for line in table]
    columns = ("row", *(history.name(method_id) for method_id in scores), "first → chosen")
    told = Words(
        f"✓ passed, ✗ failed with its kind, – not scored, empty: not run. Of {len(rows)} rows, "
        f"{changes.count('gained')} were gained and {changes.count('lost')} lost between the first method "
        "and the one in force at the end."
    )
    return Section("grid", "Rows against methods", (told, Grid.of("Dev rows by method", columns, table)))


def _sign(mark: Mark | None) -> str:
    if mark is None:
        return ""
    return (
        f"{_SIGNS[mark.outcome]} {mark.kind.value.replace('_', ' ')}" if mark.kind else _SIGNS[mark.outcome]
    )


def _compared(before: Mark | None, after: Mark | None) -> str:
    pair = (before and before.outcome, after and after.outcome)
    words = {
        (Outcome.FAILED, Outcome.PASSED): "gained",
        (Outcome.PASSED, Outcome.FAILED): "lost",
    }
    return words.get(pair, "")  # pyright: ignore[reportArgumentType, reportCallIssue]
