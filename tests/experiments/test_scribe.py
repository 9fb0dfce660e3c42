"""The simulated optimizer LM answers every optimizer's own prompts, by one model of insight."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import dspy
import pytest
from dspy.lm15 import Request, request_from_openai_chat
from hypothesis import given
from hypothesis import strategies as st

from autoevol.config import LoopConfig
from autoevol.core.fence import without_fences
from autoevol.core.records import FailureKind
from autoevol.experiments.testbed import Testbed, TestbedConfig
from autoevol.experiments.testbed.prompts import Prompt, ToldRewrite, base_method, read_prompt, told_rewrites
from autoevol.experiments.testbed.scribe import Scribe, kinds_shown
from autoevol.experiments.testbed.sentences import CURES, HARMS, IDLE, OPENING
from autoevol.experiments.testbed.texts import SYMPTOMS, evolved_reply, seed_instruction
from autoevol.lm.session import Session
from autoevol.lm.transport import Reply
from autoevol.metrics.failure import FailureMetric
from autoevol.optimization.rivals import APE, OPRO
from autoevol.optimization.teleprompter import AutoEvol, as_examples
from autoevol.programs.evolver import Evolver
from autoevol.programs.tags import read_marked
from autoevol.programs.track_record import TrackRecord, TriedChange
from autoevol.store.calls import CallStore

SURE = replace(TestbedConfig(), insight=0.999, padding=0.0, dropping=0.0, unusable=0.0)
BLIND = replace(SURE, insight=0.0)
ALL_CURES = [cure for cures in CURES.values() for cure in cures]


class Overheard:
    """The world's transport, with every request and reply kept."""

    seeded = True

    def __init__(self, testbed: Testbed) -> None:
        self.inner = testbed.transport()
        self.identity = self.inner.identity
        self.heard: list[tuple[Request, str]] = []

    async def send(self, request: Request) -> Reply:
        reply = await self.inner.send(request)
        self.heard.append((request, reply.text))
        return reply

    async def aclose(self) -> None:
        await self.inner.aclose()

    @property
    def proposals(self) -> list[tuple[Prompt, str]]:
        """Prompts that ask for a method or for advice on one, with the replies."""
        prompts = [(read_prompt(request), reply) for request, reply in self.heard]
        return [
            (prompt, reply)
            for prompt, reply in prompts
            if any("instruction" in name or "method" in name or "advice" in name for name in prompt.wanted)
            and "final_instruction" not in prompt.wanted
        ]


def compile_with(name: str, testbed: Testbed, folder: Path) -> tuple[Any, Overheard]:
    transport = Overheard(testbed)
    metric: Any = FailureMetric()
    train, dev = testbed.rows(12, first=50), testbed.rows(12)
    examples: dict[str, Any] = {"trainset": as_examples(train)}
    student = Evolver(testbed.start)
    with Session(CallStore(folder / "calls.sqlite", power_safe=False)) as session:
        lm = session.lm("testbed/world", transport=transport, temperature=1.0)
        threads: dict[str, Any] = {"num_threads": 2}
        with dspy.context(lm=lm):
            match name:
                case "COPRO":
                    rival: Any = dspy.COPRO(metric=metric, breadth=3, depth=2)
                    return rival.compile(student, **examples, eval_kwargs=threads), transport
                case "MIPROv2":
                    demos = {"max_labeled_demos": 0, "max_bootstrapped_demos": 0}
                    more: dict[str, Any] = {"num_candidates": 3, "seed": 1, **demos, **threads}
                    rival = dspy.MIPROv2(metric=metric, prompt_model=lm, auto=None, **more)
                    trials: dict[str, Any] = {
                        "valset": as_examples(dev),
                        "num_trials": 3,
                        "minibatch": False,
                    }
                    return rival.compile(student, **examples, **trials), transport
                case "SIMBA":
                    rival = dspy.SIMBA(
                        metric=metric, bsize=6, num_candidates=3, max_steps=2, max_demos=0, **threads
                    )
                    return rival.compile(student, **examples, seed=2), transport
                case "GEPA":
                    rival = dspy.GEPA(metric=metric, max_metric_calls=60, reflection_lm=lm, seed=0, **threads)
                    return rival.compile(student, **examples, valset=as_examples(dev)), transport
                case "AutoEvol":
                    rival = AutoEvol(config=LoopConfig(batch_size=6, m=3, steps=2, patience=2))
                case "OPRO":
                    rival = OPRO(steps=2, candidates=3)
                case _:
                    rival = APE(resamplings=1, candidates=3)
            return rival.compile(student, trainset=train, valset=dev), transport


