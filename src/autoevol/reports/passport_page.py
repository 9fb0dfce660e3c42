"""A passport as a Markdown page for readers."""

from __future__ import annotations

from collections.abc import Sequence

from autoevol.core.text import code_block, code_span, markdown
from autoevol.reports.passport import Passport, TransferEntry
from autoevol.reports.rates import FAILURE_RATE, figure_of
from autoevol.reports.text import reached
from autoevol.reports.verdicts import difference


def page(passport: Passport) -> str:
    """The whole page; parts that the passport does not have are left out."""
    parts = (
        [f"# Evolving method {markdown(passport.method.name or passport.method.id)}"],
        _method(passport),
        _origin(passport),
        _selection(passport),
        _holdout(passport),
        _transfer(passport),
        _cost(passport),
    )
    return "\n\n".join(block for part in parts for block in part) + "\n"


def _method(passport: Passport) -> list[str]:
    blocks = ["## Method", f"Id {code_span(passport.method.id)}.", code_block(passport.method.text)]
    for number, demo in enumerate(passport.method.demos, 1):
        shown = f"{demo.instruction}\n\n-> {demo.evolved_instruction}"
        blocks += [f"Demo {number}:", code_block(shown)]
    return blocks


def _origin(passport: Passport) -> list[str]:
    data, models = passport.data, passport.models
    if passport.run is None or data is None or models is None:
        return []
    rows: list[tuple[str, object]] = [
        ("evol LM", models.evol),
        ("optimizer LM", models.optimizer),
        ("rounds", passport.rounds),
        ("data", f"{data.source} ({data.shape}), {data.rows} rows, hash {data.data_hash}"),
    ]
    if data.split:
        rows.append(("split", ", ".join(f"{name} {size}" for name, size in data.split.items())))
    rows.append(("measured by", passport.measure))
    seed = (passport.seeds or {}).get("loop")
    if seed is not None:
        rows.append(("seed", seed))
    rows += [(f"version of {name}", version) for name, version in (passport.versions or {}).items()]
    return ["## Origin", _table(("", ""), rows)]


def _selection(passport: Passport) -> list[str]:
    chosen = passport.selection
    if chosen is None:
        return []
    said = (
        f"Rule {code_span(str(chosen.rule))}, from {code_span(chosen.start.name)} "
        f"({code_span(chosen.start.id)}); "
        f"stopped: {markdown(str(chosen.stopped))}."
    )
    objective = passport.measure.objective if passport.measure else FAILURE_RATE
    curve = [(step.step, step.chosen, reached(step.dev, objective), step.note) for step in passport.dev_curve]
    blocks = ["## Selection on dev", said, _table(("step", "method", figure_of(objective), "note"), curve)]
    if curve:
        blocks.append("Dev rates are those that the choice was made by, so they flatter the chosen method.")
    for one in chosen.lineage:
        blocks += [
            f"Step {one.step} rewrote {code_span(str(one.parent_id))} into {code_span(one.id)} "
            "on this analysis:",
            code_block(one.feedback),
        ]
    return blocks


def _holdout(passport: Passport) -> list[str]:
    holdout = passport.holdout
    if holdout is None:
        return []
    objective = passport.measure.objective if passport.measure else FAILURE_RATE
    scores = (("first method", holdout.before), ("this method", holdout.after))
    rows = [(name, reached(rate, objective)) for name, rate in scores]
    head = f"{figure_of(objective)}, 95 % Wilson interval"
    return ["## Holdout", _table(("", head), rows), markdown(holdout.verdict)]


def _transfer(passport: Passport) -> list[str]:
    if not passport.transfer:
        return []
    rows = [
        (
            f"{one.seeds.source} (rows {one.seeds.rows_hash})",
            one.models.evol,
            one.metric.detector,
            one.score.named(one.metric.objective),
            _against(one, passport.method.id),
        )
        for one in passport.transfer
    ]
    return ["## Transfer", _table(("data", "evol LM", "detector", "figure", "against"), rows)]


def _against(one: TransferEntry, method_id: str) -> str:
    if one.reference.id == method_id:
        return "itself the reference"
    return f"{one.reference.name}: {difference(one.difference, one.metric.objective)}"


def _cost(passport: Passport) -> list[str]:
    if passport.cost is None:
        return []
    names = ("calls", "reused", "input_tokens", "output_tokens", "usd")
    costs = [*passport.cost.roles.items(), ("total", passport.cost.total)]
    rows = [(role, *(getattr(cost, name) for name in names)) for role, cost in costs]
    return ["## Cost", _table(("role", *(name.replace("_", " ") for name in names)), rows)]


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    cells = [[markdown(str(value)) for value in line] for line in (head, *rows)]
    lines = [cells[0], ["---"] * len(head), *cells[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
