"""What DSPy sees: both faces at once, copies, roles, and errors that nothing swallows."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dspy
import pytest
from dspy import lm15
from dspy.lm15 import Request
from dspy.utils.exceptions import LMError, LMInvalidRequestError

from autoevol.core import aio
from autoevol.core.context import Role, as_role, current_role
from autoevol.core.errors import AccessDenied, BudgetReached, EndpointDown, StopRun
from autoevol.lm.budget import Caps
from autoevol.lm.recorder import LedgerLine
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from autoevol.lm.transport import Reply
from autoevol.store.calls import CallStore, Spent
from autoevol.testing import Answer, ScriptedTransport, ScriptExhausted

FIELDS = "[[ ## answer ## ]]\nfine\n\n[[ ## completed ## ]]"
ONE = Spent(1, 10, 5)


def billed(text: str = FIELDS) -> Callable[[Request], Answer]:
    return lambda _: Reply(text, "stop", 10, 5)


def language_model(store: CallStore, transport: ScriptedTransport, **options: Any) -> tuple[Session, dspy.LM]:
    session = Session(store, retry=RetryPolicy(attempts=1, base=0.0, breaker=1), **options)
    return session, session.lm("openai/m", transport=transport, temperature=0.0)


def test_the_reply_of_a_program(store: CallStore) -> None:
    transport = ScriptedTransport(billed())
    session, lm = language_model(store, transport)
    with dspy.context(lm=lm):
        assert dspy.Predict("question -> answer")(question="a").answer == "fine"
        assert asyncio.run(dspy.Predict("question -> answer").acall(question="b")).answer == "fine"
    assert session.ledger() == [LedgerLine("other", Spent(2, 20, 10), reused=0)]


def test_finish_reason_and_usage_reach_the_caller(store: CallStore) -> None:
    _, lm = language_model(store, ScriptedTransport([Reply("half", "length", 10, 5)]))
    reply = lm(request=Request("openai/m", (lm15.Message.user("x"),)))
    assert (reply.message.text, reply.finish_reason) == ("half", "length")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (10, 5)


def test_dspy_keeps_no_cache_of_its_own(store: CallStore) -> None:
    """At temperature 1 DSPy's cache would give the first sample again."""
    numbers = iter("abc")
    session = Session(store)
    lm = session.lm("openai/m", transport=ScriptedTransport(lambda _: next(numbers)), temperature=1.0)
    assert [lm("x")[0] for _ in range(3)] == ["a", "b", "c"]


def test_threads_coroutines_of_foreign_loops_and_of_the_shared_loop_at_once(store: CallStore) -> None:
    transport = ScriptedTransport(billed(), latency=0.005)
    session, lm = language_model(store, transport, concurrency=64)

    def in_thread(number: int) -> str:
        return lm(f"thread {number}")[0]

    def in_own_loop(name: int) -> list[str]:
        async def several() -> list[str]:
            return [reply[0] for reply in await aio.gather(lm.acall(f"loop {name} {n}") for n in range(10))]

        return asyncio.run(several())

    async def on_shared_loop() -> list[str]:
        return [reply[0] for reply in await aio.gather(lm.acall(f"shared {n}") for n in range(20))]

    with ThreadPoolExecutor(32) as pool:
        threads = [pool.submit(in_thread, n) for n in range(60)]
        loops = [pool.submit(in_own_loop, n) for n in range(4)]
        shared = pool.submit(aio.run_and_wait, on_shared_loop())
        assert [each.result(120) for each in threads] == [FIELDS] * 60
        assert [each.result(120) for each in loops] == [[FIELDS] * 10] * 4
        assert shared.result(120) == [FIELDS] * 20
    assert session.ledger() == [LedgerLine("other", Spent(120, 1200, 600), reused=0)]
    assert len(transport.requests) == 120


