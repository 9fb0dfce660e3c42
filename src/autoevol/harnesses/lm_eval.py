"""The result files of lm-eval: `results_DATE.json`, and `samples_TASK_DATE.jsonl` beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from autoevol.core.errors import InputError
from autoevol.data.files import shown
from autoevol.dataset.benchmarks import record_texts
from autoevol.harnesses.catalog import BY_TASK, Benchmark
from autoevol.harnesses.measured import Origin, Reading, from_error, from_items
from autoevol.harnesses.reading import as_object, lines_of, number_in, object_of, same_model


def lm_eval_readings(folder: Path, model: str) -> Iterator[Reading]:
    """The newest figure of each benchmark under `folder`.

    Args:
        folder: Searched whole; file names are those of lm-eval.
        model: Whose results are wanted.

    Raises:
        InputError: If a file cannot be read, or is another model's.
    """
    newest: dict[str, tuple[str, Path]] = {}
    for path in sorted(folder.rglob("results_*.json")):
        results = _results(path)
        _check_model(path, model)
        for task in BY_TASK.keys() & results.keys():
            # Names end in an ISO date, so the last in their order is the newest.
            newest[task] = max(newest.get(task, ("", path)), (path.name, path))
    for task, (_, path) in sorted(newest.items()):
        yield _reading(BY_TASK[task], path)


def _results(path: Path) -> Mapping[str, Any]:
    content = object_of(path)
    if "results" not in content:
        raise InputError(f"{shown(path)} has no 'results': it is no result file of lm-eval")
    return as_object(content["results"], f"{shown(path)}, 'results'")


def _check_model(path: Path, model: str) -> None:
    told = object_of(path).get("model_name")
    if isinstance(told, str) and told and not same_model(told, model):
        raise InputError(f"{shown(path)} is of the model {told}, not {model}: move it elsewhere")


def _reading(benchmark: Benchmark, path: Path) -> Reading:
    content = object_of(path)
    place = f"{shown(path)}, task {benchmark.task}"
    figures = as_object(_results(path)[benchmark.task or ""], place)
    metric, _, kept = benchmark.metric.partition(",")
    # Of harnesses before 0.4: without the name of the filter.
    key = benchmark.metric if benchmark.metric in figures else metric
    value = number_in(figures, key, place)
    version = str(content.get("lm_eval_version") or "").strip()
    note = "; ".join(_differences(benchmark, content))
    origin = Origin(f"lm-eval {version}".strip(), path, note)
    points, texts = _items(benchmark, path, metric, kept)
    if points:
        if abs(sum(points) / len(points) - value) > 0.005:
            raise InputError(
                f"{place}: {key!r} is {value:g}, but the samples beside it have a mean of "
                f"{sum(points) / len(points):g}: they are of another run, or incomplete; move both elsewhere"
            )
        return Reading(from_items(benchmark, [100 * point for point in points], origin), texts)
    key = f"{metric}_stderr,{kept}" if f"{metric}_stderr,{kept}" in figures else f"{metric}_stderr"
    error = None
    if isinstance(figures.get(key), int | float):
        error = 100 * number_in(figures, key, place)
    return Reading(from_error(benchmark, 100 * value, error, 0, origin))


def _differences(benchmark: Benchmark, content: Mapping[str, Any]) -> Iterator[str]:
    """What makes a run another one than the catalog asks for."""
    shots = content.get("n-shot")
    every = shots.items() if isinstance(shots, Mapping) else ()
    told = {value for name, value in every if name.startswith(benchmark.task or "")}
    if told and told != {benchmark.shots}:
        yield f"{', '.join(sorted(map(str, told)))} shots, not {benchmark.shots}"
    config = content.get("config")
    if isinstance(config, Mapping) and config.get("limit") is not None:
        yield f"cut off by --limit {config['limit']}"


def _items(
    benchmark: Benchmark, path: Path, metric: str, kept: str
) -> tuple[list[float], list[tuple[str, str]]]:
    """Points of the items of a run in 0..1, and the items' own texts; both empty without samples."""
    date = path.stem.removeprefix("results_")
    points: list[float] = []
    texts: list[tuple[str, str]] = []
    # A group has a file for each of its tasks: mmlu_anatomy, mmlu_astronomy and so on.
    for file in sorted(path.parent.glob(f"samples_{benchmark.task}*_{date}.jsonl")):
        for place, sample in lines_of(file):
            if sample.get("filter", kept) != kept:
                continue
            points.append(number_in(sample, metric, place))
            texts += [(place + column, text) for column, text in record_texts(sample.get("doc"))]
    return points, texts
