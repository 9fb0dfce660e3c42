"""Contamination: whole texts, 13-grams and 8-grams, on planted and on real data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.errors import InputError
from autoevol.dataset.benchmarks import Benchmarks, Kind

LONG = "a farmer plants twelve rows of corn and seven rows of beans in his field every spring"
WORDS = LONG.split()


def kinds(benchmarks: Benchmarks, text: str) -> list[Kind]:
    return [overlap.kind for overlap in benchmarks.overlaps(text)]


@given(st.integers(0, len(WORDS)), st.integers(0, len(WORDS)))
def test_a_run_is_found_by_its_length(start: int, size: int) -> None:
    run = WORDS[start : start + size]
    found = kinds(Benchmarks([("b", LONG)]), " ".join(["Xx", *run, "Yy"]))
    assert found == [kind for kind, least in ((Kind.LONG, 13), (Kind.SHORT, 8)) if len(run) >= least]


def test_equal_texts_whatever_the_case_and_the_signs() -> None:
    benchmarks = Benchmarks([("b", "What is 3 plus 4?"), ("c", "Math"), ("d", LONG)])
    assert kinds(benchmarks, "what IS (3 plus 4)") == [Kind.WHOLE]
    assert kinds(benchmarks, "Say: what is 3 plus 4?") == []
    assert kinds(benchmarks, "math") == []
    assert kinds(benchmarks, LONG.upper()) == [Kind.WHOLE, Kind.LONG, Kind.SHORT]


def test_a_benchmark_too_short_for_a_run_is_found_inside_a_longer_text() -> None:
    benchmarks = Benchmarks([("b", "Explain why the sky is blue during the day")])
    (whole, short) = benchmarks.overlaps("First, explain why the sky is blue during the day, then prove it.")
    assert (whole.kind, short.kind) == (Kind.WHOLE, Kind.SHORT)
    assert whole.text == "explain why the sky is blue during the day"


def test_sums_are_no_prose() -> None:
    benchmarks = Benchmarks([("b", "20 * 3 = 60 and 60 * 2 = 120 and 120 * 4 = 480")])
    assert kinds(benchmarks, "So 20 * 3 = 60 and 60 * 2 = 120 and 120 * 4 = 481") == []


def test_all_text_of_a_record_counts_and_its_place_is_told(write: Callable[[str, object], Path]) -> None:
    record = {"task_id": "T/0", "prompt": "def f(x):", "tests": [{"code": LONG}]}
    path = write("bench.jsonl", [record])
    (long, _) = Benchmarks.load([path]).overlaps(f"Once {LONG} again")
    assert long.place == f"{path}, line 1, column 'tests'"


@pytest.mark.parametrize(
    ("content", "told"),
    [(b'{"prompt": "x y z"}\n{"prompt": \n', "line 2: not valid JSON"), ([{"n": 1}], "no text")],
)
def test_a_benchmark_is_read_whole_or_refused(
    content: object, told: str, write: Callable[[str, object], Path]
) -> None:
    with pytest.raises(InputError, match=told):
        Benchmarks.load([write("bench.jsonl", content)])


def test_gsm8k_train_against_its_test_set(data_folder: Path) -> None:
    benchmarks = Benchmarks.load([data_folder / "gsm8k_test.jsonl"])
    lines = (data_folder / "gsm8k_train_1000.jsonl").read_text(encoding="utf-8").splitlines()
    found = Counter(
        overlap.kind for line in lines for overlap in benchmarks.overlaps(json.loads(line)["question"])
    )
    # The paper counts 44 and 202 in 7,473 such problems (table 10); this is their first 1,000.
    assert found == {Kind.LONG: 2, Kind.SHORT: 9}


def test_every_problem_of_humaneval_is_found_in_itself(data_folder: Path) -> None:
    path = data_folder / "humaneval.jsonl"
    benchmarks = Benchmarks.load([path])
    for line in path.read_text(encoding="utf-8").splitlines():
        evolved = "Solve this, and also give its running time.\n" + json.loads(line)["prompt"]
        assert kinds(benchmarks, evolved)