@pytest.mark.parametrize(
    ("name", "informed"),
    [
        ("AutoEvol", True),
        ("GEPA", True),
        ("SIMBA", True),
        ("COPRO", False),
        ("MIPROv2", False),
        ("OPRO", False),
        ("APE", False),
    ],
)
def test_every_optimizer_is_answered_and_only_those_that_show_failures_get_cures_for_sure(
    name: str, informed: bool, tmp_path: Path
) -> None:
    testbed = Testbed(4, SURE)
    compiled, transport = compile_with(name, testbed, tmp_path)
    assert isinstance(compiled, Evolver)
    assert compiled.method.text.startswith(OPENING)
    assert len(transport.proposals) >= 2
    for prompt, reply in transport.proposals:
        assert reply == prompt.reply(_values(prompt, reply))  # in the form that was asked for
        shown = kinds_shown(prompt.text)
        if shown:
            assert informed
            cures = [cure for kind in shown for cure in CURES[kind]]
            assert any(cure in reply for cure in cures)
        else:
            assert any(sentence in reply for sentence in (*ALL_CURES, *IDLE, *_harms()))
    assert any(kinds_shown(prompt.text) for prompt, _ in transport.proposals) is informed


def _harms() -> list[str]:
    return [harm for harms in HARMS.values() for harm in harms]


def _values(prompt: Prompt, reply: str) -> dict[str, str]:
    """What a reply says, read by rules of the test's own."""
    if prompt.form == "json":
        return json.loads(reply)
    if prompt.form == "tags":
        (tag,) = prompt.wanted
        found = read_marked(reply, tag, complete=True)
        assert found
        return {tag: found.text}
    parts = re.split(r"\[\[ ## (\w+) ## \]\]\n?", reply)[1:-1]
    return {key: text.strip() for key, text in zip(parts[::2], parts[1::2], strict=False)}


def test_without_insight_what_is_shown_makes_no_difference() -> None:
    cures = sum(_added(BLIND, place, "Case 1 failed (refused).") in ALL_CURES for place in range(600))
    assert cures / 600 == pytest.approx(0.3, abs=0.07)
    harms = sum(_added(BLIND, place, "") in _harms() for place in range(600))
    assert harms / 600 == pytest.approx(0.2, abs=0.06)


def test_with_insight_the_kind_named_most_often_is_cured_most_often() -> None:
    told = "Case 1 failed (refused).\nCase 2 failed (refused, leaked).\nCase 3 failed (refused)."
    added = [_added(SURE, place, told) for place in range(400)]
    refused = sum(sentence in CURES[FailureKind.REFUSED] for sentence in added)
    leaked = sum(sentence in CURES[FailureKind.LEAKED] for sentence in added)
    assert refused + leaked >= 390
    assert refused / 400 == pytest.approx(0.75, abs=0.08)
    assert set(CURES[FailureKind.REFUSED]) <= set(added)


def test_what_a_checker_names_counts_before_what_quotes_show() -> None:
    quote = evolved_reply(seed_instruction(1), FailureKind.LEAKED, 0, "final_instruction")
    assert kinds_shown(quote) == [FailureKind.LEAKED]
    assert kinds_shown(f"{quote}\nfailed (refused). No.") == [FailureKind.REFUSED]
    assert kinds_shown("Case 1 failed (refused, stagnant, hedged).") == [FailureKind.REFUSED]
    assert kinds_shown("Nothing failed.") == []


