"""Calibration where it is used: parts of labelled pairs, the nearest figures, gains beside the raters'."""

import json
import math
from pathlib import Path
from typing import Any

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.commands.calibrate import Judging, calibrate_agreement, measure_with
from autoevol.core.errors import InputError
from autoevol.core.records import Evolution, Outcome, Trajectory
from autoevol.metrics.calibration import Calibration, calibrate_detector, count_verdicts, load
from autoevol.metrics.catalog import ENOUGH, calibration_of, make_detector, nearest
from autoevol.metrics.domains import CODE, GENERAL, MATH, domain_of
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.harder import proxy_gain
from autoevol.metrics.intervals import spearman
from autoevol.metrics.judge import LMDetector
from autoevol.metrics.labels import Labelled, parse_labelled, strength_of
from autoevol.metrics.parts import parts_of
from autoevol.metrics.tables import render_table
from detector_cases import CODE as CODE_TASK
from detector_cases import HARDER, SUM, case
from metrics_support import real_data, scripted_lm

ESSAY = "Write an essay about honesty."


def pair(number: int, original: str = SUM, fatal: bool = False, **more: Any) -> Labelled:
    return parse_labelled(
        {
            "id": str(number),
            "original": original,
            "evolved": f"{original} {number}",
            "response": None,
            "ok": not fatal,
            "fatal": fatal,
            "kinds": ["unsolvable"] if fatal else [],
            **more,
        }
    )


def mixed() -> list[Labelled]:
    tasks = [(SUM, "frontier LM"), (SUM, "SmolLM2-135M, compact"), (CODE_TASK, "frontier LM"), (ESSAY, "")]
    return [
        pair(10 * n + k, task, fatal=k < 5, source=source)
        for n, (task, source) in enumerate(tasks)
        for k in range(7)
    ]


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        (SUM, MATH),
        (HARDER, MATH),
        (CODE_TASK, CODE),
        (ESSAY, GENERAL),
        ("SELECT a FROM b;\nWhat is it?", CODE),
    ],
)
def test_domains_are_told_by_the_text(text: str, domain: str) -> None:
    assert domain_of(text) == domain


