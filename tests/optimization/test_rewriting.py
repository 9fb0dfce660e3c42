"""Which rewrites a step tries, and which rows the optimizer reads for them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from autoevol.config import LoopConfig
from autoevol.core.fence import without_fences
from autoevol.core.records import Method, Step
from autoevol.lm.budget import Caps
from autoevol.optimization.dev_rows import DEV_ROWS, find_dev_rows
from autoevol.optimization.past import COMBINED
from autoevol.optimization.rule import Proposing, proposing
from autoevol.optimization.rules import RULES, AdaptiveRace, LowestFailureRate
from autoevol.optimization.sentences import without_a_sentence
from synthetic import SMALL, Run, endless, kind_of, optimise, rows, tagged, world

CONFIG = replace(SMALL, m=3, steps=5, confirm_size=0, reads="dev", leave_out="longer")
LONGER = " Say more. And more."


def run(folder: Path, config: LoopConfig = CONFIG, dev_rows: str = "fresh", script=endless) -> Run:  # noqa: ANN001
    return optimise(folder, config, script, selection=AdaptiveRace(), dev_rows=find_dev_rows(dev_rows))


def steps_of(made: Run) -> list[Step]:
    return list(made.best.trial_logs.values())


@pytest.mark.parametrize("dev_rows", DEV_ROWS)
def test_no_step_is_decided_on_a_row_that_the_optimizer_read_for_it(tmp_path: Path, dev_rows: str) -> None:
    made = run(tmp_path, dev_rows=dev_rows)
    before: set[str] = set()
    for step in steps_of(made):
        decided_on = {row_id for score in step.scores for row_id in score.marks}
        assert not decided_on & set(step.batch_ids)
        assert not before or dev_rows != "fresh" or not decided_on & before
        before |= set(step.batch_ids)


def test_what_the_optimizer_reads_is_paid_for_but_at_the_first_step(tmp_path: Path) -> None:
    made = run(tmp_path)
    first, *later = steps_of(made)[1:]
    train = {row.id for row in rows(150, 1000)}
    scored = {row_id for step in steps_of(made) for score in step.scores for row_id in score.marks}
    assert set(first.batch_ids) <= train - scored
    assert later
    assert all(step.batch_ids and set(step.batch_ids) <= scored for step in later)
    evolved = sum(len(score.marks) for step in steps_of(made)[1:] for score in step.scores)
    assert len(made.asked("evolve")) == evolved + len(first.batch_ids)


def test_failed_rows_are_read_first(tmp_path: Path) -> None:
    steps = steps_of(run(tmp_path))
    for step, after in pairwise(steps[1:]):
        assert step.chosen_score
        losses = {row_id: mark.loss for row_id, mark in step.chosen_score.marks.items()}
        read = [losses[row_id] for row_id in after.batch_ids]
        assert read == sorted(losses.values(), reverse=True)[: CONFIG.batch_size]


def test_on_fixed_rows_a_mini_batch_is_run(tmp_path: Path) -> None:
    train = {row.id for row in rows(150, 1000)}
    assert all(set(step.batch_ids) <= train for step in steps_of(run(tmp_path, dev_rows="fixed")))


def wordy(request):  # noqa: ANN001, ANN201
    """The endless world, in which every rewrite says two sentences more than its base."""
    answer = endless(request)
    if kind_of(request) == "propose" and isinstance(answer, str):
        text = world(request)
        assert isinstance(text, str)
        return tagged("improved_method", "Be brave." + LONGER + " " + text.split("\n")[1])
    return answer


def test_one_rewrite_of_a_longer_method_leaves_a_sentence_out_and_costs_no_call(
    tmp_path: Path,
) -> None:
    made = run(tmp_path / "out", script=wordy)
    left_out = [c for step in steps_of(made) for c in step.candidates if c.feedback.startswith("Left out: ")]
    assert left_out
    chains = sum(len(step.candidates) for step in steps_of(made)) - len(left_out)
    assert len(made.asked("analyze")) == chains
    assert all(len(step.candidates) == CONFIG.m for step in steps_of(made)[1:])
    methods = {c.method.id: c.method for step in steps_of(made) for c in step.candidates if c.method}
    for candidate in left_out:
        assert candidate.method
        parent, sentence = methods[candidate.parent_id].text, candidate.feedback.removeprefix("Left out: ")
        assert candidate.method.text in {
            text for text, lost in without_a_sentence(parent) if lost == sentence
        }
    never = run(tmp_path / "never", replace(CONFIG, leave_out="never"), script=wordy)
    assert not any("Left out" in c.feedback for step in steps_of(never) for c in step.candidates)


def test_settings_go_before_the_rule_and_a_rule_without_any_has_the_papers_way() -> None:
    assert proposing(AdaptiveRace(), LoopConfig()) == Proposing("dev", "longer")
    assert proposing(AdaptiveRace(), LoopConfig(reads="train")) == Proposing("train", "longer")
    assert proposing(AdaptiveRace(), LoopConfig(history=10, combine="yes")) == Proposing(
        "dev", "longer", 10, combine="yes"
    )
    assert proposing(LowestFailureRate(), LoopConfig()) == Proposing("train", "never")
    assert proposing(LowestFailureRate(), LoopConfig(leave_out="longer")).leave_out == "longer"
    assert all(
        proposing(rule(), LoopConfig()).reads == "train" for name, rule in RULES.items() if name != "adaptive"
    )


def test_the_evidence_that_is_waited_for_grows_with_the_steps() -> None:
    rule = AdaptiveRace(failures=4, growth=0.5, per_word=0.002)
    grown = [rule.at_step(number) for number in range(5)]
    assert [one.failures for one in grown] == [10, 4.5, 5, 5.5, 6]
    assert all(one.per_word == 0.002 and one.settings == rule.settings for one in grown)


def test_a_method_that_is_no_longer_than_the_first_is_left_whole(tmp_path: Path) -> None:
    start = Method("Rewrite the instruction with strength 2. " + "Be brave. " * 40)
    made = optimise(tmp_path, CONFIG, endless, selection=AdaptiveRace(), start=start)
    assert not any("Left out" in c.feedback for step in steps_of(made) for c in step.candidates)


TOLD = replace(CONFIG, history=4, kind_rates="yes", stubborn="yes", combine="yes", leave_out="never")
MANY = replace(TOLD, m=5, steps=8)


def texts(made: Run, kind: str) -> list[str]:
    return [without_fences(request.messages[0].text or "") for request in made.asked(kind)]


def test_the_optimizer_is_told_what_the_settings_say_from_the_first_step_on(tmp_path: Path) -> None:
    made = run(tmp_path / "told", TOLD)
    rewrites = [text for text in texts(made, "propose") if "#Feedback#" in text]
    assert all("The method in force on the " in text for text in rewrites)
    assert not any("\nRewrite 1 (" in text for text in rewrites[: CONFIG.m])
    # So that not all chains propose the same.
    assert 0 < sum("\nRewrite 1 (" in text for text in rewrites) <= len(rewrites) / 2
    assert any("\nRewrite 4 (" in text for text in rewrites)
    assert not any("\nRewrite 5 (" in text for text in rewrites)
    assert any("rewrites that were tried on this case" in text for text in texts(made, "analyze"))
    plain = run(tmp_path / "plain")
    assert not any("#Record#" in text or "#Other Method#" in text for text in texts(plain, "propose"))
    assert not any("tried on this case" in text for text in texts(plain, "analyze"))


def test_a_combination_takes_the_place_of_a_chain_and_costs_one_call(tmp_path: Path) -> None:
    made = run(tmp_path, MANY)
    candidates = [c for step in steps_of(made) for c in step.candidates]
    combined = [c for c in candidates if c.feedback.startswith(COMBINED)]
    assert combined
    assert all(len(step.candidates) == MANY.m for step in steps_of(made)[1:])
    assert len(made.asked("analyze")) == len(candidates) - len(combined)
    assert len(made.asked("propose")) == len(candidates)
    methods = {c.method.id: c.method for c in candidates if c.method}
    asked = [text for text in texts(made, "propose") if "#Other Method#" in text]
    for text, candidate in zip(asked, combined, strict=True):
        other = methods[candidate.feedback.split()[2].rstrip(",")]
        assert text.endswith(f"#Other Method#:\n{other.text}")


def test_a_rewriter_that_dies_while_combining_costs_its_slot_alone(tmp_path: Path) -> None:
    def script(request):  # noqa: ANN001, ANN202
        text = request.messages[0].text or ""
        return RuntimeError("down") if "#Other Method#" in text else endless(request)

    made = run(tmp_path, MANY, script=script)
    lost = [c for step in steps_of(made) for c in step.candidates if c.feedback.startswith(COMBINED)]
    assert lost
    assert all(c.method is None and c.problem for c in lost)
    assert all(any(c.method for c in step.candidates) for step in steps_of(made)[1:])


@pytest.mark.parametrize("calls", [40, 90, 150])
def test_a_run_that_is_told_of_the_past_resumes_to_the_same_journal(tmp_path: Path, calls: int) -> None:
    whole = run(tmp_path / "whole", TOLD)
    options = {"selection": AdaptiveRace(), "dev_rows": find_dev_rows("fresh")}
    cut = optimise(tmp_path / "cut", TOLD, endless, caps=Caps(calls=calls), **options)
    assert cut.best.stopped == "budget"
    rest = run(tmp_path / "cut", TOLD)
    assert rest.journal == whole.journal
    assert len(cut.transport.requests) + len(rest.transport.requests) == len(whole.transport.requests)
