"""Compiling the judge with DSPy's own optimizers against labelled pairs, on a scripted engine.

The model is *simulated*: it finds no fault until its prompt tells it to try the task first.
"""

import json
from collections.abc import Callable
from pathlib import Path

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.commands.calibrate import calibrate_judge
from autoevol.core.errors import InputError
from autoevol.core.records import FailureKind
from autoevol.metrics.calibration import Calibration
from autoevol.metrics.judge import JUDGED_KINDS, Judge, Judgement, LMDetector
from autoevol.metrics.labels import Labelled, load_labelled
from autoevol.metrics.training import judge_agreement, judge_examples, load_judge
from metrics_support import main, scripted_lm
from servers import Answer, Endpoint, says

SAMPLES = Path(__file__).parents[2] / "src" / "autoevol" / "samples" / "labelled.jsonl"
# Pairs whose faults take reading, and sound ones; every other one is kept to measure on.
PAIRS = [
    pair
    for pair in load_labelled(SAMPLES)
    if pair.trajectory.evolved and len(pair.trajectory.evolved) > 40 and pair.kinds <= JUDGED_KINDS
]
TRAIN, TEST = PAIRS[:48:2], PAIRS[1:48:2]
ADVICE = "Carry out the rewrite before you judge it"
COUNSEL = f"{ADVICE}, and name each fault that stopped you."


def judgement(kinds: str, severity: int) -> str:
    return f"[[ ## reason ## ]]\nSeen.\n\n[[ ## kinds ## ]]\n{kinds}\n\n[[ ## severity ## ]]\n{severity}"


def simulated(prompt: str) -> str:
    """Proposes the advice when asked for instructions; judges rightly only under it."""
    if "proposed_instruction" in prompt:
        return (
            f"[[ ## proposed_instruction ## ]]\n{COUNSEL}\n\n"
            "[[ ## proposed_prefix_for_output_field ## ]]\nComplexity 2:\n\n[[ ## completed ## ]]"
        )
    if "new_instruction" in prompt:
        return json.dumps({"new_instruction": COUNSEL})
    pair = next(pair for pair in PAIRS if (pair.trajectory.evolved or "?") in prompt)
    if ADVICE not in prompt or not pair.kinds:
        return judgement("none", 0)
    return judgement(", ".join(sorted(pair.kinds)), 2 if pair.fatal else 1)


def measured(judge: Judge, pairs: list[Labelled]) -> Calibration:
    alone, _ = calibrate_judge(pairs, scripted_lm(simulated)[0], LMDetector(judge))
    return alone


def instructions(judge: Judge) -> str:
    return str(getattr(judge.read.signature, "instructions", ""))


@pytest.fixture
def lm() -> dspy.LM:
    return scripted_lm(simulated)[0]


def compiled_by_copro(lm: dspy.LM) -> Judge:
    copro = dspy.COPRO(metric=judge_agreement, breadth=2, depth=1)
    with dspy.context(lm=lm):
        return copro.compile(
            Judge(),
            trainset=judge_examples(TRAIN),
            eval_kwargs={"num_threads": 1, "display_progress": False},
        )


def compiled_by_gepa(lm: dspy.LM) -> Judge:
    gepa = dspy.GEPA(metric=judge_agreement, reflection_lm=lm, max_metric_calls=60, num_threads=1)
    with dspy.context(lm=lm):
        judge = gepa.compile(Judge(), trainset=judge_examples(TRAIN[:12]), valset=judge_examples(TRAIN[12:]))
    assert isinstance(judge, Judge)
    return judge


@pytest.mark.parametrize("compiled", [compiled_by_copro, compiled_by_gepa])
def test_a_compiled_judge_agrees_better_with_the_labels(
    compiled: Callable[[dspy.LM], Judge], lm: dspy.LM
) -> None:
    before = measured(Judge(), TEST)
    judge = compiled(lm)
    assert instructions(judge) != instructions(Judge())
    assert ADVICE in instructions(judge)
    after = measured(judge, TEST)
    # On pairs that it was not compiled on. Not 1: two `answered` pairs are labelled fatal, which the
    # taxonomy does not call them.
    assert before.confusions["fatal"].mcc == 0
    assert after.confusions["fatal"].mcc > 0.8
    assert after.confusions["usable"].mcc > before.confusions["usable"].mcc
    assert after.unscored == before.unscored == 0


