"""Who decides: facts by rule, all else by the judge. Replayed over both labelled sets."""

import re
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

import dspy
import pytest

from autoevol.core.records import FailureKind, Outcome, Verdict
from autoevol.metrics.cascade import Cascade
from autoevol.metrics.ensemble import default_text_ensemble, text_facts
from autoevol.metrics.judge import LMDetector
from autoevol.metrics.labels import Labelled, load_labelled
from metrics_support import real_data, scripted_lm

OWN = Path(str(resources.files("autoevol.samples"))) / "labelled.jsonl"
REAL = ("labelled_evolutions.jsonl", "labelled_evolutions_2.jsonl")


def pairs_of(name: str) -> list[Labelled]:
    path = OWN if name == "own" else real_data(name)
    if path is None:
        pytest.skip(f"no real labelled pairs here: set AUTOEVOL_DATA to the folder that has {name}")
    return [pair for pair in load_labelled(path) if pair.trajectory.evolved is not None]


def replies(pairs: Sequence[Labelled]) -> Callable[[str], str]:
    """A scripted judge that says what the raters said; nothing here measures a model."""

    def answer(prompt: str) -> str:
        shown = re.search(r"<<<rewrite (\w+)>>>\n(.*?)\n<<<end of rewrite \1>>>", prompt, re.DOTALL)
        assert shown
        pair = next(pair for pair in pairs if pair.trajectory.evolved == shown.group(2))
        severity = 2 if pair.fatal else 0 if pair.usable else 1
        kinds = ", ".join(sorted(kind for kind in pair.kinds)) or "none"
        return f"work: so and so\nkinds: {kinds}\nreason: Read.\nseverity: {severity}"

    return answer


@pytest.mark.parametrize("hints", [True, False])
@pytest.mark.parametrize("name", [*REAL, "own"])
def test_the_cascade_says_what_the_judge_says_wherever_text_finds_no_fact(name: str, hints: bool) -> None:
    pairs = pairs_of(name)
    text, judge, facts = default_text_ensemble(), LMDetector(), text_facts()
    cascade = Cascade(text, judge, hints=hints)
    lm, engine = scripted_lm(replies(pairs))
    overruled = 0
    with dspy.context(lm=lm):
        for pair in pairs:
            fact = facts.judge(pair.trajectory)
            before = len(engine.prompts)
            found = cascade.judge(pair.trajectory)
            asked = engine.prompts[before:]
            noticed = text.judge(pair.trajectory)
            if fact.outcome is Outcome.FAILED:
                assert not asked
                assert found.kinds == fact.kinds
                continue
            told = judge.judge(pair.trajectory)
            assert found == Verdict(told.outcome, told.kinds, told.reason, cascade.name, told.assessment)
            assert len(asked) == 1
            assert (noticed.reason in asked[0]) == (
                hints and noticed.outcome is Outcome.FAILED
            ) or not noticed.reason
            overruled += noticed.outcome is Outcome.FAILED and found.outcome is Outcome.PASSED
    # The text rules alone would have thrown some of these away.
    assert overruled or name == REAL[1]


def test_facts_are_what_needs_no_reader() -> None:
    assert text_facts().kinds == {
        FailureKind.EMPTY, FailureKind.UNPARSED, FailureKind.TRUNCATED, FailureKind.REFUSED,
        FailureKind.UNCHANGED, FailureKind.LEAKED,
    }  # fmt: skip


@pytest.mark.parametrize("name", [*REAL, "own"])
def test_facts_throw_away_nothing_usable(name: str) -> None:
    usable = [pair for pair in pairs_of(name) if pair.usable]
    assert [p.id for p in usable if text_facts().judge(p.trajectory).outcome is Outcome.FAILED] == []
