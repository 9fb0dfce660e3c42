"""A bench over a scripted or simulated transport, and the heat that tests of comparisons run on."""

from __future__ import annotations

from pathlib import Path

import dspy

from autoevol.comparison.entry import Heat
from autoevol.experiments.testbed import Testbed, TestbedConfig, TestbedTransport
from autoevol.lm.budget import Caps
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from autoevol.lm.transport import Reply, Transport
from autoevol.metrics.failure import FailureMetric
from autoevol.programs.evolver import Evolver
from autoevol.store.calls import CallStore


class Counted:
    """Passes requests on and counts the replies, apart from every ledger.

    Args:
        inner: Answers.
        fails_at: Raises `error` instead of sending the request with this number, from 1.
    """

    seeded = True

    def __init__(self, inner: Transport, fails_at: int = 0, error: BaseException | None = None) -> None:
        self.inner = inner
        self.identity = inner.identity
        self.asked = 0
        self.replied = 0
        self._fails_at, self._error = fails_at, error

    async def send(self, request: dspy.lm15.Request) -> Reply:
        self.asked += 1
        if self.asked == self._fails_at and self._error:
            raise self._error
        reply = await self.inner.send(request)
        self.replied += 1
        return reply

    async def aclose(self) -> None:
        await self.inner.aclose()


class Arena:
    """A bench whose every LM is `transport`, with one measure."""

    def __init__(
        self, transport: Transport, concurrency: int = 1, measure: FailureMetric | None = None
    ) -> None:
        self.transport = transport
        self.concurrency = concurrency
        self.measure = measure or FailureMetric()

    def session(self, path: Path, caps: Caps) -> Session:
        store = CallStore(path, power_safe=False)
        return Session(store, caps=caps, retry=RetryPolicy(attempts=1), concurrency=self.concurrency)

    def task_lm(self, session: Session) -> dspy.LM:
        return session.lm("arena/x", "evol", transport=self.transport, temperature=0.0)

    def respond_lm(self, session: Session) -> dspy.LM | None:
        return None

    def prompt_lm(self, session: Session) -> dspy.LM:
        return session.lm("arena/x", "optimizer", transport=self.transport, temperature=1.0)

    def metric(self, session: Session) -> FailureMetric:
        return self.measure


def simulated(
    seed: int = 0,
    *,
    train: int = 20,
    dev: int = 8,
    concurrency: int = 1,
    fails_at: int = 0,
    error: BaseException | None = None,
    config: TestbedConfig | None = None,
) -> tuple[Heat, Counted]:
    """A heat in the testbed of `seed`, and the counter before its transport."""
    testbed = Testbed(seed, config)
    counted = Counted(TestbedTransport(testbed), fails_at, error)
    rows = tuple(testbed.rows(train + dev))
    student = Evolver(testbed.start)
    return Heat(seed, Arena(counted, concurrency), student, rows[dev:], rows[:dev]), counted
