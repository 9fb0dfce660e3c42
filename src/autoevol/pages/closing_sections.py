"""What a run cost, and all that it takes to run it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from autoevol.core.status import duration
from autoevol.pages.blocks import Block, Grid, Quote, Section, Words
from autoevol.reports.rates import Ledger, RoleCost
from autoevol.reports.run import RunReport


def cost_section(ledger: Ledger, seconds: float) -> Section:
    """Calls, tokens, money and time."""
    rows = [_cost(role, cost) for role, cost in ledger.roles.items()] + [_cost("all roles", ledger.total)]
    columns = (
        "role",
        "calls paid",
        "answered from the store",
        "tokens in",
        "tokens out",
        "of them thought",
        "money",
    )
    estimated = ledger.total.estimated
    told = f"Resumes included. The last process took {duration(seconds)}."
    if estimated:
        told += f" The tokens of {estimated:,} calls are estimates: no usage was reported."
    return Section("cost", "Calls, tokens and money", (Grid.of("By role", columns, rows), Words(told)))


def _cost(role: str, cost: RoleCost) -> tuple[str, ...]:
    money = f"${cost.usd:.4f}" if cost.usd else "none, or no price given"
    numbers = (cost.calls, cost.reused, cost.input_tokens, cost.output_tokens, cost.reasoning_tokens)
    return (role, *(f"{number:,}" for number in numbers), money)


def settings_section(
    folder: Path, known: Mapping[str, Any], report: RunReport | None, versions: Mapping[str, str]
) -> Section:
    """Settings, versions, hashes, and how the figures are made again.

    Args:
        folder: As the user named it.
        known: The content of `run.json`.
        report: Of a run.
        versions: Of the libraries.
    """
    settings = known.get("settings", {})
    rows = [(name, _told(value)) for name, value in flat_settings(settings) if value is not None]
    facts = [("run", known.get("run_id", "")), *versions.items()]
    if report:
        facts += [
            ("seeds", f"{report.seeds.source}, {report.seeds.rows} rows ({report.seeds.shape})"),
            ("hash of the seeds", report.seeds.data_hash),
        ]
        facts += [("learned of the endpoint", sentence) for sentence in report.learned]
    blocks: list[Block] = [
        Grid.of("What the figures were made with", ("", ""), facts),
        Grid.of("Settings that decide results", ("setting", "value"), rows),
    ]
    if report and (command := rerun(report, settings)):
        blocks.append(Quote("To run it again: settings.json, and the command", command, folded=False))
    blocks.append(Words(f"The same figures on a terminal: autoevol show {shlex.quote(str(folder))}"))
    return Section("settings", "Settings, versions and hashes", tuple(blocks))


def rerun(report: RunReport, settings: Mapping[str, Any]) -> str:
    """The settings as a file for `--config`, and the command that takes it; '' where neither would do."""
    groups = {name: _without_none(group) for name, group in settings.items() if name != "inputs"}
    if not report.optimization or not all(isinstance(group, Mapping) for group in groups.values()):
        return ""
    seeds = shlex.quote(report.seeds.source)
    return f"{json.dumps(groups, indent=1)}\n\nautoevol run {seeds} --out runs/again --config settings.json"


def flat_settings(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting by its dotted name."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat_settings(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _without_none(value: Any) -> Any:  # noqa: ANN401 (JSON)
    if not isinstance(value, Mapping):
        return value
    return {name: _without_none(part) for name, part in value.items() if part is not None}


def _told(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
