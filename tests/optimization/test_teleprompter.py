"""AutoEvol as DSPy sees it: arguments, results, callbacks, engines, errors."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy import lm15
from dspy.lm15 import Message, Request, Response, Usage
from dspy.utils.callback import BaseCallback

from autoevol.config import LoopConfig
from autoevol.config.base import flag
from autoevol.core.errors import AccessDenied, EndpointDown, InputError
from autoevol.core.records import Case, Demo, Method, Row, Step
from autoevol.lm.transport import FILTERED
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.rules import PaperRules
from autoevol.optimization.rules import LowestFailureRate, ReleasedRule
from autoevol.optimization.teleprompter import AutoEvol, as_examples
from autoevol.programs.evolver import Evolver
from autoevol.testing import Answer, ScriptedTransport
from synthetic import START, bench, expected_strengths, kind_of, optimise, rows, strength_of, world

SMALL = LoopConfig(batch_size=3, m=2, steps=2, patience=100, dev_size=10, seed=3)


def compiled(folder: Path, config: LoopConfig = SMALL, **arguments: Any) -> Any:
    """`compile` with the arguments as a user gives them."""
    options = {"metric": FailureMetric(PaperRules()), **arguments.pop("options", {})}
    student = arguments.pop("student", None) or Evolver(START)
    with bench(folder):
        return AutoEvol(config=config, **options).compile(student, **arguments)


def test_the_result_carries_what_dspys_optimizers_carry(tmp_path: Path) -> None:
    run = optimise(tmp_path, SMALL)
    assert isinstance(run.best, Evolver)
    best: Any = run.best
    scores = [entry["score"] for entry in best.candidate_programs]
    assert scores == sorted(scores, reverse=True)
    assert best.candidate_programs[0]["program"].method == best.method
    assert best.score == scores[0]
    for entry in best.candidate_programs:
        assert entry["score"] == pytest.approx(10 * min(10, strength_of(entry["program"].method.text)))
    assert list(best.trial_logs) == [0, 1, 2]
    assert all(isinstance(step, Step) and step.number == n for n, step in best.trial_logs.items())


def test_the_best_method_is_kept_first_among_equals(tmp_path: Path) -> None:
    twin = Method("Rewrite, way 1, with strength 2.")
    run = optimise(tmp_path, replace(SMALL, steps=0), starts=(twin,))
    programs = [entry["program"].method.id for entry in run.best.candidate_programs]
    assert programs == [START.id, twin.id]


def test_compile_leaves_the_student_and_the_teleprompter_as_they_were(tmp_path: Path) -> None:
    student = Evolver(START)
    teleprompter = AutoEvol(FailureMetric(PaperRules()), config=SMALL)
    before = dict(teleprompter.get_params())
    with bench(tmp_path):
        best = teleprompter.compile(student, trainset=rows(20, 100), valset=rows(10))
    assert best is not student
    assert student.method.id == START.id != best.method.id
    assert not hasattr(student, "candidate_programs")
    assert teleprompter.get_params() == before


def test_one_teleprompter_compiles_twice_alike(tmp_path: Path) -> None:
    teleprompter = AutoEvol(FailureMetric(PaperRules()), config=SMALL)
    found = []
    for name in ("a", "b"):
        with bench(tmp_path / name):
            found.append(teleprompter.compile(Evolver(START), trainset=rows(20, 100), valset=rows(10)))
    assert found[0].method == found[1].method
    assert found[0].trial_logs == found[1].trial_logs


def test_the_demos_of_a_method_stay_with_its_rewrites(tmp_path: Path) -> None:
    demos = (Demo("Task 3: name a prime.", "Task 3: name a twin prime."),)
    run = optimise(tmp_path, SMALL, start=Method(START.text, demos))
    assert run.best.method.text != START.text
    assert run.best.method.demos == demos


def test_train_and_dev_are_disjoint_where_no_valset_is_given(tmp_path: Path) -> None:
    seen: list[str] = []

    def script(request: Request) -> Answer:
        if kind_of(request) == "evolve":
            seen.append((request.messages[-1].text or "").rpartition("#:\n")[2])
        return world(request)

    given = rows(40)
    with bench(tmp_path, script):
        rule = LowestFailureRate()  # which looks at all dev rows
        best: Any = AutoEvol(FailureMetric(PaperRules()), config=SMALL, selection=rule).compile(
            Evolver(START), trainset=given
        )
    dev = set(best.trial_logs[0].scores[0].marks)
    train = {row_id for step in best.trial_logs.values() for row_id in step.batch_ids}
    assert len(dev) == SMALL.dev_size
    assert not dev & train
    assert dev | train <= {row.id for row in given}
    assert set(seen) <= {row.instruction for row in given}


@pytest.mark.parametrize(("given", "dev"), [(2, 1), (3, 1), (7, 3), (20, 10), (500, 10)])
def test_the_dev_set_is_half_of_the_rows_at_most(tmp_path: Path, given: int, dev: int) -> None:
    options = {"selection": LowestFailureRate()}  # which looks at all dev rows
    best = compiled(tmp_path, replace(SMALL, steps=0), trainset=rows(given), options=options)
    assert len(best.trial_logs[0].scores[0].marks) == dev


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_rows_are_refused_before_any_call(tmp_path: Path, count: int) -> None:
    with bench(tmp_path) as (_, transport, _), pytest.raises(InputError, match="at least"):
        AutoEvol(config=SMALL).compile(Evolver(START), trainset=rows(count))
    assert transport.requests == []


def test_a_mistake_in_the_transport_ends_the_compile(tmp_path: Path) -> None:
    many = replace(SMALL, dev_size=40)
    with bench(tmp_path, lambda request: RuntimeError("a bug")), pytest.raises(EndpointDown, match="a bug"):
        AutoEvol(config=many).compile(Evolver(START), trainset=rows(100))


def test_a_method_that_no_row_could_be_scored_with_has_no_score(tmp_path: Path) -> None:
    with bench(tmp_path, lambda request: lm15.InvalidRequestError("no", provider_code=FILTERED)):
        best: Any = AutoEvol(config=replace(SMALL, dev_size=3, m=1, steps=1, batch_size=1)).compile(
            Evolver(START), trainset=rows(6)
        )
    assert best.score is None


def test_examples_and_rows_are_the_same_to_it_and_repeats_count_once(tmp_path: Path) -> None:
    train, dev = rows(12, 100), rows(10)
    plain = compiled(tmp_path / "a", trainset=train, valset=dev)
    doubled = compiled(
        tmp_path / "b", trainset=as_examples([*train, *train]), valset=as_examples([*dev, *dev])
    )
    assert plain.trial_logs == doubled.trial_logs


def test_examples_carry_the_row(tmp_path: Path) -> None:
    (example,) = as_examples([Row("abc", "Do it.", "done")])
    assert example.instruction == "Do it."
    assert example.id == "abc"
    assert example.inputs().toDict() == {"instruction": "Do it."}


class Seen(BaseCallback):
    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def on_compile_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        self.events.append(("start", inputs))

    def on_compile_end(
        self, call_id: str, outputs: Any | None, exception: BaseException | None = None
    ) -> None:
        self.events.append(("end", outputs if exception is None else exception))


def test_compile_callbacks_fire_once(tmp_path: Path) -> None:
    seen, student = Seen(), Evolver(START)
    with dspy.context(callbacks=[seen]):
        best = compiled(tmp_path, trainset=rows(20, 100), valset=rows(10), student=student)
    assert [name for name, _ in seen.events] == ["start", "end"]
    assert seen.events[0][1]["student"] is student
    assert seen.events[1][1] is best


def test_steps_and_rows_are_told_as_they_happen(tmp_path: Path) -> None:
    told: list[tuple[str, Case]] = []
    run = optimise(tmp_path, SMALL, on_row=lambda method_id, case: told.append((method_id, case)))
    assert run.stepped == [0, 1, 2]
    steps = list(run.best.trial_logs.values())
    scored = {(score.method_id, row_id) for step in steps for score in step.scores for row_id in score.marks}
    batches = [(step.number, row_id) for step in steps for row_id in step.batch_ids]
    assert {(method_id, case.row_id) for method_id, case in told} >= scored
    assert len(told) == len(scored) + len(batches)


class PlainEngine:
    """An engine of somebody else's, not recorded by a session."""

    def __init__(self) -> None:
        self.calls = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> PlainEngine:
        return self

    def complete(self, request: Request) -> Response:
        self.calls += 1
        text = world(request)
        assert isinstance(text, str)
        return Response(
            id=None,
            model=request.model,
            message=Message.assistant(text),
            finish_reason="stop",
            usage=Usage(input_tokens=1, output_tokens=1),
        )


