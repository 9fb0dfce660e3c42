"""DSPy's own optimizers compile the same student with the same metric, over the same recorded LM."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.lm15 import Request

from autoevol.core.errors import BudgetReached
from autoevol.lm.budget import Caps
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.rules import PaperRules
from autoevol.optimization.teleprompter import as_examples
from autoevol.programs.evolver import Evolver
from autoevol.testing import Answer, ScriptedTransport
from synthetic import START, bench, kind_of, rows, strength_of, tagged, task_of, world

TRAIN, VAL = as_examples(rows(6, 100)), as_examples(rows(6))
THREADS = 4


def copro(metric: Any, prompt_lm: dspy.LM) -> Any:
    optimizer = dspy.COPRO(prompt_model=prompt_lm, metric=metric, breadth=3, depth=2)
    return optimizer.compile(Evolver(START), trainset=TRAIN, eval_kwargs={"num_threads": THREADS})


def mipro(metric: Any, prompt_lm: dspy.LM) -> Any:
    optimizer = dspy.MIPROv2(
        metric=metric,
        prompt_model=prompt_lm,
        auto=None,
        num_candidates=3,
        max_bootstrapped_demos=0,
        max_labeled_demos=0,
        num_threads=THREADS,
        seed=1,
    )
    return optimizer.compile(Evolver(START), trainset=TRAIN, valset=VAL, num_trials=4, minibatch=False)


def simba(metric: Any, prompt_lm: dspy.LM) -> Any:
    optimizer = dspy.SIMBA(
        metric=metric,
        bsize=4,
        num_candidates=3,
        max_steps=2,
        max_demos=0,
        prompt_model=prompt_lm,
        num_threads=THREADS,
    )
    return optimizer.compile(Evolver(START), trainset=TRAIN, seed=2)


def gepa(metric: Any, prompt_lm: dspy.LM) -> Any:
    optimizer = dspy.GEPA(
        metric=metric,
        max_metric_calls=50,
        reflection_lm=prompt_lm,
        reflection_minibatch_size=3,
        num_threads=THREADS,
        seed=0,
    )
    return optimizer.compile(Evolver(START), trainset=TRAIN, valset=VAL)


def bootstrap(metric: Any, prompt_lm: dspy.LM) -> Any:
    optimizer = dspy.BootstrapFewShotWithRandomSearch(
        metric=metric,
        max_bootstrapped_demos=2,
        max_labeled_demos=0,
        num_candidate_programs=2,
        num_threads=THREADS,
    )
    return optimizer.compile(Evolver(START), trainset=TRAIN, valset=VAL)


OPTIMIZERS = {"COPRO": copro, "MIPROv2": mipro, "SIMBA": simba, "GEPA": gepa, "BootstrapRS": bootstrap}
REWRITE_INSTRUCTIONS = {"COPRO", "MIPROv2", "SIMBA", "GEPA"}
_MARKERS = re.compile(r"\[\[ ## (\w+) ## \]\]")


class SampledWorld:
    """The synthetic world, sampled: every second sample of an evolution is three stronger.

    Each demo makes an evolution one stronger, so that demos are worth finding.
    """

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def __call__(self, request: Request) -> Answer:
        text = "\n".join(message.text or "" for message in request.messages)
        self.seen[text] += 1
        sample = self.seen[text]
        if "Respond with the corresponding output fields" in text:
            return self.fields(text, sample)
        if "Respond with a JSON object" in text:  # GEPA's reflection
            return json.dumps({"new_instruction": self.method(text, sample)})
        if kind_of(request) == "evolve":
            plain = world(request)
            assert isinstance(plain, str)
            strength = strength_of(plain) + 3 * (sample % 2) + len(request.messages) // 2
            return tagged(
                "final_instruction", f"Task {task_of(plain)}: [strength {strength}, sample {sample}]"
            )
        return f"{world(request)} (sample {sample})"

    def fields(self, text: str, sample: int) -> str:
        """A reply in the format of DSPy's ChatAdapter, with whatever fields it asks for."""
        wanted = _MARKERS.findall(text.rpartition("Respond with the corresponding output fields")[2])
        values = {
            "module_advice": json.dumps({"evolve.predict": "Work with strength 8."}),
            "proposed_instruction": self.method(text, sample),
        }
        written = [
            f"[[ ## {name} ## ]]\n{values.get(name, f'Words about {name}, {sample}.')}"
            for name in wanted
            if name != "completed"
        ]
        return "\n\n".join([*written, "[[ ## completed ## ]]"])

    def method(self, text: str, sample: int) -> str:
        return f"Rewrite the instruction, way {len(text)}{sample}, with strength {4 + sample % 5}."


