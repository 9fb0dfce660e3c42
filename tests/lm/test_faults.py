"""A server with every kind of fault: each row ends as a trajectory or with one word for its loss."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.utils.exceptions import LMError

from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.core.records import Trajectory
from autoevol.lm.http import HTTPTransport
from autoevol.lm.retry import RetryPolicy, reason_of
from autoevol.lm.session import Session
from autoevol.programs.evolver import Evolver
from autoevol.programs.methods import INITIAL
from autoevol.store.calls import CallStore
from servers import FAULTS, Endpoint, says

ROWS = 1000
GOOD = says("<final_instruction>Prove it.</final_instruction>")


def faulty(seed: int) -> Any:
    draw, kinds = random.Random(seed), list(FAULTS)
    return lambda body: FAULTS[draw.choice(kinds)] if draw.random() < 0.1 else GOOD


@pytest.mark.slow
def test_one_fault_in_ten_loses_no_row_and_gets_into_no_text(tmp_path: Path) -> None:
    program = Evolver(INITIAL)

    async def one(number: int) -> Trajectory | str:
        with in_scope(f"row {number}"):
            try:
                return (await program.acall(instruction=f"Task {number}")).trajectory
            except LMError as error:
                return reason_of(error)

    async def rows() -> list[Trajectory | str]:
        return await aio.gather(one(number) for number in range(ROWS))

    store = CallStore(tmp_path / "calls.sqlite", power_safe=False)
    retry = RetryPolicy(base=0.02)
    with Endpoint(faulty(7)) as endpoint, Session(store, retry=retry, concurrency=64) as session:
        transport = HTTPTransport("m", base_url=endpoint.url, timeout=2.0)
        lm = session.lm("m", transport=transport, temperature=0.7)
        with dspy.context(lm=lm, trace=None, disable_history=True):
            ends = aio.run_and_wait(rows())
        aio.run_and_wait(transport.aclose())
        paid = {line.role: line.paid.calls for line in session.ledger()}

    lost = Counter(end for end in ends if isinstance(end, str))
    done = [end for end in ends if isinstance(end, Trajectory)]
    assert len(done) + lost.total() == ROWS
    assert set(lost) == {"bad_request", "content_filter"}, "all else passes when it is tried again"
    assert 5 < lost["content_filter"] < 40
    evolved = {trajectory.evolutions[-1].finish_reason for trajectory in done}
    answered = {trajectory.response_finish_reason for trajectory in done if trajectory.evolved}
    assert evolved == answered == {"stop", "length", "content_filter"}
    assert paid["evol"] >= len(done) > 0.95 * ROWS
    for trajectory in done:
        assert trajectory.evolved in ("Prove it.", None)
        assert "FAULT" not in f"{trajectory}"
        assert "Bad gateway" not in f"{trajectory}"
