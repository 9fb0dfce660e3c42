"""HumanEval: the result files of evalplus (`*eval_results.json`) and bigcode (`evaluation_results.json`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from autoevol.core.errors import InputError
from autoevol.data.files import shown
from autoevol.harnesses.catalog import BENCHMARKS
from autoevol.harnesses.measured import BenchmarkFigure, Origin, Reading, from_error, from_items
from autoevol.harnesses.reading import (
    as_list,
    as_object,
    number_in,
    object_of,
    same_model,
    shown_name,
    text_in,
)

_HUMANEVAL = BENCHMARKS["humaneval"]
_STATES = ("pass", "fail", "timeout")


def code_readings(folder: Path, model: str) -> Iterator[Reading]:
    """HumanEval under `folder`, at most once.

    Raises:
        InputError: If a file cannot be read, is another model's, or there are several.
    """
    every = sorted(folder.rglob("*eval_results.json"))
    # evalplus names the folder after the data; MBPP has results of the same shape.
    plus = [path for path in every if "mbpp" not in path.relative_to(folder).parts]
    big = sorted(folder.rglob("evaluation_results.json"))
    if len(found := [*plus, *big]) > 1:
        names = ", ".join(shown(path) for path in found)
        raise InputError(f"there are {len(found)} results of HumanEval, keep one of them: {names}")
    for path in found:
        yield Reading(_bigcode(path, model) if path in big else _evalplus(path))


def _evalplus(path: Path) -> BenchmarkFigure:
    tasks = as_object(object_of(path).get("eval"), f"{shown(path)}, 'eval'")
    if not tasks:
        raise InputError(f"{shown(path)}, 'eval' holds no task")
    points = [100 * _passed(as_list(tries, place), place) for place, tries in _placed(tasks, path)]
    return from_items(_HUMANEVAL, points, Origin("evalplus", path, _too_few(len(tasks))))


def _placed(tasks: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Any]]:
    yield from ((f"{shown(path)}, task {shown_name(name)}", tries) for name, tries in tasks.items())


def _passed(tries: list[Any], place: str) -> float:
    """The share of the samples of a task that pass HumanEval's own tests."""
    states = [text_in(as_object(one, place), "base_status", place) for one in tries]
    if not states:
        raise InputError(f"{place} has no sample")
    if strange := next((state for state in states if state not in _STATES), None):
        raise InputError(f"{place}: 'base_status' {shown_name(strange)!r} is none of {', '.join(_STATES)}")
    return states.count("pass") / len(states)


def _bigcode(path: Path, model: str) -> BenchmarkFigure:
    content = object_of(path)
    config = content.get("config")
    told = config.get("model") if isinstance(config, Mapping) else None
    if isinstance(told, str) and not same_model(told, model):
        raise InputError(f"{shown(path)} is of the model {shown_name(told)}, not {model}: move it elsewhere")
    task = as_object(content.get("humaneval"), f"{shown(path)}, 'humaneval'")
    value = 100 * number_in(task, "pass@1", f"{shown(path)}, 'humaneval'")
    limit = config.get("limit") if isinstance(config, Mapping) else None
    note = "" if limit is None else _too_few(int(number_in({"limit": limit}, "limit", shown(path), 1, 164)))
    return from_error(_HUMANEVAL, value, None, 0, Origin("bigcode-evaluation-harness", path, note))


def _too_few(tasks: int) -> str:
    return "" if tasks == 164 else f"{tasks} of 164 tasks"
