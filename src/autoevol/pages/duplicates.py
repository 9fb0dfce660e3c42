"""Texts that were refused for being like another, each with what it was like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from autoevol.evolution.lineage import SEED
from autoevol.pages.blocks import Grid, Section
from autoevol.pages.funnel import LaterStage, later_stages
from autoevol.pages.rows import GatedText, RowsSeen, brief, clipped

_ID = re.compile(r"\b[0-9a-f]{16}\b")
_SHOWN = 200


def matched_ids(refused: Iterable[GatedText]) -> set[str]:
    """Ids of the seeds whose texts others were refused for being like."""
    return {found for one in refused for found in _ID.findall(one.reason)}


def matched_texts(lines: Iterable[Mapping[str, Any]], ids: set[str]) -> dict[str, str]:
    """The seed and the evolved texts of these ids, from the lines of the parts."""
    if not ids:
        return {}
    return {line["seed_id"]: " / ".join(_versions(line)) for line in lines if line["seed_id"] in ids}


def _versions(line: Mapping[str, Any]) -> Iterator[str]:
    yield line["seed"]
    for step in line["rounds"]:
        if step.get("round") and step["instruction"]:  # no rewrite came out of some
            yield step["instruction"]


def duplicates_section(seen: RowsSeen, matched: Mapping[str, str], folder: Path) -> Section | None:
    """What the gates of the run refused, and what was cleaned away later."""
    grids = []
    if seen.gated:
        alike = dict[tuple[str, str, str], list[int]]()
        for one in seen.gated:
            said = _matched(one.reason, matched)
            why = _ID.sub("another row", one.reason) if said else one.reason
            alike.setdefault((brief(one.text, 160), clipped(why, 300), said), []).append(one.round)
        rows = [(text, why, _rounds(rounds), said) for (text, why, said), rounds in alike.items()]
        columns = ("turned away", "check and reason", "in round", "what it is like")
        caption = "Texts that a check between the rounds turned away, with what they are like"
        grids.append(Grid.of(caption, columns, rows))
    for stage in later_stages(folder):
        if rows := [_removed(line, matched) for line in _lines(stage)]:
            columns = ("removed", "reason", "where its like stands", "similarity or shared words")
            grids.append(Grid.of(f"Removed by {stage.name}, the first {len(rows)}", columns, rows))
    return Section("gated", "Duplicates and contamination", tuple(grids)) if grids else None


def _rounds(numbers: Sequence[int]) -> str:
    """`1, 2 (5 times)`; the seed itself is round 0."""
    named = ", ".join(str(number) if number else SEED for number in sorted(set(numbers)))
    return f"{named} ({len(numbers)} times)" if len(numbers) > 1 else named


def _matched(reason: str, texts: Mapping[str, str]) -> str:
    return "; ".join(brief(texts[found], 240) for found in _ID.findall(reason) if found in texts)


def _lines(stage: LaterStage) -> Iterator[Mapping[str, Any]]:
    if stage.removed and stage.removed.exists():
        with stage.removed.open("rb") as file:
            yield from map(orjson.loads, islice(file, _SHOWN))


def _removed(line: Mapping[str, Any], texts: Mapping[str, str]) -> tuple[str, ...]:
    row = line["row"]
    said = row.get("instruction") if isinstance(row, dict) else row
    near = f"{line['similarity']:.2f}" if line["similarity"] is not None else f"“{line['shared']}”"
    where = str(line["matched"])
    text = _matched(where, texts)
    return (
        brief(str(said or orjson.dumps(row).decode()), 160),
        str(line["reason"]).replace("_", " "),
        f"{clipped(where, 200)}{f': {text}' if text else ''}",
        near,
    )
