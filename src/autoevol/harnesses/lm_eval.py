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
from autoevol.harnesses.reading import as_object, lines_of, number_in, object_of, same_model, shown_name


def lm_eval_readings(folder: Path, model: str) -> Iterator[Reading]:
    """The newest figure of each benchmark under `folder`.

    Args:
        folder: Searched whole; file names are those of lm-eval.
        model: Whose results are wanted.

    Raises:
        InputError: If a file cannot be read, or is another model's.
    """
    newest: dict[str, tuple[Path, Mapping[str, Any]]] = {}
    # Names end in an ISO date, so that the newest comes last and stays.
    for path in sorted(folder.rglob("results_*.json"), key=lambda found: found.name):
        content = _checked(path, model)
        newest |= dict.fromkeys(BY_TASK.keys() & content["results"].keys(), (path, content))
    for task, (path, content) in sorted(newest.items()):
        yield _reading(BY_TASK[task], path, content)


def _checked(path: Path, model: str) -> Mapping[str, Any]:
    content = object_of(path)
    if "results" not in content:
        raise InputError(f"{shown(path)} has no 'results': it is no result file of lm-eval")
    as_object(content["results"], f"{shown(path)}, 'results'")
    told = content.get("model_name")
    if isinstance(told, str) and told and not same_model(told, model):
        raise InputError(f"{shown(path)} is of the model {shown_name(told)}, not {model}: move it elsewhere")
    return content


def _reading(benchmark: Benchmark, path: Path, content: Mapping[str, Any]) -> Reading:
    place = f"{shown(path)}, task {benchmark.task}"
    figures = as_object(content["results"][benchmark.task], place)
    metric, _, kept = benchmark.metric.partition(",")
    # Of harnesses before 0.4: without the name of the filter.
    key = benchmark.metric if benchmark.metric in figures else metric
    value = number_in(figures, key, place)
    version = shown_name(content.get("lm_eval_version") or "")
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
    told = {shown_name(value) for name, value in every if name.startswith(benchmark.task or "")}
    if told and told != {str(benchmark.shots)}:
        yield f"{', '.join(sorted(told))} shots, not {benchmark.shots}"
    config = content.get("config")
    if isinstance(config, Mapping) and config.get("limit") is not None:
        yield f"cut off by --limit {shown_name(config['limit'])}"


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
