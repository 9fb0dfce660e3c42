"""What harnesses leave, read back: figures worked out by hand, and files that are not as they should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import harness_results as made
from autoevol.core.errors import InputError
from autoevol.harnesses.chat import alpaca_readings, mt_bench_readings
from autoevol.harnesses.code import code_readings
from autoevol.harnesses.lm_eval import lm_eval_readings
from autoevol.harnesses.measured import BenchmarkFigure, Reading
from autoevol.metrics.intervals import clopper_pearson

READERS: tuple[Callable[[Path, str], Iterator[Reading]], ...] = (
    lm_eval_readings,
    code_readings,
    alpaca_readings,
    mt_bench_readings,
)


def read(folder: Path, model: str = made.MODEL) -> dict[str, BenchmarkFigure]:
    every = [reading for reader in READERS for reading in reader(folder, model)]
    return {one.measured.benchmark: one.measured for one in every}


def test_of_lm_eval_one_filter_counts_and_the_interval_is_exact(tmp_path: Path) -> None:
    path = made.lm_eval(tmp_path / "gsm8k" / "mine", [1, 0, 0, 1, 1, 1, 0, 0])
    (found,) = read(tmp_path).values()
    low, high = clopper_pearson(4, 8)
    assert (found.value, found.low, found.high, found.items) == (50.0, 100 * low, 100 * high, 8)
    assert (found.interval, found.harness, found.file) == ("Clopper-Pearson", "lm-eval 0.4.13", str(path))
    assert found.note == ""
    (reading,) = lm_eval_readings(tmp_path, made.MODEL)
    assert made.QUESTIONS[0] in [text for _, text in reading.texts]


def test_the_newest_run_of_lm_eval_counts(tmp_path: Path) -> None:
    made.lm_eval(tmp_path / "b", [0.0] * 8, date="2026-11-28T10-00-00.1")
    made.lm_eval(tmp_path / "a", [1.0] * 8, date="2026-11-29T10-00-00.1")
    assert read(tmp_path)["gsm8k"].value == 100.0


def test_a_group_is_measured_over_the_items_of_its_tasks(tmp_path: Path) -> None:
    made.mmlu(tmp_path, {"anatomy": [1, 1, 1, 0], "law": [0, 0, 0, 0, 0, 1]})
    found = read(tmp_path)["mmlu"]
    assert (found.value, found.items, found.interval) == (40.0, 10, "Clopper-Pearson")


def test_points_between_right_and_wrong_are_bootstrapped(tmp_path: Path) -> None:
    made.lm_eval(tmp_path, [0.25, 0.75, 0.5, 0.5])
    found = read(tmp_path)["gsm8k"]
    assert found.interval == "bootstrap over items"
    assert found.low is not None
    assert found.high is not None
    assert 25 <= found.low < found.value == 50.0 < found.high <= 75


def test_without_items_the_error_of_the_harness_makes_the_interval(tmp_path: Path) -> None:
    made.lm_eval(tmp_path, [])
    found = read(tmp_path)["gsm8k"]
    assert found.low == pytest.approx(50 - 1.96 * 5, abs=1e-2)
    assert (found.items, found.interval) == (0, "the harness's standard error")


def test_what_differs_from_the_papers_is_told(tmp_path: Path) -> None:
    made.lm_eval(tmp_path, [1.0, 0.0], **{"n-shot": {"gsm8k": 0}, "config": {"limit": 2.0}})
    assert read(tmp_path)["gsm8k"].note == "0 shots, not 5; cut off by --limit 2.0"
    made.lm_eval(tmp_path, [1.0], "2026-11-30T1", **{"n-shot": {"gsm8k": [1, {}]}, "config": {"limit": [2]}})
    assert read(tmp_path)["gsm8k"].note == "[1, {}] shots, not 5; cut off by --limit [2]"
    made.alpaca(tmp_path, [2.0, 1.0], other="gpt4_turbo")
    assert read(tmp_path)["alpaca-eval"].note == "against gpt4_turbo, not text_davinci_003"
    made.judgements(tmp_path, [(81, 1, 7.0)])
    assert read(tmp_path)["mt-bench"].note == "1 of 80 questions"


def test_humaneval_is_the_share_of_its_own_tests(tmp_path: Path) -> None:
    made.evalplus(tmp_path, [[True]] * 41 + [[False]] * 123)
    found = read(tmp_path)["humaneval"]
    assert (found.value, found.items, found.interval, found.note) == (25.0, 164, "Clopper-Pearson", "")


def test_several_samples_of_a_task_are_averaged(tmp_path: Path) -> None:
    made.evalplus(tmp_path, [[True, False], [True, True]])
    found = read(tmp_path)["humaneval"]
    assert (found.value, found.interval, found.note) == (75.0, "bootstrap over items", "2 of 164 tasks")


def test_bigcode_has_no_items(tmp_path: Path) -> None:
    made.bigcode(tmp_path)
    found = read(tmp_path)["humaneval"]
    assert (found.value, found.low, found.interval) == (25.0, None, "none: no items")


def test_alpaca_eval_counts_preferences(tmp_path: Path) -> None:
    # Two wins, a loss, two ties in both notations, and a reply that could not be read.
    made.alpaca(tmp_path, [2.0, 2.0, 1.0, 1.5, 0.0, None])
    found = read(tmp_path)["alpaca-eval"]
    assert (found.value, found.items, found.note) == (60.0, 5, "")


def test_without_annotations_the_leaderboard_counts(tmp_path: Path) -> None:
    made.leaderboard(tmp_path)
    found = read(tmp_path)["alpaca-eval"]
    assert (found.value, found.items) == (60.0, 805)
    assert found.low == pytest.approx(60 - 1.96 * 1.5, abs=1e-2)


def test_mt_bench_is_the_mean_over_questions_and_the_last_judgement_counts(tmp_path: Path) -> None:
    grades = [(81, 1, 2.0), (81, 1, 8.0), (81, 2, 6.0), (82, 1, 9.0), (82, 2, -1.0)]
    made.judgements(tmp_path, grades)
    found = read(tmp_path)["mt-bench"]
    assert (found.value, found.items) == (8.0, 2)  # (8 + 6) / 2, and 9


def results(folder: Path, content: object) -> None:
    made.write(folder / "results_1.json", content)


def plus(folder: Path, content: object) -> None:
    made.write(folder / "x_eval_results.json", content)


def judged(folder: Path, content: object) -> None:
    made.write(folder / "annotations.json", content)


def graded(folder: Path, content: object) -> None:
    made.write(folder / "gpt-4_single.jsonl", content)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda to: results(to, "{"), r"results_1.json, line 1: not valid JSON"),
        (lambda to: results(to, [1]), "an object is expected, not"),
        (lambda to: results(to, {}), "no result file of lm-eval"),
        (lambda to: results(to, {"results": {"gsm8k": 3}}), "task gsm8k: an object"),
        (lambda to: results(to, {"results": {"gsm8k": {}}}), "should be a number from 0 to 1"),
        (lambda to: made.lm_eval(to, [1.0], model_name="other/\nmodel"), "is of the model other/ model, not"),
        (lambda to: made.lm_eval(to, [2.0]), "should be a number from 0 to 1, not 2.0"),
        (lambda to: made.lm_eval(to, [2.0, 0.0]), "line 1: 'exact_match' should be a number from 0 to 1"),
        (lambda to: made.lm_eval(to, [1.0], results={"gsm8k": {"exact_match": 0.5}}), "of another run"),
        (lambda to: plus(to, {"eval": {}}), "holds no task"),
        (lambda to: plus(to, {"eval_loss": 1.0}), "'eval': an object is expected"),
        (lambda to: plus(to, {"eval": {"a": [{"base_status": "ok"}]}}), "is none of"),
        (lambda to: plus(to, {"eval": {"a": []}}), "task a has no sample"),
        (lambda to: made.bigcode(to, model="other/model"), "is of the model other/model"),
        (lambda to: made.bigcode(to, rate=25.0), "'pass@1' should be a number from 0 to 1, not 25.0"),
        (lambda to: (made.bigcode(to), made.evalplus(to, [[True]])), "2 results of HumanEval, keep one"),
        (lambda to: made.alpaca(to, [0.7]), "annotation 1: 'preference' should be a number from 1"),
        (lambda to: judged(to, {}), "a list is expected"),
        (lambda to: judged(to, [{"generator_2": "x"}]), "no annotation of mine; it has x"),
        (lambda to: judged(to, "[]"), "it has none at all"),
        (lambda to: made.leaderboard(to, "other"), "has no row of mine; it has gpt4, other"),
        (lambda to: (to / "leaderboard.csv").write_bytes(b"\xff\xfe,\n"), "cannot be read as CSV"),
        (lambda to: made.judgements(to, [(81, 1, 11.0)]), "line 1: 'score' should be a number from -1 to 10"),
        (lambda to: made.judgements(to, [(81, 3, 7.0)]), "'turn' should be a number from 1 to 2"),
        (lambda to: made.judgements(to, [(81, 1, 7.0)], model="other"), "no grade of mine; it has other"),
        (lambda to: graded(to, '{"model": "mine"}\n{"model'), "line 1: 'score'"),
        (lambda to: graded(to, "[[[["), "line 1: not valid JSON"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_as_it_should_be_is_one_sentence_with_its_place(
    make: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    make(tmp_path)
    with pytest.raises(InputError, match=said) as raised:
        read(tmp_path)
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["results", "gsm8k", "eval", "config", "n-shot", "model", "score", "humaneval"]),
        inner,
        max_size=3,
    ),
    max_leaves=12,
)  # fmt: skip


@given(
    name=st.sampled_from(
        ["results_1.json", "a_eval_results.json", "evaluation_results.json", "annotations.json",
         "leaderboard.csv", "gpt-4_single.jsonl"]
    ),
    content=_JSON | st.binary(max_size=40),
)  # fmt: skip
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_file_holds_nothing_else_is_raised(name: str, content: object, tmp_path: Path) -> None:
    for old in tmp_path.iterdir():
        old.unlink()
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    else:
        made.write(tmp_path / name, content)
    with suppress(InputError):
        assert all(0 <= one.value <= 100 for one in read(tmp_path).values())
