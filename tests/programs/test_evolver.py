"""The student: its one predictor, its trajectories, and a saved program as a saved method."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.lm15 import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core.records import Demo, Message, Method
from autoevol.lm.transport import Reply
from autoevol.programs.evolve import EvolveInstruction
from autoevol.programs.evolver import Evolver
from autoevol.programs.methods import BUILT_IN, COMPACT, INITIAL, WEAK
from autoevol.testing import Answer
from synthetic import START, bench, kind_of, tagged, world

Ask = Callable[[Evolver, str], Any]


def sync(program: Evolver, instruction: str) -> Any:
    return program(instruction=instruction)


def through_a_coroutine(program: Evolver, instruction: str) -> Any:
    return asyncio.run(program.acall(instruction=instruction))


each_face = pytest.mark.parametrize("ask", [sync, through_a_coroutine], ids=["sync", "async"])


@pytest.mark.parametrize(
    "program", [Evolver(), Evolver(COMPACT, rounds=3, system="Be brief."), Evolver(respond=False)]
)
def test_the_one_predictor_is_the_method(program: Evolver) -> None:
    assert [name for name, _ in program.named_predictors()] == ["evolve.predict"]


@each_face
@pytest.mark.parametrize("rounds", [1, 2, 4])
def test_a_row_is_evolved_round_by_round_and_then_answered(tmp_path: Path, ask: Ask, rounds: int) -> None:
    with bench(tmp_path) as (session, transport, _):
        found = ask(Evolver(START, rounds=rounds), "Task 1: go.")
        stages = ["Task 1: go." + " [strength 2, way 0]" * done for done in range(rounds + 1)]
        assert found.trajectory.stages == tuple(stages)
        assert found.evolved_instruction == found.trajectory.evolved == stages[-1]
        assert found.response == found.trajectory.response == "Here is a prime above 1."
        assert transport.requests[-1].messages[-1].text == stages[-1]
        assert {line.role: line.paid.calls for line in session.ledger()} == {"evol": rounds, "respond": 1}


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_context_is_shown_for_the_response_alone(tmp_path: Path, face: str) -> None:
    asked = {"instruction": "Task 1: go.", "context": (Message("user", "Hello"), Message("assistant", "Hi"))}
    with bench(tmp_path) as (_, transport, _):
        program = Evolver(START)
        program(**asked) if face == "sync" else asyncio.run(program.acall(**asked))
        evolution, response = transport.requests
    assert "Hello" not in str(evolution.messages)
    assert [message.text for message in response.messages[:2]] == ["Hello", "Hi"]


@each_face
@pytest.mark.parametrize("bad", ["", "Step 1: I only think.", tagged("final_instruction", "")])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_round_that_yields_nothing_is_the_last(tmp_path: Path, ask: Ask, bad: str, at: int) -> None:
    evolved = 0

    def script(request: Request) -> Answer:
        nonlocal evolved
        evolved += kind_of(request) == "evolve"
        return bad if evolved == at else world(request)

    with bench(tmp_path, script) as (_, transport, _):
        found = ask(Evolver(START, rounds=3), "Task 1: go.")
    assert len(found.trajectory.evolutions) == at == len(transport.requests)
    assert found.trajectory.evolved is None
    assert found.evolved_instruction == ""
    assert found.response is None
    assert found.trajectory.evolutions[-1].reply == bad
    assert len(found.trajectory.stages) == at


@each_face
def test_a_filtered_response_is_kept_with_its_reason(tmp_path: Path, ask: Ask) -> None:
    def script(request: Request) -> Answer:
        return Reply("", "content_filter") if kind_of(request) == "respond" else world(request)

    with bench(tmp_path, script):
        trajectory = ask(Evolver(START), "Task 1: go.").trajectory
    assert trajectory.response == ""
    assert trajectory.response_finish_reason == "content_filter"


@each_face
def test_no_response_is_asked_where_none_is_wanted(tmp_path: Path, ask: Ask) -> None:
    with bench(tmp_path) as (_, transport, _):
        found = ask(Evolver(START, respond=False), "Task 1: go.")
    assert found.response is None
    assert len(transport.requests) == 1


def test_both_faces_ask_and_answer_alike(tmp_path: Path) -> None:
    seen = []
    for name, ask in (("a", sync), ("b", through_a_coroutine)):
        with bench(tmp_path / name) as (_, transport, _):
            found = ask(Evolver(Method(START.text, COMPACT.demos), rounds=2), "Task 1: go.")
        seen.append((found.trajectory, transport.requests))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("rounds", [0, -1])
def test_fewer_than_one_round_is_refused(rounds: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Evolver(rounds=rounds)


def test_without_a_language_model_the_error_says_how() -> None:
    with dspy.context(lm=None), pytest.raises(ValueError, match=r"dspy\.context"):
        Evolver(respond=True).respond(instruction="x")  # type: ignore[misc]


@pytest.mark.parametrize("method", BUILT_IN.values(), ids=BUILT_IN)
def test_a_saved_program_is_a_saved_method(tmp_path: Path, method: Method) -> None:
    path = tmp_path / "program.json"
    Evolver(method, rounds=2).save(path)
    assert (
        method.text.splitlines()[0]
        in json.loads(path.read_text())["evolve.predict"]["signature"]["instructions"]
    )
    loaded = Evolver(rounds=2)
    loaded.load(path)
    assert loaded.method.id == method.id
    said = []
    for name, program in (("a", Evolver(method)), ("b", loaded)):
        with bench(tmp_path / name, lambda request: "") as (_, transport, _):
            program(instruction="Name a prime.")
        said.append(transport.requests[0])
    assert said[0] == said[1]


lines = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@settings(deadline=None, max_examples=150)
@given(text=lines, demos=st.lists(st.builds(Demo, lines, lines), max_size=3).map(tuple))
def test_method_to_program_to_method_is_the_identity(text: str, demos: tuple[Demo, ...]) -> None:
    method = Method(text, demos)
    if method.text:  # DSPy reads an empty instruction as "choose one for me"
        assert EvolveInstruction(method).method == method
        assert Evolver().with_method(method).method.id == method.id


def test_a_copy_with_another_method_shares_nothing_that_changes() -> None:
    first = Evolver(COMPACT, rounds=3, system="Be brief.")
    second = first.with_method(INITIAL)
    third = first.deepcopy()
    third.evolve.use(WEAK)
    third.evolve.predict.demos.append({"instruction": "a", "evolved_instruction": "b"})
    assert (first.method.id, second.method.id) == (COMPACT.id, INITIAL.id)
    assert third.method.text == WEAK.text
    assert (second.rounds, second.respond.system) == (3, "Be brief.")  # type: ignore[union-attr]


def test_built_in_methods_are_distinct_and_leave_the_contract_to_the_adapter() -> None:
    assert len({method.id for method in BUILT_IN.values()}) == len(BUILT_IN) == 3
    assert all(name == method.name for name, method in BUILT_IN.items())
    for method in BUILT_IN.values():
        assert "<" not in method.text
        assert "#" not in method.text
        assert all(len(demo.evolved_instruction) > len(demo.instruction) for demo in method.demos)
    assert [f"Step {number}." in INITIAL.text for number in range(1, 6)] == [True] * 4 + [False]