class PlainAsyncEngine(PlainEngine):
    async def complete(self, request: Request) -> Response:  # type: ignore[override]
        return super().complete(request)


def test_any_dspy_lm_will_do() -> None:
    engine = PlainAsyncEngine()
    lm = dspy.LM("plain/x", engine=PlainEngine(), async_engine=engine, cache=False, temperature=0.0)
    with dspy.context(lm=lm):
        best: Any = AutoEvol(
            FailureMetric(PaperRules()), config=SMALL, selection=LowestFailureRate()
        ).compile(Evolver(START), trainset=rows(20, 100), valset=rows(10))
    assert strength_of(best.method.text) == expected_strengths(SMALL)[-1]
    assert engine.calls == 2 * (10 + 2 * (3 + 2 * 10)) + 2 * 2 * 2
    assert lm.history == []


def test_the_optimizer_may_be_another_lm(tmp_path: Path) -> None:
    other = ScriptedTransport(world, identity="other")
    with bench(tmp_path) as (session, transport, _):
        optimizer = session.lm("scripted/other", transport=other)
        AutoEvol(FailureMetric(PaperRules()), config=SMALL, optimizer_lm=optimizer).compile(
            Evolver(START), trainset=rows(20, 100), valset=rows(10)
        )
    assert {kind_of(request) for request in other.requests} == {"analyze", "propose"}
    assert {kind_of(request) for request in transport.requests} == {"evolve", "respond"}
    assert {request.model for request in other.requests} == {"scripted/other"}


