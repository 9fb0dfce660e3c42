"""The hand-off as a function: what it runs, and that it goes on where it was stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

import harness_results as made
from autoevol.commands.benchmarks import benchmarks
from autoevol.config import BenchmarksConfig
from autoevol.harnesses import jobs
from autoevol.harnesses.catalog import BENCHMARKS
from autoevol.harnesses.jobs import Handoff, HarnessJob, jobs_of


@pytest.fixture(autouse=True)
def everything_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.HarnessJob, "lacking", lambda *_: "")


class Harnesses:
    """Leaves the result of lm-eval for GSM8K and MMLU, and is stopped at one benchmark."""

    def __init__(self, stop_at: str = "") -> None:
        self.ran: list[str] = []
        self.stop_at = stop_at

    def __call__(self, job: HarnessJob, out: Path) -> str:
        if job.benchmark == self.stop_at:
            raise KeyboardInterrupt
        self.ran.append(job.benchmark)
        folder = out / "results" / job.benchmark
        if job.benchmark == "gsm8k":
            made.lm_eval(folder, [1.0, 0.0])
        elif job.benchmark == "mmlu":
            made.mmlu(folder, {"law": [1.0, 1.0]})
        return ""


@pytest.mark.parametrize("stop_at", ["gsm8k", "mmlu", "truthfulqa", "mt-bench"])
def test_stopped_anywhere_it_goes_on_without_what_has_a_result(stop_at: str, tmp_path: Path) -> None:
    first, second = Harnesses(stop_at), Harnesses()
    with pytest.raises(KeyboardInterrupt):
        benchmarks(made.MODEL, tmp_path / "b", run=first)
    done = benchmarks(made.MODEL, tmp_path / "b", run=second)
    assert [one.benchmark for one in done.report.measured] == ["gsm8k", "mmlu"]
    finished = {"gsm8k", "mmlu"} & set(first.ran)
    assert not finished & set(second.ran)
    assert set(second.ran) == BENCHMARKS.keys() - finished
    assert "left no result" in done.report.open["humaneval"]


def test_a_part_of_the_benchmarks_can_be_asked_for_and_more_later(tmp_path: Path) -> None:
    benchmarks(made.MODEL, tmp_path / "b", config=BenchmarksConfig(only=("mmlu",)), run=Harnesses())
    both = Harnesses()
    done = benchmarks(made.MODEL, tmp_path / "b", config=BenchmarksConfig(only=("mmlu", "gsm8k")), run=both)
    assert both.ran == ["gsm8k"]
    assert len(done.report.measured) == 2


def test_a_model_that_is_gone_is_still_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    there = benchmarks("mine", tmp_path / "b", run=Harnesses())
    (tmp_path / "mine").rmdir()
    assert benchmarks("mine", tmp_path / "b", collect=True).report.model == there.report.model
    assert Path(there.report.model).is_absolute()


@pytest.mark.parametrize("code", ["evalplus", "bigcode"])
@pytest.mark.parametrize("backend", ["hf", "vllm"])
def test_every_benchmark_has_a_command_for_a_shell(code: str, backend: str, tmp_path: Path) -> None:
    asked = Handoff("a model/it's", tmp_path, backend, code)  # type: ignore[arg-type]
    every = jobs_of(tuple(BENCHMARKS), asked)
    assert [job.benchmark for job in every] == list(BENCHMARKS)
    for job in every:
        said = [*(word for words in job.commands for word in words), *job.files.values()]
        assert any("a model/it's" in text for text in said)
        assert all(line.startswith("(") for line in job.lines)
        assert job.needs
        assert any(sign.isdigit() for sign in job.harness) or code == "bigcode"
