"""The short way through the simulated world makes the same steps; a judge errs as often as it is to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autoevol.config import LoopConfig
from autoevol.core import aio
from autoevol.core.records import Evolution, FailureKind, Outcome, Trajectory
from autoevol.experiments.reach import walk
from autoevol.experiments.testbed import Testbed, TestbedConfig
from autoevol.experiments.testbed.bench import TestbedBench, heat_of
from autoevol.experiments.testbed.judging import ErringJudge, SoundFirst
from autoevol.experiments.testbed.sentences import CURES
from autoevol.experiments.testbed.shortcut import calls_spared
from autoevol.experiments.testbed.texts import KINDS, evolution, evolved_reply, is_sound, response
from autoevol.lm.budget import Caps
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.programs.evolver import Evolver

SMALL = LoopConfig(m=2, steps=3, patience=3, dev_size=15, batch_size=4, reserve_size=20, confirm_size=50)
WORLDS = {
    "as shipped": TestbedConfig(),
    "judge errs": TestbedConfig(misjudged=0.1),
    "rarely fails": TestbedConfig(start_low=0.09, start_high=0.11, correlation=0.8),
}


def trajectory(instruction: str, kind: FailureKind | None, pick: int = 0) -> Trajectory:
    evolved = evolution(instruction, kind, pick)
    reply = evolved_reply(instruction, kind, pick, "final_instruction")
    answer = response(evolved) if evolved else None
    return Trajectory((Evolution(instruction, evolved, reply, "stop"),), answer, "stop" if answer else None)


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
@pytest.mark.parametrize(("rule", "cap"), [("adaptive", None), ("race", None), ("paper", 160)])
def test_the_shortcut_makes_the_same_steps_to_the_call(
    rule: str, cap: int | None, world: TestbedConfig, tmp_path: Path
) -> None:
    testbed = Testbed(251, world)
    real, short = (
        walk(testbed, rule, SMALL, tmp_path / name, cap, train=400, shortcut=name == "short")
        for name in ("real", "short")
    )
    assert real == short
    assert len(real.calls) > 1


def test_only_the_shortcut_spares_calls() -> None:
    testbed = Testbed(251)
    assert calls_spared(heat_of(testbed, 5, 5).student) == 0
    student = heat_of(testbed, 5, 5, shortcut=True).student
    row, other = (row.instruction for row in testbed.rows(2))

    def made(evolver: Evolver, instruction: str) -> Trajectory:
        return aio.run_and_wait(evolver.acall(instruction=instruction)).trajectory

    before = made(student, row)
    assert made(student.with_method(testbed.start), row) == before
    paid = calls_spared(student)
    assert paid in (1, 2)  # an evolution, and a response if it marks an instruction
    made(student.with_method(testbed.start), other)
    assert paid < calls_spared(student) <= paid + 2


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_what_is_sound_is_known_without_a_look(kind: FailureKind | None) -> None:
    texts = default_text_ensemble()
    for row in Testbed(251).rows(20):
        for pick in range(5):
            seen = trajectory(row.instruction, kind, pick)
            assert is_sound(seen.seed, seen.evolved) is (kind is None)
            assert SoundFirst(texts).judge(seen).kinds == texts.judge(seen).kinds == ((kind,) if kind else ())


def test_a_judge_errs_as_often_as_said_in_both_ways_and_always_alike() -> None:
    judge = ErringJudge(default_text_ensemble(), 0.2, seed=251)
    leaked = FailureKind.LEAKED
    rows = [row.instruction for row in Testbed(251).rows(600)]
    sound = [judge.judge(trajectory(row, None)) for row in rows]
    failed = [judge.judge(trajectory(row, leaked)) for row in rows]
    for verdicts, right in ((sound, Outcome.PASSED), (failed, Outcome.FAILED)):
        wrong = sum(verdict.outcome is not right for verdict in verdicts)
        assert abs(wrong - 120) < 4.5 * (600 * 0.2 * 0.8) ** 0.5
    assert {kind for verdict in sound for kind in verdict.kinds} == set(CURES)
    assert {verdict.kinds for verdict in failed if verdict.outcome is Outcome.FAILED} == {(leaked,)}
    assert sound == [judge.judge(trajectory(row, None)) for row in rows]
    other = ErringJudge(default_text_ensemble(), 0.2, seed=252)
    assert sound != [other.judge(trajectory(row, None)) for row in rows]


def test_the_judge_is_no_part_of_the_world_and_errs_in_no_earlier_one(tmp_path: Path) -> None:
    """What older figures were made of is as it was: the name of the world, and its detector."""
    erring = Testbed(0, replace(TestbedConfig(), misjudged=0.3))
    assert Testbed(0).transport().identity == erring.transport().identity
    assert erring.true_rate(erring.start) == Testbed(0).true_rate(Testbed(0).start)
    names = []
    for testbed in (Testbed(0), erring):
        bench = TestbedBench(testbed)
        with bench.session(tmp_path / str(testbed.config.misjudged), Caps()) as session:
            names.append(bench.metric(session).detector.name)
    assert names == [default_text_ensemble().name, "erring"]