def compile_with(
    name: str, folder: Path, caps: Caps | None = None
) -> tuple[Evolver, ScriptedTransport, Session]:
    with bench(folder, SampledWorld(), caps=caps, temperature=1.0, max_tokens=200) as (session, transport, _):
        prompt_lm = session.lm("scripted/prompt", "optimizer", transport=transport, temperature=1.0)
        return OPTIMIZERS[name](FailureMetric(PaperRules()), prompt_lm), transport, session


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_dspy_optimizer_compiles_the_evolver_and_its_samples_differ(name: str, tmp_path: Path) -> None:
    compiled, transport, session = compile_with(name, tmp_path)

    assert isinstance(compiled, Evolver)
    assert [predictor for predictor, _ in compiled.named_predictors()] == ["evolve.predict"]
    if name in REWRITE_INSTRUCTIONS:
        assert compiled.method.text != START.text
        assert strength_of(compiled.method.text) > strength_of(START.text)
    else:
        assert compiled.method.text == START.text
        assert 1 <= len(compiled.method.demos) <= 2
        assert all("strength" in demo.evolved_instruction for demo in compiled.method.demos)

    # Every call is in the store, under the role that made it.
    paid = {line.role: line.paid.calls for line in session.ledger()}
    asked = Counter("evol" if kind_of(request) == "evolve" else "respond" for request in transport.requests)
    assert sum(paid.values()) == len(transport.requests)
    assert paid["evol"] >= len(TRAIN)
    assert asked["evol"] >= paid["evol"]  # a prompt of the optimizer may quote an instruction
    assert ("optimizer" in paid) is (name in REWRITE_INSTRUCTIONS)

    # Identical sampled requests were answered apart: the n-th is sample n, with a reply of its own.
    with sqlite3.connect(tmp_path / "calls.sqlite") as connection:
        repeated = connection.execute(
            "SELECT count(*), max(sample) + 1, count(DISTINCT text),"
            " min(json_extract(request, '$.temperature')) FROM calls GROUP BY key HAVING count(*) > 1"
        ).fetchall()
    connection.close()
    assert repeated
    for count, samples, texts, temperature in repeated:
        assert count == samples == texts
        assert temperature > 0


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("calls", [5, 40])
def test_no_optimizer_swallows_a_spent_budget(name: str, calls: int, tmp_path: Path) -> None:
    with bench(tmp_path, SampledWorld(), caps=Caps(calls=calls), temperature=1.0) as (session, transport, _):
        prompt_lm = session.lm("scripted/prompt", "optimizer", transport=transport, temperature=1.0)
        with pytest.raises(BudgetReached, match=f"{calls} of {calls} calls"):
            OPTIMIZERS[name](FailureMetric(PaperRules()), prompt_lm)
        assert len(transport.requests) == calls


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_an_optimizer_compiled_is_saved_as_a_method(name: str, tmp_path: Path) -> None:
    compiled, _, _ = compile_with(name, tmp_path)
    compiled.save(tmp_path / "program.json")
    loaded = Evolver()
    loaded.load(tmp_path / "program.json")
    assert loaded.method == compiled.method
    assert Evolver().with_method(compiled.method).method == compiled.method
