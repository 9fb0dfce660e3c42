"""What an optimisation did: the rate over what was scored, the line of methods, and rows against methods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from autoevol.core.records import Mark, Method, Outcome
from autoevol.core.wording import many, plain
from autoevol.pages import plots
from autoevol.pages.blocks import Block, Changed, Grid, Heading, Plot, Quote, Section, Words
from autoevol.pages.diff import word_diff
from autoevol.pages.history import History, ScoredMethod
from autoevol.pages.rows import brief, clipped
from autoevol.reports.rates import FAILURE_RATE, USABLE_YIELD, figure_of

_SIGNS = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.UNSCORED: "–"}
_MOST_METHODS, _MOST_ROWS = 12, 60


def method_sections(
    history: History, seeds: Mapping[str, str], objective: str = FAILURE_RATE
) -> list[Section]:
    """The sections of an optimisation.

    Args:
        history: As its journal tells it.
        seeds: Instructions by row id, as far as they are known.
        objective: What was optimised.
    """
    if not history.steps:
        return []
    return [_rates(history, objective), _lineage(history), _grid(history, seeds)]


def _rates(history: History, objective: str) -> Section:
    figure = figure_of(objective)
    scored = [one for one in history.scored() if one.rate.rate is not None]
    counted = all(one.calls is not None for one in scored)
    rows = [
        (
            f"{one.step}",
            one.name,
            *((f"{one.calls:,}",) if counted else ()),
            one.rows,
            one.rate.told(objective),
            "in force" if one.chosen else "",
        )
        for one in scored
    ]
    columns = ("step", "method", *(("LM calls paid",) if counted else ()), "rows scored so far", figure, "")
    grid = Grid.of("Every score of every step", columns, rows)
    axis = "LM calls paid" if counted else "rows scored so far (each takes a rewrite and a response)"
    caption = (
        "Failure rate on dev rows (lower is better), each with its 95 % interval. Filled and joined: the "
        "method in force. Open: the others that the step tried."
    )
    blocks: list[Block] = [
        Words(
            "A method is the prompt that tells a model how to rewrite an instruction. Each step has a model "
            "write new ones, and tries them on some of the seeds, the dev rows. Since methods are chosen on "
            f"these rows, the {figure} of the chosen one looks better here than it is; the verdict "
            "counts other rows, the holdout."
        ),
        plots.rate_chart("rate", [_spot(one) for one in scored], axis, caption, grid),
    ]
    if objective not in (FAILURE_RATE, USABLE_YIELD):
        blocks.append(_gains(scored, axis, objective))
    if refused := [
        (
            f"{step.number}",
            f"rewrite {number} of {history.name(one.parent_id)}",
            clipped(history.told(one.problem or ""), 300),
        )
        for step, number, one in history.unusable()
    ]:
        blocks.append(Grid.of("Rewrites that could not be used, so that no row was scored with them",
                              ("step", "rewrite", "why"), refused))  # fmt: skip
    return Section("rate", "What each method reached", tuple(blocks))


def _gains(scored: Sequence[ScoredMethod], axis: str, objective: str) -> Plot:
    """Points of the objective beside the failures."""
    figure = figure_of(objective)
    values = [(one, value) for one in scored if (value := one.rate.value(objective)) is not None]
    rows = [
        (f"{one.step}", one.name, _cost(one), f"{value:.3f}", "in force" if one.chosen else "")
        for one, value in values
    ]
    grid = Grid.of(f"{figure} of every score", ("step", "method", axis, figure, ""), rows)
    spots = [
        plots.Spot(_cost(one), value, value, value, one.chosen, f"{one.name}: {value:.3f}")
        for one, value in values
    ]
    caption = f"{figure[:1].upper()}{figure[1:]}, 100 % at most, without intervals. Filled: in force."
    return plots.rate_chart("gain", spots, axis, caption, grid)


def _spot(one: ScoredMethod) -> plots.Spot:
    rate = one.rate
    return plots.Spot(_cost(one), rate.rate or 0.0, rate.low, rate.high, one.chosen, f"{one.name}: {rate}")


def _cost(one: ScoredMethod) -> int:
    return one.rows if one.calls is None else one.calls


def _lineage(history: History) -> Section:
    blocks: list[Block] = [
        Words(
            "“Cured” are dev rows that failed under the method in force and passed under a rewrite of it, "
            "“broken” those the other way round. A longer method must "
            "cure more, since every call pays for its length."
        )
    ]
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
                blocks.append(
                    Words(f"{title}, not usable: {clipped(history.told(candidate.problem or ''), 500)}.")
                )
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
        label = brief(seeds.get(row, row), 60)
        before = scores[first].marks.get(row) if first else None
        after = scores[last].marks.get(row) if last in scores else None
        table.append((label, *map(_sign, marks), _compared(before, after)))
    columns = ("row", *(history.name(method_id) for method_id in scores), "first → chosen")
    told = Words(f"✓ passed, ✗ failed with its kind, – not scored, empty: not run. {_moved(table)}")
    grid = Grid.of("Dev rows by method", columns, table, across=True)
    return Section("grid", "Rows against methods", (told, grid))


def _moved(table: Sequence[Sequence[str]]) -> str:
    """What came of the rows that both the first method and the last have run."""
    changes = Counter(line[-1] for line in table)
    both = changes.total() - changes[""]
    if not both:
        return "No row here was scored under both the first method and the one in force at the end."
    return (
        f"Of {many(both, 'row')} scored under both the first method and the one in force at the end, "
        f"{changes['gained']} came to pass and {changes['lost']} came to fail."
    )


def _sign(mark: Mark | None) -> str:
    if mark is None:
        return ""
    return f"{_SIGNS[mark.outcome]} {plain(mark.kind.value)}" if mark.kind else _SIGNS[mark.outcome]


def _compared(before: Mark | None, after: Mark | None) -> str:
    pair = (before and before.outcome, after and after.outcome)
    words = {
        (Outcome.FAILED, Outcome.PASSED): "gained",
        (Outcome.PASSED, Outcome.FAILED): "lost",
        (Outcome.PASSED, Outcome.PASSED): "same",
        (Outcome.FAILED, Outcome.FAILED): "same",
    }
    return words.get(pair, "")  # pyright: ignore[reportArgumentType, reportCallIssue]
