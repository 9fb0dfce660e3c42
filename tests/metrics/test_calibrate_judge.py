"""The calibration command with an LM judge, end to end over a real socket."""

import json
from pathlib import Path
from typing import Any

import dspy
import pytest

from autoevol.commands.calibrate import HALVES, Pairs, calibrate_judge, load_pairs
from autoevol.core.errors import JudgeUnreadable
from autoevol.core.records import Outcome
from autoevol.metrics.ensemble import text_facts
from autoevol.metrics.labels import load_labelled
from metrics_support import main, scripted_lm
from servers import Answer, Endpoint, says

SAMPLES = Path(__file__).parents[2] / "src" / "autoevol" / "samples" / "labelled.jsonl"


def verdict(kinds: str, severity: int) -> str:
    return f"[[ ## reason ## ]]\nSeen.\n\n[[ ## kinds ## ]]\n{kinds}\n\n[[ ## severity ## ]]\n{severity}"


def always_unsolvable(_: dict[str, Any]) -> Answer:
    return says(verdict("unsolvable", 2))


def test_the_judge_is_measured_beside_the_text_detectors_and_never_asked_the_same_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Endpoint(always_unsolvable) as served:
        command = [
            str(SAMPLES), "--json", "--limit", "12", "--judge-model", "any", "--api-base", served.url,
            "--store", str(tmp_path / "new" / "calls.sqlite"), "--concurrency", "3",
        ]  # fmt: skip
        assert main(command) == 0
        first = capsys.readouterr().out
        asked = len(served.seen)
        # Once alone, and once more where the cascade has something to tell it.
        assert 12 < asked <= 24
        assert len({json.dumps(one.body, sort_keys=True) for one in served.seen}) == asked
        assert served.most_at_once <= 3
        assert main(command) == 0
        assert len(served.seen) == asked
    assert capsys.readouterr().out == first
    results = {result["detector"]: result for result in json.loads(first)}
    assert list(results) == ["text", "paper-rules", "author-rules", "eliminator", "lm-judge", "text+lm-judge"]
    judge, both = results["lm-judge"], results["text+lm-judge"]
    assert judge["pairs"] == both["pairs"] == 12
    # It calls everything broken: all that is broken is found, and all else is a false alarm.
    assert judge["confusions"]["fatal"]["fn"] == judge["confusions"]["fatal"]["tn"] == 0


def test_a_judge_that_can_never_be_read_is_shown_and_not_asked_on() -> None:
    lm, _ = scripted_lm(lambda _: "I think it is rather nice.")
    with pytest.raises(JudgeUnreadable, match="I think it is rather nice"):
        calibrate_judge(load_pairs(Pairs(SAMPLES, 60)), lm)


def test_an_unreadable_judge_leaves_everything_unscored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoevol.metrics.judge._HOPELESS", 1000)
    pairs = load_pairs(Pairs(SAMPLES, 60))
    lm, _ = scripted_lm(lambda _: "I think it is rather nice.")
    judge, both = calibrate_judge(pairs, lm)
    assert judge.unscored == len(pairs)
    # Facts need no judge.
    facts = sum(text_facts().judge(pair.trajectory).outcome is Outcome.FAILED for pair in pairs)
    assert both.unscored == len(pairs) - facts < len(pairs)
    assert both.confusions["fatal"].tp > 0


def test_a_repeated_measurement_draws_fresh_samples() -> None:
    pairs = load_pairs(Pairs(SAMPLES, 10))
    lm, engine = scripted_lm(lambda _: verdict("stagnant", 1))
    found = calibrate_judge(pairs, lm, repeat=3, hints=False)
    assert [one.detector for one in found] == ["lm-judge", "text+lm-judge"] * 3
    assert len(engine.prompts) == 3 * sum(pair.trajectory.evolved is not None for pair in pairs)


def test_a_judge_that_fails_for_good_is_not_held_against_the_pairs() -> None:
    def down(_: str) -> str:
        raise dspy.LMError("down")

    judge, _ = calibrate_judge(load_pairs(Pairs(SAMPLES, 4)), scripted_lm(down)[0])
    assert judge.unscored == 4


def test_the_halves_share_nothing_and_leave_nothing_out() -> None:
    pairs = load_labelled(SAMPLES)
    first, second = ({pair.id for pair in load_pairs(Pairs(SAMPLES, half=half))} for half in HALVES)
    assert not first & second
    assert len(first | second) == len(pairs)


def test_a_limit_takes_the_same_pairs_whatever_the_order(tmp_path: Path) -> None:
    turned = tmp_path / "turned.jsonl"
    turned.write_text("\n".join(reversed(SAMPLES.read_text(encoding="utf-8").splitlines())), encoding="utf-8")
    ids = [pair.id for pair in load_pairs(Pairs(SAMPLES, 9))]
    assert ids == [pair.id for pair in load_pairs(Pairs(turned, 9))]
    assert ids == [pair.id for pair in load_pairs(Pairs(SAMPLES, 20))][:9]


@pytest.mark.parametrize("options", [["--limit", "0"], ["--judge-model", "local/nowhere.gguf"]])
def test_what_cannot_be_used_is_said(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(SAMPLES), "--store", str(tmp_path / "c.sqlite"), *options]) == 2
    assert capsys.readouterr().err
