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


def cost_section(ledger: Ledger, seconds: float, times: Mapping[str, float]) -> Section:
    """Calls, tokens, money and time.

    Args:
        ledger: Costs by role.
        seconds: As the report tells the time.
        times: Seconds that the calls of each role took, where they are stored.
    """
    told = {role: (duration(times.get(role, 0.0)),) for role in ledger.roles} if times else {}
    rows = [_cost(role, cost, told.get(role, ())) for role, cost in ledger.roles.items()]
    rows.append(_cost("all roles", ledger.total, (duration(sum(times.values())),) if times else ()))
    columns = (
        "role",
        "LM calls paid",
        "answered from the store",
        "tokens in",
        "tokens out",
        "tokens out, thought",
        "money",
        *(("time of the calls",) if times else ()),
    )
    estimated = ledger.total.estimated
    notes = f"Resumes are included. The last process took {duration(seconds)}."
    if times:
        notes += " The time of the calls is from request to reply; calls side by side count each."
    if estimated:
        notes += f" The tokens of {estimated:,} calls are estimates: no usage was reported."
    return Section(
        "cost", "Calls, tokens and money", (Grid.of("By role of the model", columns, rows), Words(notes))
    )


def _cost(role: str, cost: RoleCost, time: tuple[str, ...]) -> tuple[str, ...]:
    money = f"${cost.usd:.4f}" if cost.usd else "no price given"
    numbers = (cost.calls, cost.reused, cost.input_tokens, cost.output_tokens, cost.reasoning_tokens)
    return (role, *(f"{number:,}" for number in numbers), money, *time)


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
    facts = [("id of the run", known["run_id"])] if known.get("run_id") else []
    facts += versions.items()
    if report:
        facts += [
            ("seeds", f"{report.seeds.source}, {report.seeds.rows} rows ({report.seeds.shape})"),
            ("hash of the seeds", report.seeds.data_hash),
        ]
        facts += [("learned of the endpoint", sentence) for sentence in report.learned]
    tables = (
        Grid.of("What the figures were made with", ("", ""), facts),
        Grid.of("Settings that decide results", ("setting", "value"), rows),
    )
    blocks: list[Block] = [table for table in tables if table.rows]
    if report and (command := rerun(folder, report, settings)):
        blocks.append(Quote("The command that runs it again", command, folded=False))
        blocks.append(Quote("Its settings.json", json.dumps(_config(settings), indent=1)))
    blocks.append(Words(f"The same figures on a terminal: autoevol show {shlex.quote(str(folder))}"))
    return Section("settings", "Settings, versions and hashes", tuple(blocks))


def rerun(folder: Path, report: RunReport, settings: Mapping[str, Any]) -> str:
    """The command that makes the run again with its settings in a file; '' for settings of another version.

    The endpoint is no setting: whoever runs it names their own.
    """
    inputs = settings.get("inputs", {})
    if not all(isinstance(group, Mapping) for group in settings.values()) or "of" in inputs:
        return ""
    words = ["autoevol", "evolve", report.seeds.source, "--out", "runs/again", "--config", "settings.json"]
    if report.optimization:
        words[1] = "run" if "pipeline" in settings else "optimize"
        return shlex.join(words)
    if inputs.get("method_id"):
        words += ["--method", str(folder)]
    if inputs.get("shard"):
        words += ["--shard", str(inputs["shard"])]
    return shlex.join([*words, "--rounds", str(settings.get("methods", {}).get("rounds", 1))])


def _config(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as a file for `--config`; rounds alone are an option of `evolve`."""
    groups = {name: _without_none(group) for name, group in settings.items() if name != "inputs"}
    return {name: group for name, group in groups.items() if set(group) != {"rounds"}}


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
