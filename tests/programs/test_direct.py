"""Past DSPy where nobody watches: the same requests, the same predictions, the same errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy import lm15
from dspy.lm15 import Request, request_from_openai_chat
from dspy.utils.callback import BaseCallback
from dspy.utils.exceptions import LMError
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core import aio
from autoevol.core.records import Demo, Method
from autoevol.lm.transport import Reply
from autoevol.programs.adapters import chat_request
from autoevol.programs.evolver import Evolver
from autoevol.programs.methods import COMPACT, INITIAL
from autoevol.testing import Answer
from synthetic import START, bench, world

UNWATCHED = {"trace": None, "disable_history": True}
WATCHED: dict[str, dict[str, Any]] = {
    "trace": {"trace": [], "disable_history": True},
    "history": {"trace": None, "disable_history": False},
    "callback": {**UNWATCHED, "callbacks": [BaseCallback()]},
    "usage": {**UNWATCHED, "track_usage": True},
}


def scene(
    folder: Path,
    settings: dict[str, Any],
    program: Evolver,
    script: Callable[[Request], Answer],
    **sampling: Any,
) -> tuple[list[Request], list[Any], int]:
    """Requests, predictions or errors of three rows, and how many calls DSPy's `acall` saw."""

    async def rows() -> list[Any]:
        found: list[Any] = []
        for number in range(3):
            try:
                found.append((await program.acall(instruction=f"Task {number}: go.")).trajectory)
            except LMError as error:
                found.append((type(error), str(error), type(error.__cause__)))
        return found

    with bench(folder, script, **sampling) as (_, transport, lm):
        seen = 0
        original = type(lm).acall

        async def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal seen
            seen += 1
            return await original(self, *args, **kwargs)

        with pytest.MonkeyPatch.context() as patch, dspy.context(**settings):
            patch.setattr(dspy.LM, "acall", counted)
            found = aio.run_and_wait(rows())
    return transport.requests, found, seen


def faulty(request: Request) -> Answer:
    if "Task 1" in str(request.messages[-1].text):
        return lm15.InvalidRequestError("no", provider_code="content_filter")
    return world(request)


PROGRAMS = {
    "plain": lambda: Evolver(START),
    "demos": lambda: Evolver(Method(START.text, COMPACT.demos), rounds=2),
    "system": lambda: Evolver(Method("Make it harder, strength 1.", (Demo("a", "b"),)), system="Be brief."),
    "no response": lambda: Evolver(START, respond=False),
}
SCRIPTS: dict[str, Callable[[Request], Answer]] = {
    "world": world,
    "faulty": faulty,
    "unmarked": lambda request: "Step 1: I only think.",
    "cut": lambda request: Reply("<final_instruction>half a", "length", 3, 4),
}


@pytest.mark.parametrize("watched", WATCHED)
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_both_ways_ask_and_answer_alike(tmp_path: Path, watched: str, program: str, script: str) -> None:
    sampling = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 50, "stop": ["##"]}
    ends = [
        scene(tmp_path / name, settings, PROGRAMS[program](), SCRIPTS[script], **sampling)
        for name, settings in (("direct", UNWATCHED), ("watched", WATCHED[watched]))
    ]
    assert ends[0][:2] == ends[1][:2]
    assert ends[0][2] == 0, "DSPy was not asked"
    # A trace is the predictor's business; the LM's own wrapping is of no use to it.
    assert ends[1][2] == (0 if watched == "trace" else len(ends[1][0]))


def test_a_predictor_that_is_patched_is_used(tmp_path: Path) -> None:
    program = Evolver(INITIAL, respond=False)
    asked: list[str] = []

    async def patched(**kwargs: Any) -> dspy.Prediction:
        asked.append(kwargs["instruction"])
        return dspy.Prediction(evolved_instruction="x", reply="x", finish_reason="stop", marked=True)

    program.evolve.predict.acall = patched  # type: ignore[method-assign]
    requests, _, _ = scene(tmp_path, UNWATCHED, program, world)
    assert len(asked) == 3
    assert requests == []


def test_a_trace_is_kept_where_one_is_asked_for(tmp_path: Path) -> None:
    trace: list[Any] = []
    scene(tmp_path, {"trace": trace, "disable_history": True}, Evolver(START), world)
    assert [inputs["instruction"] for _, inputs, _ in trace] == [f"Task {number}: go." for number in range(3)]


def test_a_predictor_s_own_lm_and_sampling_are_used(tmp_path: Path) -> None:
    program = Evolver(START, respond=False)
    program.evolve.predict.update_config(top_p=0.5)
    with bench(tmp_path / "own") as (_, transport, lm):
        program.evolve.predict.lm = lm
        with dspy.context(lm=None, **UNWATCHED):
            aio.run_and_wait(program.acall(instruction="Task 1: go."))
    assert transport.requests[0].config.top_p == 0.5


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_settings = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0, 0.0, 0.5, 1, 1.0, None]),
        "top_p": st.sampled_from([1, 1.0, 0.9]),
        "max_tokens": st.integers(1, 5),
        "seed": st.integers(0, 3),
        "stop": st.sampled_from(["a", ["a", "b"]]),
        "rollout_id": st.integers(0, 3),
        "response_format": st.just({"type": "json_object"}),
        "presence_penalty": st.sampled_from([0.5, 1]),
    },
)


@given(
    system=st.none() | _texts.filter(bool),
    turns=st.lists(st.tuples(_texts, _texts), max_size=3),
    last=_texts,
    own=_settings,
    given_settings=_settings,
)
def test_a_request_is_what_dspy_makes_of_the_same_chat(
    system: str | None,
    turns: list[tuple[str, str]],
    last: str,
    own: dict[str, Any],
    given_settings: dict[str, Any],
) -> None:
    chat = [{"role": "system", "content": system}] if system else []
    for question, answer in turns:
        chat += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    chat.append({"role": "user", "content": last})
    lm: Any = type("AnyLM", (), {"model": "openai/m", "kwargs": own})()
    made = chat_request(lm, chat, given_settings)
    merged = {k: v for k, v in {**own, **given_settings}.items() if k != "rollout_id" and v is not None}
    wanted = request_from_openai_chat({"model": "openai/m", "messages": chat, **merged})
    assert made == wanted
    assert repr(made) == repr(wanted), "0 is not 0.0"
