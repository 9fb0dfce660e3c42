"""Answer agreement: do several responses to the evolved instruction reach the same answer?

A problem that lacks information is answered differently each time. Numbers and short answers
are compared exactly, everything else by a judge; code that a model wrote is never run.
The idea is that of self-consistency (Wang et al., arXiv:2203.11171), read as a test of the
question instead of a vote on the answer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence

import dspy

from autoevol.core.fence import fenced
from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed, unscored
from autoevol.metrics.conclusions import final_answer
from autoevol.metrics.textual import clip, shorten, value_of, view
from autoevol.signatures.judge import SameAnswer

SHORT_WORDS = 6
"""An answer of at most this many words is compared word by word."""

_NUMBER = re.compile(r"[-−]?[$€£]?\d+(?:[.,]\d+)*%?")

Sampler = Callable[[str, int], Awaitable[str]]
"""Returns a response to an instruction; the number of the sample (0, 1, ...) makes it a fresh one."""


def normal_answer(response: str) -> str | None:
    """The final answer in a comparable form; None if it takes a judge to compare it.

    A number gives its value ("$1,200.00" and "1200" are equal), a short answer its words.
    """
    answer = final_answer(view(response)) or response.strip()
    numbers = _NUMBER.findall(answer)
    if len(numbers) == 1:
        digits = numbers[0].replace("−", "-")
        value = value_of(digits.lstrip("-$€£"))
        return f"{-value if digits.startswith('-') else value:.6g}"
    words = view(answer).words
    return " ".join(words) if 0 < len(words) <= SHORT_WORDS and len(numbers) == 0 else None


def agreement(answers: Sequence[object]) -> float:
    """Share of pairs of answers that are equal, 0..1; 1 for fewer than two answers.

    Equal answers must compare equal; None is equal to nothing.
    """
    total = len(answers) * (len(answers) - 1) // 2
    if not total:
        return 1.0
    same = sum(a is not None and a == b for place, a in enumerate(answers) for b in answers[place + 1 :])
    return same / total


class AnswerAgreement:
    """Calls a problem `unsolvable` if sampled responses disagree about its answer.

    Low agreement may also mean a hard problem and a weak model, so the threshold needs calibration; the
    answers of a model that solves nothing are no evidence.

    Args:
        sample: Gives one response; LM errors that it raises make the case unscored. By default
            the LM of the current `dspy.context` is asked the bare instruction.
        samples: Responses a case, >= 2.
        threshold: Agreement below which a case fails, 0..1.
        definite: Tells instructions that have one answer; others pass unasked. By default all are asked.

    A decision costs `samples` calls, and where the answers are prose up to as many comparisons as
    there are pairs of them: `calls` counts the most.
    """

    kinds: frozenset[FailureKind] = frozenset({FailureKind.UNSOLVABLE})

    def __init__(
        self,
        sample: Sampler | None = None,
        samples: int = 4,
        threshold: float = 0.5,
        name: str = "agreement",
        definite: Callable[[str], bool] | None = None,
    ) -> None:
        if samples < 2 or not 0 <= threshold <= 1:
            raise ValueError(f"samples must be >= 2 and threshold in 0..1, got {samples} and {threshold}")
        self.name = name
        self.sample = sample or ask
        self.samples = samples
        self.threshold = threshold
        self.definite = definite or (lambda _: True)
        self.calls = samples + samples * (samples - 1) // 2
        self.compare = dspy.Predict(SameAnswer)

    def judge(self, trajectory: Trajectory) -> Verdict:
        """As `ajudge`, for callers without an event loop."""
        return asyncio.run(self.ajudge(trajectory))

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        """Sample the responses and compare their answers."""
        instruction = trajectory.evolved
        if instruction is None:
            return unscored(self.name, "There is no evolved instruction to answer.")
        if not self.definite(instruction):
            return passed(self.name)
        replies = await asyncio.gather(
            *(self.sample(instruction, n) for n in range(self.samples)), return_exceptions=True
        )
        for reply in replies:
            if isinstance(reply, BaseException) and not isinstance(reply, dspy.LMError):
                raise reply
        texts = [reply for reply in replies if isinstance(reply, str)]
        if len(texts) < 2:
            return unscored(self.name, f"Only {len(texts)} of {self.samples} responses came back.")
        try:
            labels = await self._labels(instruction, texts)
        except (dspy.LMError, dspy.AdapterParseError) as error:
            return unscored(self.name, f"{type(error).__name__}: {shorten(str(error), 120)}")
        if labels is None:
            return unscored(self.name, "The comparison of two responses cannot be read.")
        share = agreement(labels)
        if share >= self.threshold:
            return passed(self.name)
        shown = ", ".join(f'"{shorten(final_answer(view(text)) or text, 30)}"' for text in texts[:4])
        return failed(
            self.name, FailureKind.UNSOLVABLE, f"{share:.0%} of {len(texts)} responses agree: {shown}."
        )

    async def _labels(self, instruction: str, texts: Sequence[str]) -> list[object] | None:
        """One label per response; responses with the same answer share a label. None if unreadable."""
        labels: list[object] = []
        judged: list[tuple[str, int]] = []
        for text in texts:
            exact = normal_answer(text)
            if exact is not None:
                labels.append(exact)
                continue
            # A response that needs reading is compared with one representative a label.
            for other, label in judged:
                same = await self._same(instruction, other, text)
                if same is None:
                    return None
                if same:
                    labels.append(label)
                    break
            else:
                judged.append((text, len(judged)))
                labels.append(judged[-1][1])
        return labels

    async def _same(self, instruction: str, first: str, second: str) -> bool | None:
        texts = {"instruction": clip(instruction), "first": clip(first), "second": clip(second)}
        said = await self.compare.acall(**{name: fenced({name: text}) for name, text in texts.items()})
        word = str(said.get("same") or "").strip().lower()
        return True if word.startswith("yes") else False if word.startswith("no") else None


async def ask(instruction: str, number: int) -> str:
    """One sampled response of the LM of the current `dspy.context` to the bare instruction."""
    lm = dspy.settings.lm
    if lm is None:
        raise dspy.LMNotConfiguredError("no LM: use `with dspy.context(lm=...)`")
    replies = await lm.acall(prompt=instruction, temperature=1.0, rollout_id=number)
    first = replies[0]
    return first if isinstance(first, str) else str(first.get("text", ""))