def test_a_sync_call_on_the_shared_loop_is_refused_instead_of_waiting_for_itself(store: CallStore) -> None:
    _, lm = language_model(store, ScriptedTransport(billed()))

    async def wrong() -> None:
        lm("x")

    with pytest.raises(LMError, match="await the coroutine instead"):
        aio.run_and_wait(wrong())


# One ledger, whoever copies.


def test_every_copy_of_an_lm_and_of_a_program_books_to_one_ledger(store: CallStore) -> None:
    transport = ScriptedTransport(billed())
    session, lm = language_model(store, transport)
    program = dspy.ChainOfThought("question -> answer")
    program.set_lm(lm)
    lms = [copy.copy(lm), copy.deepcopy(lm), lm.copy(temperature=0.5), program.deepcopy().get_lm()]
    lms += [copy.deepcopy(program).predictors()[0].lm, program.reset_copy().set_lm(lm) or lm]
    for number, each in enumerate(lms):
        each(f"question {number}")
    assert session.ledger() == [LedgerLine("other", Spent(6, 60, 30), reused=0)]
    assert len(transport.requests) == 6
    assert copy.deepcopy(lm)("question 0") == [FIELDS]
    assert session.ledger()[0].reused == 1


# Roles.


class Asks(dspy.Module):
    """A program that books its own role, as autoevol's do."""

    def __init__(self, role: Role) -> None:
        super().__init__()
        self.role: Role = role
        self.predict = dspy.Predict("question -> answer")

    def forward(self, question: str) -> dspy.Prediction:
        with as_role(self.role):
            return self.predict(question=question)

    async def aforward(self, question: str) -> dspy.Prediction:
        with as_role(self.role):
            return await self.predict.acall(question=question)


def test_roles_are_right_under_threads_and_tasks(store: CallStore) -> None:
    session, lm = language_model(store, ScriptedTransport(billed(), latency=0.002), concurrency=64)
    asking: dict[Role, Asks] = {"evol": Asks("evol"), "judge": Asks("judge")}
    with dspy.context(lm=lm):
        pairs = [
            (asking[role], dspy.Example(question=f"{role} {n}").with_inputs("question"))
            for n in range(10)
            for role in asking
        ]
        dspy.Parallel(num_threads=8, disable_progress_bar=True)(pairs)

        async def tasks() -> None:
            await aio.gather(
                asking[role].acall(question=f"task {role} {n}") for n in range(10) for role in asking
            )

        asyncio.run(tasks())
        aio.run_and_wait(tasks())  # the same from the shared loop; all are known by now
        dspy.Predict("question -> answer")(question="nobody's")
    paid = {line.role: line.paid.calls for line in session.ledger()}
    assert paid == {"evol": 20, "judge": 20, "other": 1}
    assert {line.role: line.reused for line in session.ledger()} == {"evol": 10, "judge": 10, "other": 0}


def test_an_lm_s_own_role_is_for_calls_that_say_none(store: CallStore) -> None:
    session = Session(store)
    lm = session.lm("openai/m", "optimizer", transport=ScriptedTransport(billed("x")))
    lm("a")
    with as_role("judge"):
        lm("b")
        threading_role: list[Role] = []
        thread = threading.Thread(target=lambda: (threading_role.append(current_role()), lm("c")))
        thread.start()
        thread.join()
    assert threading_role == ["other"], "a plain thread starts without the role"
    assert {line.role: line.paid.calls for line in session.ledger()} == {"judge": 1, "optimizer": 2}


# What must end the run gets through everything that DSPy puts around a call.

DENIED = lm15.AuthError("bad key", status=401)
DOWN = lm15.ServerError("down")
STOPS: list[tuple[type[StopRun], Callable[[CallStore], dspy.LM]]] = [
    (BudgetReached, lambda store: language_model(store, ScriptedTransport([]), caps=Caps(calls=0))[1]),
    (AccessDenied, lambda store: language_model(store, ScriptedTransport(lambda _: DENIED))[1]),
    (EndpointDown, lambda store: language_model(store, ScriptedTransport(lambda _: DOWN))[1]),
]