def test_domains_of_real_seeds() -> None:
    path = real_data("gsm8k_train_1000.jsonl")
    if path is None:
        pytest.skip("no seeds here: set AUTOEVOL_DATA to the folder that has gsm8k_train_1000.jsonl")
    questions = [json.loads(line)["question"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert sum(domain_of(question) == MATH for question in questions) >= 0.95 * len(questions)


@pytest.mark.parametrize(
    ("name", "strength"),
    [("frontier LM, initial method", "strong"), ("local/smollm2", "weak"), ("SmolLM2-135M, compact", "weak"),
     ("Qwen2.5-0.5B-Instruct", "weak"), ("gpt-3.5, initial method", ""), ("Llama-3.1-70B", "")],
)  # fmt: skip
def test_strength_is_told_only_where_a_name_says_so(name: str, strength: str) -> None:
    assert strength_of(name) == strength


def test_parts_are_told_once() -> None:
    pairs = mixed()
    parts = dict(parts_of(pairs))
    # Math and weak is all that is weak, code and strong is all code: those are not parts of their own.
    assert set(parts) == {
        ("math", ""), ("code", ""), ("general", ""), ("", "strong"), ("", "weak"), ("math", "strong"),
    }  # fmt: skip
    assert parts_of([one for one in pairs if one.domain == GENERAL]) == []


def test_the_nearest_figures_are_quoted() -> None:
    text = default_text_ensemble()
    known = [calibrate_detector(mixed(), text)]
    for domain, strength, part in [
        (MATH, "strong", "math, strong evol LM"),
        (MATH, "", "math"),
        (CODE, "weak", "code"),
        ("", "weak", "weak evol LM"),
        ("", "", ""),
        ("poetry", "", ""),
    ]:
        found = nearest(known, "text", domain, strength)
        assert found is not None
        assert found.part == part
        assert not part or f"({part})" in found.sentence()
    assert nearest(known, "other") is None


def test_a_part_with_too_few_broken_pairs_is_passed_over() -> None:
    pairs = [pair(n, SUM, fatal=n < ENOUGH) for n in range(9)] + [
        pair(n, ESSAY, n < 14) for n in range(10, 19)
    ]
    known = [calibrate_detector(pairs, default_text_ensemble())]
    quoted = {domain: nearest(known, "text", domain) for domain in (MATH, GENERAL)}
    assert {domain: found and found.part for domain, found in quoted.items()} == {MATH: "math", GENERAL: ""}


def test_labels_of_the_own_rows_come_first(tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    row = {
        "id": "1",
        "original": SUM,
        "evolved": SUM,
        "response": None,
        "ok": False,
        "fatal": True,
        "kinds": [],
    }
    own.write_text(json.dumps(row))
    found = calibration_of("text", own)
    assert found is not None
    assert found.pairs == 1
    with pytest.raises(InputError, match="calibrate --judge-model"):
        calibration_of("text+lm-judge", own)
    shipped = calibration_of("text", domain=MATH)
    assert shipped is not None
    assert shipped.part == "math"


def test_a_metric_knows_what_its_rows_are_about() -> None:
    metric = FailureMetric()
    assert metric.domain == ""
    for _ in range(9):
        metric.judge(case(SUM, HARDER))
    assert metric.domain == MATH
    for _ in range(9):
        metric.judge(case(ESSAY, ESSAY))
    assert metric.domain == ""


def test_parts_are_saved_and_read_and_shown(tmp_path: Path) -> None:
    found = calibrate_detector([*mixed(), pair(99, SUM, gain=[1, 2])], default_text_ensemble())
    assert Calibration.from_json(json.loads(json.dumps(found.to_json()))) == found
    (tmp_path / "c.json").write_text(json.dumps([found.to_json()]))
    assert load(tmp_path / "c.json") == [found]
    table = render_table([found])
    assert "by domain and strength" in table
    assert "math, strong evol LM" in table
    assert "gain by proxy" in table


REPLY = "gain: {gain}\nresponse_right: {right}\nreason: Read.\nseverity: {severity}"


def test_gain_and_response_are_measured_against_the_raters() -> None:
    rows = [pair(n, gain=[n % 4, n % 4], response=f"Response {n}.", response_ok=n % 2 == 0) for n in range(8)]
    told = iter(range(8))
    lm, _ = scripted_lm(lambda _: REPLY.format(gain=next(told) % 4, right="yes", severity=0))
    judge = LMDetector()
    with dspy.context(lm=lm):
        found = count_verdicts(rows, [judge.judge(row.trajectory) for row in rows], judge.name, judge.kinds)
    assert found.gain is not None
    assert (found.gain.by, found.gain.pairs, found.gain.error) == ("judge", 8, 0)
    assert found.gain.correlation == pytest.approx(1)
    right = found.confusions["response right"]
    assert (right.tp, right.fp) == (4, 4)


def test_the_spread_of_samples_and_repeats_is_printed() -> None:
    answers = iter(["0", "2", "2", "0", "0", "0", "1", "1", "1", "0", "0", "0"])
    lm, _ = scripted_lm(lambda _: REPLY.format(gain=1, right="yes", severity=next(answers)))
    rows = [pair(1), pair(2, fatal=True)]
    found = measure_with(rows, lm, LMDetector(samples=3), Judging(samples=3, hints=False, repeat=2))
    table = render_table(found)
    assert found[0].unanimous == 0.5
    assert "the samples agree on the severity of 50% of the pairs" in table
    assert "over 2 measurements, lowest to highest:" in table


def test_agreement_asks_word_problems_that_text_lets_pass_and_nothing_else() -> None:
    answers = iter(["The answer is: 1.", "The answer is: 2.", "The answer is: 3."] * 9)
    lm, engine = scripted_lm(lambda _: next(answers))
    detector = make_detector("agreement", 3)
    assert detector.calls == 6
    with dspy.context(lm=lm):
        assert detector.judge(case(SUM, SUM)).outcome is Outcome.FAILED
        assert (
            detector.judge(case(ESSAY, ESSAY[:-1] + " in 500 words, with two sources of it.")).outcome
            is Outcome.PASSED
        )
        assert engine.prompts == []
        assert detector.judge(case(SUM, HARDER)).kinds == ("unsolvable",)
    assert len(engine.prompts) == 3
    broken = pair(1, SUM, fatal=True, evolved=HARDER)
    (found,) = calibrate_agreement([broken, pair(2, evolved=HARDER)], lm, 3)
    assert found.detector == "text+agreement"
    assert (found.confusions["fatal"].tp, found.confusions["fatal"].fp) == (1, 1)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=20))
def test_rank_correlation_properties(values: list[tuple[int, int]]) -> None:
    first, second = zip(*values, strict=True)
    found = spearman(first, second)
    if math.isnan(found):
        assert len(set(first)) == 1 or len(set(second)) == 1
    else:
        assert -1 - 1e-9 <= found <= 1 + 1e-9
        assert spearman(first, [-value for value in second]) == pytest.approx(-found)
        assert spearman(first, [3 * value + 7 for value in second]) == pytest.approx(found)


@given(st.text(), st.none() | st.text())
def test_the_proxy_stays_in_its_range(seed: str, evolved: str | None) -> None:
    assert 0 <= proxy_gain(Trajectory((Evolution(seed, evolved, evolved or ""),))) <= 3