def test_the_lm_in_force_before_is_in_force_after(tmp_path: Path) -> None:
    with bench(tmp_path) as (_, _, lm):
        AutoEvol(FailureMetric(PaperRules()), config=SMALL).compile(Evolver(START), trainset=rows(20))
        assert dspy.settings.lm is lm


def test_the_authors_rule_can_be_chosen(tmp_path: Path) -> None:
    run = optimise(tmp_path, SMALL, selection=ReleasedRule())
    assert all("success x growth" in step.note for step in run.best.trial_logs.values())


@pytest.mark.parametrize("hit", ["evolve", "respond", "analyze", "propose"])
def test_a_refused_key_stops_the_run_at_once_and_counts_as_nothing(tmp_path: Path, hit: str) -> None:
    def script(request: Request) -> Answer:
        return lm15.AuthError("bad key", status=401) if kind_of(request) == hit else world(request)

    cases: list[Case] = []
    with bench(tmp_path, script) as (_, transport, _):
        teleprompter = AutoEvol(
            FailureMetric(PaperRules()), config=SMALL, on_row=lambda _, case: cases.append(case)
        )
        with pytest.raises(AccessDenied, match="bad key"):
            teleprompter.compile(Evolver(START), trainset=rows(20, 100), valset=rows(10))
        refused = sum(1 for request in transport.requests if kind_of(request) == hit)
    assert refused <= SMALL.concurrency
    assert all(case.trajectory is not None for case in cases)


def test_nothing_is_asked_any_more_once_compile_has_raised(tmp_path: Path) -> None:
    """One challenger's evaluation meets the stop; those of its siblings must end with it."""
    asked = 0

    def script(request: Request) -> Answer:
        nonlocal asked
        asked += 1
        late = kind_of(request) == "evolve" and "way" in (request.messages[-1].text or "")
        return lm15.AuthError("revoked", status=401) if late and asked % 7 == 0 else world(request)

    transport = ScriptedTransport(script, latency=0.01)
    config = replace(SMALL, m=4, dev_size=30, concurrency=4)
    with bench(tmp_path) as (session, _, _):
        lm = session.lm("scripted/slow", transport=transport, temperature=0.0)
        with dspy.context(lm=lm), pytest.raises(AccessDenied):
            AutoEvol(FailureMetric(PaperRules()), config=config).compile(
                Evolver(START), trainset=rows(20, 100), valset=rows(30)
            )
        while transport._under_way:  # what was on its way when the stop came
            time.sleep(0.01)
        settled = len(transport.requests)
        time.sleep(0.3)
        assert len(transport.requests) == settled


def test_an_endpoint_that_is_down_stops_the_run(tmp_path: Path) -> None:
    with bench(tmp_path, lambda request: lm15.TransportError("no route")), pytest.raises(EndpointDown):
        AutoEvol(FailureMetric(PaperRules()), config=replace(SMALL, dev_size=40)).compile(
            Evolver(START), trainset=rows(20, 100), valset=rows(40)
        )


@pytest.mark.parametrize(
    "bad",
    [{"m": 0}, {"batch_size": 0}, {"patience": 0}, {"dev_size": -1}, {"steps": -1}, {"confirm_size": -1}],
)
def test_settings_out_of_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=flag(next(iter(bad)))):
        LoopConfig(**bad)