EXAMPLES = [dspy.Example(question=str(n), answer="fine").with_inputs("question") for n in range(12)]


def exact(example: dspy.Example, prediction: dspy.Prediction, trace: object = None) -> float:
    return float(prediction.answer == example.answer)


def evaluate(threads: int) -> Callable[[dspy.Module], object]:
    return lambda program: dspy.Evaluate(
        devset=EXAMPLES, metric=exact, num_threads=threads, max_errors=1000, display_progress=False
    )(program)


def parallel(threads: int) -> Callable[[dspy.Module], object]:
    return lambda program: dspy.Parallel(num_threads=threads, max_errors=1000, disable_progress_bar=True)(
        [(program, example) for example in EXAMPLES]
    )


async def _asyncified(program: Any) -> object:
    asynchronous: Any = dspy.asyncify(program)
    return await asynchronous(question="x")


SURROUNDINGS: dict[str, Callable[[dspy.Module], object]] = {
    "Predict": lambda program: program(question="x"),
    "Predict.acall": lambda program: asyncio.run(program.acall(question="x")),
    "asyncify": lambda program: asyncio.run(_asyncified(program)),
    "Evaluate, 1 thread": evaluate(1),
    "Evaluate, 4 threads": evaluate(4),
    "Parallel, 1 thread": parallel(1),
    "Parallel, 4 threads": parallel(4),
    "BootstrapFewShot": lambda program: dspy.BootstrapFewShot(metric=exact, max_errors=1000).compile(
        program, trainset=EXAMPLES
    ),
}


@pytest.mark.parametrize("around", SURROUNDINGS.values(), ids=list(SURROUNDINGS))
@pytest.mark.parametrize(("stop", "model"), STOPS, ids=[stop.__name__ for stop, _ in STOPS])
def test_a_stop_of_the_run_passes_through(
    store: CallStore,
    stop: type[StopRun],
    model: Callable[[CallStore], dspy.LM],
    around: Callable[[dspy.Module], object],
) -> None:
    with dspy.context(lm=model(store)), pytest.raises(stop):
        around(dspy.Predict("question -> answer"))


def test_threads_that_dspy_leaves_behind_do_not_go_on_asking_a_denied_endpoint(store: CallStore) -> None:
    transport = ScriptedTransport(lambda _: lm15.AuthError("bad key", status=401), latency=0.01)
    _, lm = language_model(store, transport)
    many = [dspy.Example(question=str(n), answer="").with_inputs("question") for n in range(200)]
    with dspy.context(lm=lm), pytest.raises(AccessDenied):
        dspy.Evaluate(devset=many, metric=exact, num_threads=4, display_progress=False)(
            dspy.Predict("question -> answer")
        )
    for thread in threading.enumerate():
        if thread.name.startswith("ThreadPoolExecutor"):
            thread.join(120)
    assert len(transport.requests) <= 4


def test_a_script_that_ran_out_is_as_loud(store: CallStore) -> None:
    _, lm = language_model(store, ScriptedTransport([]))
    with dspy.context(lm=lm), pytest.raises(ScriptExhausted, match="no answer left"):
        evaluate(4)(dspy.Predict("question -> answer"))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(lm15.InvalidRequestError("no"), LMInvalidRequestError), (RuntimeError("a bug"), LMError)],
)
def test_a_fault_of_one_row_is_an_ordinary_dspy_error(
    store: CallStore, fault: Exception, kind: type[Exception]
) -> None:
    session = Session(store)
    lm = session.lm("openai/m", transport=ScriptedTransport([fault, fault, "fine"]))
    with pytest.raises(kind):
        lm("a")
    with pytest.raises(kind):
        asyncio.run(lm.acall("b"))
    assert lm("c") == ["fine"]
