"""The testbed as other code uses it: rows, a transport, and the true rate of any method."""

from __future__ import annotations

import hashlib
from dataclasses import asdict

from dspy.lm15 import Request

from autoevol.core.records import FailureKind, Method, Row, digest
from autoevol.experiments.testbed.prompts import read_prompt
from autoevol.experiments.testbed.scribe import Scribe
from autoevol.experiments.testbed.texts import evolved_reply, is_known, response, seed_instruction
from autoevol.experiments.testbed.truth import TestbedConfig, Truth
from autoevol.lm.transport import Reply, Transport
from autoevol.programs.evolve import FINAL_TAG, EvolveInstruction
from autoevol.programs.tags import contract

_ADAPTER = EvolveInstruction().adapter
_CONTRACT = f"\n\n{contract(FINAL_TAG, _ADAPTER.asks_for)}"
_INSTRUCTION = "#Instruction#:\n"


class UnknownPrompt(BaseException):
    """A prompt that the simulated LM has no reply for.

    A BaseException, or an optimizer would turn the gap into a score of 0.
    """


class Testbed:
    """A simulated world with a known truth. Everything in it is *simulated*.

    Args:
        seed: Two testbeds of one seed are the same in every process; two of different seeds
            differ in base rates, in which cures are strong, and in every draw.
        config: The model's settings.

    Attributes:
        start: The initial method, with a true failure rate within the configured range.
    """

    __test__ = False  # not a test, whatever pytest thinks of the name

    def __init__(self, seed: int = 0, config: TestbedConfig | None = None) -> None:
        self.seed = seed
        self.config = config or TestbedConfig()
        self.truth = Truth(seed, self.config)
        self.start = Method(self.truth.start_text, name="start")

    def rows(self, count: int, first: int = 0) -> list[Row]:
        """`count` seed instructions, beginning with number `first`; all numbers differ."""
        texts = [seed_instruction(number) for number in range(first, first + count)]
        return [Row(digest(text), text) for text in texts]

    def transport(self) -> TestbedTransport:
        """A new transport to this world, with a count of its own."""
        return TestbedTransport(self)

    def true_rate(self, method: Method) -> float:
        """The failure rate of `method` over all conceivable rows, one round each, 0..1.

        By numerical integration over the difficulty of rows; no call is made. Demos have no effect.
        """
        return sum(self.true_kinds(method).values())

    def true_kinds(self, method: Method) -> dict[FailureKind, float]:
        """The parts of `true_rate` by the kind that the detectors see."""
        return self.truth.by_kind(method.text)


class TestbedTransport(Transport):
    """Plays the evol LM, the responding LM and the optimizer LM. Zero latency, no state but a count.

    Attributes:
        asked: Requests that reached it.
    """

    __test__ = False
    seeded = True  # so that each sample of a sampled request arrives with a seed of its own

    def __init__(self, testbed: Testbed) -> None:
        # The judge has no part in what is asked and answered.
        world = tuple(value for name, value in asdict(testbed.config).items() if name != "misjudged")
        settings = hashlib.sha256(repr(world).encode()).hexdigest()[:16]
        self.identity = f"testbed:{testbed.seed}:{settings}"
        self.asked = 0
        self._truth = testbed.truth
        self._scribe = Scribe(testbed.seed, testbed.config)

    async def send(self, request: Request) -> Reply:
        """One reply, which follows from the request and the testbed's seed alone."""
        self.asked += 1
        text = self._answer(request)
        sent = sum(len(message.text or "") for message in request.messages)
        return Reply(text, "stop", sent // 4, len(text) // 4)

    async def aclose(self) -> None:
        """Nothing to release."""

    def _answer(self, request: Request) -> str:
        sample = "" if request.config.temperature == 0 else str(request.config.seed)
        first, last = request.messages[0].text or "", request.messages[-1].text or ""
        method, is_evolution, _ = first.partition(_CONTRACT)
        if is_evolution:
            instruction = last.rpartition(_INSTRUCTION)[2].removesuffix(_ADAPTER.reminder)
            kind, pick = self._truth.draw(method, instruction, sample)
            return evolved_reply(instruction, kind, pick, FINAL_TAG)
        prompt = read_prompt(request)
        if prompt.wanted or "cases" in prompt.fields:
            return self._scribe.reply(prompt, sample)
        if not is_known(last):
            raise UnknownPrompt(f"the simulated LM has no reply to {last[:200]!r}")
        return response(last)