def _added(config: TestbedConfig, place: int, feedback: str) -> str:
    fields = {"method": OPENING, "feedback": feedback}
    prompt = Prompt(feedback, fields, ("improved_method",), "tags")
    found = read_marked(Scribe(0, config).reply(prompt, str(place)), "improved_method", complete=True)
    assert found
    return found.text.removeprefix(OPENING).strip()


CURE, OTHER_CURE = CURES[FailureKind.REFUSED][:2]
RECORD = TrackRecord(
    [
        TriedChange(CURE, "", 3, 0, 9, dropped=1),
        TriedChange(f"{OTHER_CURE} {IDLE[0]}", IDLE[1], 1.5, 2, 9),
        TriedChange(IDLE[2], "", 2, 1, 9, kept=True),
        TriedChange(IDLE[3], "", dropped=2),
    ],
    {FailureKind.LEAKED: 5, FailureKind.STAGNANT: 3},
    40,
)


def _told(record: TrackRecord, heeding: float, place: int) -> str:
    """The sentence that is added by who sees `record`, with refusals in the feedback."""
    fields = {"method": OPENING, "feedback": "Case 1 failed (refused)."}
    fields["record"] = without_fences(record.render())
    prompt = Prompt("\n".join(fields.values()), fields, ("improved_method",), "tags")
    scribe = Scribe(0, replace(SURE, heeding=heeding))
    found = read_marked(scribe.reply(prompt, str(place)), "improved_method", complete=True)
    assert found
    return found.text.removeprefix(OPENING).strip()


def test_earlier_rewrites_are_read_as_the_loop_tells_them() -> None:
    prompt = Prompt("", {"record": without_fences(RECORD.render())}, ("improved_method",), "tags")
    assert told_rewrites(prompt) == [
        ToldRewrite(CURE, False, 3),
        ToldRewrite(f"{OTHER_CURE} {IDLE[0]}", False, -0.5),
        ToldRewrite(IDLE[2], True, 1),
        ToldRewrite(IDLE[3], False, 0),
    ]
    assert told_rewrites(Prompt("", {}, (), "tags")) == []


def test_who_heeds_takes_up_what_did_good_and_leaves_alone_what_did_not() -> None:
    assert {_told(RECORD, 0.999, place) for place in range(50)} == {CURE}
    bad = TrackRecord(RECORD.changes[1:])
    assert {_told(bad, 0.999, place) for place in range(100)} == {*CURES[FailureKind.REFUSED]} - {OTHER_CURE}
    assert {_told(bad, 0.0, place) for place in range(100)} == {*CURES[FailureKind.REFUSED]}


def test_kinds_that_are_counted_go_before_those_of_the_cases() -> None:
    kinds = TrackRecord((), RECORD.failures, RECORD.rows)
    assert {_told(kinds, 0.0, place) for place in range(100)} == {*CURES[FailureKind.LEAKED]}


def test_two_methods_are_put_together_sentence_by_sentence() -> None:
    fields = {"method": f"{OPENING} {CURE}", "other_method": f"{OPENING} {OTHER_CURE} {CURE}"}
    prompt = Prompt("", fields, ("improved_method",), "tags")
    assert f"{OPENING} {CURE} {OTHER_CURE}" in Scribe(0, SURE).reply(prompt, "1")


def test_a_sentence_is_dropped_and_one_is_padded_as_often_as_configured() -> None:
    base = f"{OPENING} Keep this. Keep that."
    prompt = Prompt("", {"method": base}, ("improved_method",), "tags")
    changed = replace(SURE, dropping=0.5, padding=0.25)
    written = [Scribe(1, changed).reply(prompt, str(place)) for place in range(600)]
    assert sum(base not in text for text in written) / 600 == pytest.approx(0.5, abs=0.08)
    counts = [len(re.findall(r"[.!?](?=\s)", text)) for text in written]
    kept = [count for count, text in zip(counts, written, strict=True) if base in text]
    assert kept.count(max(kept)) / len(kept) == pytest.approx(0.25, abs=0.08)


