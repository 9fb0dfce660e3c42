"""A passport as a Markdown page for readers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from autoevol.reports.report import rate_text


def page(passport: dict[str, Any]) -> str:
    """The whole page; parts that the passport does not have are left out."""
    parts = (
        [f"# Evolving method {passport['name'] or passport['id']}"],
        _method(passport),
        _origin(passport),
        _selection(passport),
        _holdout(passport),
        _transfer(passport),
        _cost(passport),
    )
    return "\n\n".join(block for part in parts for block in part) + "\n"


def difference_text(found: dict[str, Any]) -> str:
    """`-8.3% [-16.7%, +0.0%], McNemar p = 0.250`, with the paired bootstrap interval."""
    gap, p_value = found["difference"], found["p_value"]
    if gap is None:
        return "not compared"
    interval = f"{gap['difference']:+.1%} [{gap['low']:+.1%}, {gap['high']:+.1%}]"
    return f"{interval}, McNemar p {'< 0.001' if p_value < 0.001 else f'= {p_value:.3f}'}"


def _method(passport: dict[str, Any]) -> list[str]:
    blocks = ["## Method", f"Id `{passport['id']}`.", _fenced(passport["text"])]
    for number, demo in enumerate(passport["demos"], 1):
        shown = f"{demo['instruction']}\n\n-> {demo['evolved_instruction']}"
        blocks += [f"Demo {number}:", _fenced(shown)]
    return blocks


def _origin(passport: dict[str, Any]) -> list[str]:
    if passport["run"] is None:
        return []
    data, models = passport["data"], passport["models"]
    rows: list[tuple[str, object]] = [
        ("evol LM", models["evol"]),
        ("optimizer LM", models["optimizer"]),
        ("rounds", passport["rounds"]),
        ("data", f"{data['source']} ({data['shape']}), {data['rows']} rows, hash `{data['data_hash']}`"),
    ]
    if split := data.get("split"):
        rows.append(("split", ", ".join(f"{name} {size}" for name, size in split.items())))
    rows.append(("measured by", passport["measure"]["sentence"]))
    if passport["seeds"]["loop"] is not None:
        rows.append(("seed", passport["seeds"]["loop"]))
    rows += [(f"version of {name}", version) for name, version in (passport["versions"] or {}).items()]
    return ["## Origin", _table(("", ""), rows)]


def _selection(passport: dict[str, Any]) -> list[str]:
    chosen = passport["selection"]
    if chosen is None:
        return []
    said = (
        f"Rule `{chosen['rule']}`, from `{chosen['start']['name']}` (`{chosen['start']['id']}`); "
        f"stopped: {chosen['stopped']}."
    )
    curve = [
        (step["step"], step["chosen"], rate_text(step["dev"]), step["note"]) for step in passport["dev_curve"]
    ]
    blocks = ["## Selection on dev", said, _table(("step", "method", "failure rate", "note"), curve)]
    if passport["dev_curve"]:
        blocks.append("Dev rates are those that the choice was made by, so they flatter the chosen method.")
    for one in chosen["lineage"]:
        blocks += [
            f"Step {one['step']} rewrote `{one['parent_id']}` into `{one['id']}` on this analysis:",
            _fenced(one["feedback"]),
        ]
    return blocks


def _holdout(passport: dict[str, Any]) -> list[str]:
    found = passport["holdout"]
    if found is None:
        return []
    rows = [
        ("first method", rate_text(found["before"])),
        ("this method", rate_text(found["after"])),
    ]
    return ["## Holdout", _table(("", "failure rate, 95 % Wilson interval"), rows), found["verdict"]]


def _transfer(passport: dict[str, Any]) -> list[str]:
    if not passport["transfer"]:
        return []
    rows = [
        (
            f"{one['seeds']['source']} (rows `{one['seeds']['rows_hash']}`)",
            one["models"]["evol"],
            one["metric"]["detector"],
            rate_text(one["score"]),
            _against(one, passport["id"]),
        )
        for one in passport["transfer"]
    ]
    return ["## Transfer", _table(("data", "evol LM", "detector", "failure rate", "against"), rows)]


def _against(one: dict[str, Any], method_id: str) -> str:
    if one["reference"]["id"] == method_id:
        return "itself the reference"
    return f"{one['reference']['name']}: {difference_text(one)}"


def _cost(passport: dict[str, Any]) -> list[str]:
    if passport["cost"] is None:
        return []
    roles = {**passport["cost"]["roles"], "total": passport["cost"]["total"]}
    names = ("calls", "reused", "input_tokens", "output_tokens", "usd")
    rows = [(role, *(spent[name] for name in names)) for role, spent in roles.items()]
    return ["## Cost", _table(("role", *(name.replace("_", " ") for name in names)), rows)]


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "\\|").split())


def _fenced(text: str) -> str:
    # Longer than any fence inside the text, so that none of them ends it.
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"
