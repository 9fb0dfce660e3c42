"""AlpacaEval (`leaderboard.csv`, `annotations.json`) and MT-Bench (`model_judgment/*_single.jsonl`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from autoevol.core.errors import InputError
from autoevol.data.files import shown
from autoevol.harnesses.catalog import BENCHMARKS
from autoevol.harnesses.measured import BenchmarkFigure, Origin, Reading, from_error, from_items
from autoevol.harnesses.reading import (
    as_list,
    as_object,
    json_of,
    lines_of,
    model_id,
    number_in,
    rows_of,
    shown_name,
    text_in,
)

_ALPACA, _MT_BENCH = BENCHMARKS["alpaca-eval"], BENCHMARKS["mt-bench"]
_REFERENCE = "text_davinci_003"
"""Whose answers AlpacaEval 1 compares with, as the papers did; version 2 compares with GPT-4's."""
_JUDGE = "gpt-4"
_QUESTIONS = 80


def alpaca_readings(folder: Path, model: str) -> Iterator[Reading]:
    """AlpacaEval under `folder`, at most once: from the annotations, else from the leaderboard.

    Raises:
        InputError: If a file cannot be read, has no row of the model, or there are several.
    """
    annotated = _only(folder, "annotations.json", "AlpacaEval")
    board = _only(folder, "leaderboard.csv", "AlpacaEval")
    if annotated is not None:
        yield _annotations(annotated, model_id(model))
    elif board is not None:
        yield Reading(_leaderboard(board, model_id(model)))


def mt_bench_readings(folder: Path, model: str) -> Iterator[Reading]:
    """MT-Bench under `folder`, at most once. Raises InputError as `alpaca_readings`."""
    path = _only(folder, "*_single.jsonl", "MT-Bench")
    if path is not None:
        yield Reading(_grades(path, model_id(model)))


def _only(folder: Path, pattern: str, what: str) -> Path | None:
    found = sorted(folder.rglob(pattern))
    if len(found) > 1:
        names = ", ".join(shown(path) for path in found)
        raise InputError(f"there are {len(found)} results of {what}, keep one of them: {names}")
    return found[0] if found else None


def _annotations(path: Path, name: str) -> Reading:
    points: list[float] = []
    texts: list[tuple[str, str]] = []
    references: set[str] = set()
    others: set[str] = set()
    for number, one in enumerate(as_list(json_of(path), shown(path)), 1):
        place = f"{shown(path)}, annotation {number}"
        record = as_object(one, place)
        whose = text_in(record, "generator_2", place)
        if whose != name:
            others.add(shown_name(whose))
            continue
        if record.get("preference") is None:  # the annotator's reply could not be read
            continue
        references.add(shown_name(record.get("generator_1")))
        texts.append((f"{place}, column 'instruction'", text_in(record, "instruction", place)))
        said = number_in(record, "preference", place, 0, 2)
        # 1 is for the reference, 2 for the model, 1.5 and 0 for neither.
        points.append(50.0 if said == 0 else 100 * (number_in(record, "preference", place, 1, 2) - 1))
    if not points:
        raise InputError(f"{shown(path)} has no annotation of {name}; it has {_listed(others)}")
    foreign = references - {_REFERENCE}
    note = f"against {', '.join(sorted(foreign))}, not {_REFERENCE}" if foreign else ""
    return Reading(from_items(_ALPACA, points, Origin("alpaca_eval", path, note)), texts)


def _leaderboard(path: Path, name: str) -> BenchmarkFigure:
    rows = rows_of(path)
    key = next(iter(rows[0][1]), "") if rows else ""
    for place, row in rows:
        if row[key] == name:
            value = number_in(row, "win_rate", place, 0, 100)
            error = number_in(row, "standard_error", place, 0, 100)
            total = int(number_in(row, "n_total", place, 0, 1e9)) if row.get("n_total") else 0
            note = f"of answers that this leaderboard compares with; the papers: {_REFERENCE}"
            return from_error(_ALPACA, value, error, total, Origin("alpaca_eval", path, note))
    raise InputError(
        f"{shown(path)} has no row of {name}; it has {_listed({shown_name(row[key]) for _, row in rows})}"
    )


def _grades(path: Path, name: str) -> BenchmarkFigure:
    grades: dict[str, dict[int, float]] = defaultdict(dict)
    judges: set[str] = set()
    others: set[str] = set()
    for place, record in lines_of(path):
        if (whose := text_in(record, "model", place)) != name:
            others.add(shown_name(whose))
            continue
        grade = number_in(record, "score", place, -1, 10)
        if grade == -1:  # the judge's reply could not be read
            continue
        number_in(record, "score", place, 1, 10)
        turn = int(number_in(record, "turn", place, 1, 2))
        # A judgement that was made again stands further down, and counts.
        grades[str(record.get("question_id"))][turn] = grade
        judge = record.get("judge")
        judges.add(shown_name(judge[0]) if isinstance(judge, list) and judge else "a judge that is not named")
    if not grades:
        raise InputError(f"{shown(path)} has no grade of {name}; it has {_listed(others)}")
    notes = [] if judges == {_JUDGE} else [f"judged by {', '.join(sorted(judges))}, not {_JUDGE}"]
    if len(grades) != _QUESTIONS:
        notes.append(f"{len(grades)} of {_QUESTIONS} questions")
    points = [sum(turns.values()) / len(turns) for turns in grades.values()]
    return from_items(_MT_BENCH, points, Origin("fastchat", path, "; ".join(notes)))


def _listed(names: set[str]) -> str:
    shown_names = sorted(names)
    more = f" and {len(shown_names) - 5} more" if len(shown_names) > 5 else ""
    return (", ".join(shown_names[:5]) + more) or "none at all"
