"""The simulated world: its truth, against the real detectors and against plain counting."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dspy
import numpy as np
import pytest
from dspy.lm15 import Request, request_from_openai_chat

from autoevol.config import LoopConfig
from autoevol.core import aio
from autoevol.core.errors import InputError
from autoevol.core.records import Evolution, FailureKind, Method, Outcome, Trajectory
from autoevol.experiments.testbed import Testbed, TestbedConfig, TestbedTransport, UnknownPrompt
from autoevol.experiments.testbed.__main__ import main
from autoevol.experiments.testbed.sentences import CURES, HARMS, IDLE
from autoevol.experiments.testbed.texts import KINDS, OVERLOAD, PLANTED, evolved_reply, response
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.optimization.scoreboard import Scoreboard
from autoevol.optimization.teleprompter import AutoEvol
from autoevol.programs.evolver import Evolver
from autoevol.programs.tags import read_marked
from autoevol.store.calls import CallStore

WORLD = Testbed(0)
LONG = Method(" ".join([WORLD.start.text, *CURES[FailureKind.UNPARSED], "Keep this in mind. " * 60]))


@contextmanager
def in_world(
    folder: Path, testbed: Testbed = WORLD, *, temperature: float = 0.0
) -> Iterator[tuple[TestbedTransport, Session]]:
    """A session whose LM in force is the simulated one."""
    transport = testbed.transport()
    with Session(CallStore(folder / "calls.sqlite", power_safe=False), concurrency=64) as session:
        lm = session.lm("testbed/world", transport=transport, temperature=temperature)
        with dspy.context(lm=lm, trace=None, disable_history=True):
            yield transport, session


def ask(testbed: Testbed, content: str, **sampling: Any) -> str:
    body = {"model": "testbed/world", "messages": [{"role": "user", "content": content}], **sampling}
    request: Request = request_from_openai_chat(body)
    return aio.run_and_wait(testbed.transport().send(request)).text


def evolve_prompt(method: Method, instruction: str) -> str:
    program = Evolver(method).evolve
    signature: Any = program.predict.signature
    return program.adapter.format(signature, [], {"instruction": instruction})[0]["content"]


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_the_real_detectors_see_in_every_text_what_was_planted(kind: FailureKind | None) -> None:
    metric = FailureMetric()
    for row in WORLD.rows(84):  # every event with every city
        for pick in range(5):
            reply = evolved_reply(row.instruction, kind, pick, "final_instruction")
            marked = read_marked(reply, "final_instruction", complete=True, renamed=True)
            evolved = marked.text if marked else None
            answer = response(evolved) if evolved else None
            steps = (Evolution(row.instruction, evolved, reply, "stop"),)
            verdict = metric.judge(Trajectory(steps, answer, "stop" if answer else None))
            assert verdict.kinds == ((kind,) if kind else ()), (reply, verdict)


@pytest.mark.slow
@pytest.mark.parametrize("method", [WORLD.start, LONG], ids=["start", "long"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_measured_rate_is_the_true_rate_kind_by_kind(
    method: Method, temperature: float, tmp_path: Path
) -> None:
    rows = WORLD.rows(1500)
    with in_world(tmp_path, temperature=temperature) as (transport, session):
        board = Scoreboard(Evolver(), FailureMetric(), concurrency=64)
        score = aio.run_and_wait(board.evaluate(method, rows))
        assert transport.asked == sum(line.paid.calls for line in session.ledger())
    assert score.count(Outcome.UNSCORED) == 0
    seen = Counter(mark.kind for mark in score.marks.values())
    truth = WORLD.true_kinds(method)
    assert set(seen) <= {None, *truth}
    assert WORLD.true_rate(method) == pytest.approx(sum(truth.values()))
    for measured, true in [
        (score.rate, WORLD.true_rate(method)),
        *((seen[k] / len(rows), t) for k, t in truth.items()),
    ]:
        # Rows are independent, so the count is binomial; 4.5 sigma, and room for none seen.
        assert abs(measured - true) < 4.5 * (true * (1 - true) / len(rows)) ** 0.5 + 1e-9


def test_draws_follow_the_rates_and_the_correlation_over_methods() -> None:
    """Against a simulation of the stated model that shares no code with it."""
    methods = [WORLD.start.text, LONG.text]
    rows = WORLD.rows(8000)
    failed = np.array(
        [[WORLD.truth.draw(text, row.instruction, "")[0] is not None for row in rows] for text in methods]
    )
    generator, shared = np.random.default_rng(1), WORLD.config.correlation
    z = generator.standard_normal(400_000)
    simulated = []
    for text in methods:
        fails = np.zeros(len(z), dtype=bool)
        for rate in WORLD.truth.rates(text):
            noise = generator.standard_normal(len(z))
            latent = np.sqrt(shared) * z + np.sqrt(1 - shared) * noise
            fails |= latent > np.quantile(latent, 1 - rate)
        simulated.append(fails)
    both = np.mean(simulated[0] & simulated[1])
    assert np.mean(failed[0] & failed[1]) == pytest.approx(both, abs=0.025)
    assert both > np.mean(simulated[0]) * np.mean(simulated[1]) + 0.05
    for measured, expected, text in zip(failed, simulated, methods, strict=True):
        true = WORLD.true_rate(Method(text))
        assert np.mean(expected) == pytest.approx(true, abs=0.005)
        assert np.mean(measured) == pytest.approx(true, abs=0.025)


def test_sentences_do_what_is_said_of_them() -> None:
    base = dict(zip(KINDS, WORLD.truth.rates(WORLD.start.text), strict=True))

    def rates(*sentences: str) -> dict[FailureKind, float]:
        return dict(zip(KINDS, WORLD.truth.rates(" ".join([WORLD.start.text, *sentences])), strict=True))

    for kind in PLANTED:
        factors = sorted(rates(cure)[kind] / base[kind] for cure in CURES[kind])
        assert factors == pytest.approx(sorted(1 - share for share in WORLD.config.cures))
        assert rates(*CURES[kind])[kind] == pytest.approx(base[kind] * 0.2 * 0.5 * 0.75)
        assert rates(CURES[kind][0], CURES[kind][0]) == rates(CURES[kind][0])
        for harm in HARMS[kind]:
            raised = rates(harm)[kind] / base[kind]
            assert raised == pytest.approx(1.0 if harm in WORLD.start.text else WORLD.config.harm)
        for sentence in (*CURES[kind], *HARMS[kind]):
            assert {k: r for k, r in rates(sentence).items() if k is not kind} == {
                k: r for k, r in base.items() if k is not kind
            }
    assert all(rates(sentence) == base for sentence in IDLE)


def test_only_length_brings_the_seventh_kind() -> None:
    config = WORLD.config
    roomy = Method("word " * config.roomy)
    assert WORLD.true_kinds(roomy)[OVERLOAD] == 0
    marginal = [WORLD.truth.rates("word " * (config.roomy + more))[-1] for more in (1, 10, 10_000)]
    assert marginal == pytest.approx([config.crowding, 10 * config.crowding, 0.95])
    assert WORLD.true_rate(Method("word " * (config.roomy + 100))) > WORLD.true_rate(roomy) + 0.1


@pytest.mark.parametrize("seed", range(12))
def test_the_start_fails_as_often_as_configured(seed: int) -> None:
    testbed = Testbed(seed)
    assert 0.42 <= testbed.true_rate(testbed.start) <= 0.58
    assert sum(harm in testbed.start.text for harms in HARMS.values() for harm in harms) == 1
    cured = Method(" ".join([testbed.start.text, *(c for cures in CURES.values() for c in cures[:2])]))
    assert testbed.true_rate(cured) < testbed.true_rate(testbed.start) - 0.1


def test_seeds_and_settings_make_worlds_that_differ() -> None:
    others = [Testbed(1), Testbed(0, replace(TestbedConfig(), insight=0.9))]
    assert len({testbed.transport().identity for testbed in (WORLD, *others)}) == 3
    assert Testbed(0).transport().identity == WORLD.transport().identity
    assert Testbed(1).true_rate(WORLD.start) != WORLD.true_rate(WORLD.start)


def test_rows_are_distinct_and_numbered() -> None:
    rows = WORLD.rows(500)
    assert len({row.id for row in rows}) == len({row.instruction for row in rows}) == 500
    assert WORLD.rows(10, first=30) == rows[30:40]


def test_replies_vary_with_the_seed_of_a_sampled_request_only() -> None:
    prompts = [evolve_prompt(WORLD.start, row.instruction) for row in WORLD.rows(40)]

    def replies(**sampling: Any) -> list[str]:
        return [ask(WORLD, prompt, **sampling) for prompt in prompts]

    greedy = replies(temperature=0.0)
    assert replies(temperature=0.0, seed=1) == replies(temperature=0.0, seed=2) == greedy
    sampled = replies(temperature=1.0, seed=1)
    assert replies(temperature=1.0, seed=1) == sampled
    assert replies(temperature=1.0, seed=2) != sampled != greedy


@pytest.mark.slow
def test_every_process_sees_the_same_world() -> None:
    prompt = evolve_prompt(WORLD.start, WORLD.rows(1)[0].instruction)
    proposal = (
        "Improve it, between these two tags:\n<x>\n...\n</x>\n\n#Method#:\nRewrite it.\n\n#Feedback#:\nNo."
    )
    code = (
        "import sys; from test_testbed import *\n"
        f"print([ask(Testbed(5), p, temperature=1.0, seed=4) for p in {[prompt, proposal]!r}],"
        " Testbed(5).true_rate(Testbed(5).start))"
    )
    here = [ask(Testbed(5), p, temperature=1.0, seed=4) for p in (prompt, proposal)]
    for hash_seed in ("1", "2"):
        path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout.strip() == f"{here} {Testbed(5).true_rate(Testbed(5).start)}", done.stderr


def test_a_prompt_that_it_cannot_answer_ends_the_run(tmp_path: Path) -> None:
    with in_world(tmp_path), pytest.raises(UnknownPrompt, match="no reply to 'Name a prime"):
        Evolver().respond(instruction="Name a prime.")  # type: ignore[misc]


@pytest.mark.parametrize("setting", [{"correlation": 1.0}, {"insight": -0.1}, {"start_low": 0.6}])
def test_settings_out_of_range_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(setting))):
        TestbedConfig(**setting)  # type: ignore[arg-type]


def optimise(folder: Path, testbed: Testbed, steps: int) -> Any:
    loop = LoopConfig(batch_size=6, m=3, steps=steps, patience=steps, dev_size=30, seed=testbed.seed)
    with in_world(folder, testbed):
        return AutoEvol(config=loop).compile(
            Evolver(testbed.start), trainset=testbed.rows(60, first=30), valset=testbed.rows(30)
        )


@pytest.mark.slow
def test_autoevol_lowers_the_true_rate_over_several_seeds(tmp_path: Path) -> None:
    gains = []
    for seed in range(6):
        testbed = Testbed(seed)
        best = optimise(tmp_path / str(seed), testbed, steps=5)
        gains.append(testbed.true_rate(testbed.start) - testbed.true_rate(best.method))
    assert np.mean(gains) > 0.05


def test_unusable_proposals_cost_their_slots_only(tmp_path: Path) -> None:
    testbed = Testbed(0, replace(TestbedConfig(), unusable=0.999))
    best = optimise(tmp_path, testbed, steps=2)
    assert best.method == testbed.start
    problems = [c.problem for step in best.trial_logs.values() for c in step.candidates]
    assert problems == ["the reply marks no method"] * 6


def test_the_demo_labels_what_it_prints(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["testbed", "--seeds", "1", "--steps", "1", "--m", "2", "--dev", "10"])
    main()
    first, testbed, *steps, _, last = capsys.readouterr().out.splitlines()
    assert all("simulated" in line for line in (first, testbed, last))
    assert [line.split(":")[0].strip() for line in steps] == ["step  0", "step  1"]
    assert f"true rate {WORLD.true_rate(WORLD.start):6.1%}" in steps[0]