def test_a_compiled_judge_is_saved_and_measured_by_the_command(
    tmp_path: Path, lm: dspy.LM, capsys: pytest.CaptureFixture[str]
) -> None:
    judge = compiled_by_copro(lm)
    judge.save(str(tmp_path / "judge.json"))
    assert instructions(load_judge(tmp_path / "judge.json")) == instructions(judge)
    labels = tmp_path / "labels.jsonl"
    lines = SAMPLES.read_text(encoding="utf-8").splitlines()
    wanted = {pair.id for pair in TEST[:8]}
    labels.write_text("\n".join(line for line in lines if json.loads(line)["id"] in wanted), encoding="utf-8")
    seen: list[str] = []

    def answer(body: dict[str, object]) -> Answer:
        seen.append(json.dumps(body))
        return says(judgement("unsolvable", 2))

    with Endpoint(answer) as served:
        words = [str(labels), "--json", "--judge-model", "any", "--api-base", served.url]
        words += ["--judge", str(tmp_path / "judge.json"), "--store", str(tmp_path / "calls.sqlite")]
        assert main(words) == 0
    assert len(seen) >= 8
    assert all(ADVICE in body for body in seen)
    capsys.readouterr()
    assert main([str(labels), "--judge", str(tmp_path / "judge.json")]) == 2
    assert "--judge-model" in capsys.readouterr().err


def test_a_judge_that_was_saved_with_an_lm_asks_the_one_of_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judge = Judge()
    judge.read.lm = dspy.LM("openai/own", api_key="own", cache=False)
    path = tmp_path / "judge.json"
    judge.save(str(path))
    state = json.loads(path.read_text())
    assert state["read"]["lm"]["model"] == "openai/own"
    with Endpoint(lambda _: says(judgement("none", 0))) as own:
        # Where DSPy would go with that LM, and settings that it would add to every call.
        monkeypatch.setenv("OPENAI_BASE_URL", own.url)
        monkeypatch.setenv("OPENAI_API_BASE", own.url)
        state["read"]["config"] = {"n": 3, "api_base": own.url}
        path.write_text(json.dumps(state))
        with Endpoint(lambda _: says(judgement("none", 0))) as served:
            words = [
                str(SAMPLES),
                "--limit",
                "30",
                "--judge-model",
                "any",
                "--api-base",
                served.url,
                "--judge",
            ]
            words += [str(path), "--store", str(tmp_path / "calls.sqlite"), "--max-calls", "5"]
            assert main(words) == 3
            assert len(served.seen) == 5
        assert own.seen == []
    assert "budget" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "{", '{"other": {}}', "[]"])
def test_what_is_no_saved_judge_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "judge.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"judge\.json"):
        load_judge(path)


def test_examples_leave_out_what_teaches_nothing() -> None:
    examples = judge_examples(load_labelled(SAMPLES))
    assert 0 < len(examples) < len(load_labelled(SAMPLES))
    assert all(set(example.inputs().keys()) == {"original", "evolved", "response"} for example in examples)


def said(kinds: tuple[FailureKind, ...], severity: int) -> dspy.Prediction:
    return dspy.Prediction(judgement=Judgement(kinds, severity, "The price is missing."))


def test_agreement_by_hand() -> None:
    broken = dspy.Example(usable=False, fatal=True, kinds=("unsolvable",))
    # What a judge says by its severity counts, whatever kinds it names.
    assert judge_agreement(broken, said((FailureKind.STAGNANT,), 2)) == 1.0
    assert judge_agreement(broken, said((FailureKind.UNSOLVABLE,), 1)) == 0.5
    assert judge_agreement(broken, said((), 0)) == 0.0
    assert judge_agreement(broken, None) == judge_agreement(broken, dspy.Prediction(judgement=None)) == 0.0
    disputed = dspy.Example(usable=False, fatal=None, kinds=())
    assert judge_agreement(disputed, said((FailureKind.STAGNANT,), 1)) == 1.0
    told = judge_agreement(broken, said((FailureKind.STAGNANT,), 1), pred_name="read")
    assert isinstance(told, dspy.Prediction)
    assert told.score == 0.5
    assert "stagnant" in told.feedback
    assert "unsolvable" in told.feedback


@given(
    st.none() | st.booleans(),
    st.none() | st.booleans(),
    st.lists(st.sampled_from(sorted(JUDGED_KINDS)), max_size=3),
    st.integers(0, 2),
)
def test_agreement_is_a_share(
    usable: bool | None,
    fatal: bool | None,
    kinds: list[FailureKind],
    severity: int,
) -> None:
    gold = dspy.Example(usable=usable, fatal=fatal, kinds=())
    found = judge_agreement(gold, said(tuple(kinds), severity))
    assert found in (0.0, 0.5, 1.0)
    turned = dspy.Example(
        usable=None if usable is None else not usable, fatal=None if fatal is None else not fatal, kinds=()
    )
    other = judge_agreement(turned, said(tuple(kinds), severity))
    assert isinstance(found, float)
    assert isinstance(other, float)
    assert found + other == (0.0 if usable is fatal is None else 1.0)