def test_a_method_that_has_every_cure_only_gets_longer() -> None:
    prompt = Prompt("", {"method": " ".join([OPENING, *CURES[FailureKind.LEAKED]])}, ("improved_method",), "")
    told = replace(prompt, text="failed (leaked)", form="tags")
    assert any(sentence in Scribe(0, SURE).reply(told, "") for sentence in IDLE)


def test_the_base_is_the_best_scored_method_of_several() -> None:
    copro = (
        "[[ ## attempted_instructions ## ]]\n"
        "[1] «Instruction #1: Poor one.»\n[2] «Prefix #1: So:»\n[3] «Resulting Score #1: 10.0»\n"
        "[4] «««\n    Instruction #2: Better\n    one.\n»»»\n[5] «Prefix #2: So:»\n"
        "[6] «Resulting Score #2: 50.0»\n\n"
        "Respond with the corresponding output fields, starting with the field "
        "`[[ ## proposed_instruction ## ]]`, and then ending with the marker for `[[ ## completed ## ]]`."
    )
    prompt = read(copro)
    assert prompt.wanted == ("proposed_instruction",)
    assert base_method(prompt) == "Better one."
    history = {"previous_instructions": "One. | Score: 10.0\n\nTwo, best. | Score: 20.5\n\n"}
    assert base_method(Prompt("", {**history, "basic_instruction": "Start."}, (), "")) == "Two, best."
    assert base_method(Prompt("", {"previous_instructions": "", "basic_instruction": "A."}, (), "")) == "A."
    assert base_method(Prompt("", {"examples": "none"}, (), "")) is None
    assert (
        base_method(Prompt("", {"cases": "1", "first_method": "A.", "second_method": "B."}, (), "")) == "A."
    )


def read(content: str) -> Prompt:
    body = {"model": "testbed/world", "messages": [{"role": "user", "content": content}]}
    return read_prompt(request_from_openai_chat(body))


TEXTS = st.text(st.characters(codec="ascii", exclude_characters="#[]<>\r\x0b\x0c\x1c\x1d\x1e"), min_size=1)


@given(st.lists(TEXTS.filter(lambda t: t.strip() and "Score" not in t), min_size=1, max_size=5))
def test_scored_methods_come_back_as_they_were_listed(texts: list[str]) -> None:
    listed = "\n\n".join(f"Score {place}:\n{text}" for place, text in enumerate(texts))
    prompt = read(f"Improve.\n\n#Scored Methods#:\n{listed}\n\n#Examples#:\nNone.")
    assert base_method(prompt) == " ".join(texts[-1].split())


@pytest.mark.parametrize("kind", SYMPTOMS)
def test_a_failed_evolution_can_be_told_by_its_text_alone(kind: FailureKind) -> None:
    instruction = seed_instruction(3)
    quoted = {
        "instruction": instruction,
        "evolved_instruction": instruction,
        "reply": evolved_reply(instruction, kind, 1, "final_instruction"),
    }
    if kind is not FailureKind.UNCHANGED:
        quoted["evolved_instruction"] = ""
    sound = {**quoted, "evolved_instruction": f"{instruction} More."}
    sound["reply"] = evolved_reply(instruction, None, 1, "final_instruction")
    found = [k for k in SYMPTOMS if SYMPTOMS[k].search(json.dumps(quoted, indent=1))]
    assert found == [kind]
    assert not [k for k in SYMPTOMS if SYMPTOMS[k].search(json.dumps(sound, indent=1))]


def test_no_sentence_of_a_method_poses_as_a_symptom_or_contains_another() -> None:
    sentences = [OPENING, *ALL_CURES, *_harms(), *IDLE]
    assert not kinds_shown(" ".join(sentences))
    shuffled = Random(0).sample(sentences, len(sentences))
    assert not any(a in b for a in shuffled for b in shuffled if a is not b)
