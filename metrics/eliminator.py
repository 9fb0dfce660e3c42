"""The WizardLM eliminator, as far as text alone decides it.

Source: "WizardLM: Empowering Large Language Models to Follow Complex Instructions"
(arXiv:2304.12244), section on elimination evolving. Its other rule, an LM's verdict that
the evolved instruction brings no information gain, is in `autoevol.metrics.gain`.
"""

from __future__ import annotations

import re

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed

SORRY_WORDS = 80
"""A response with "sorry" counts as a refusal if it has fewer words than this."""

PROMPT_WORDS = (
    "given prompt",
    "rewritten prompt",
    "created prompt",
    "new prompt#",
    "#the given",
    "#rewritten",
    "#created",
    "given instruction#",
    "rewritten instruction",
)
"""Words of the evolving prompts that have no business in an instruction.

The paper gives three; the others are the same headings as the Auto Evol-Instruct methods
write them. Sought in any case.
"""

# A small closed-class list: the paper names no list, and a longer one would call terse
# but real answers ("no", "yes", "not now") empty.
_CLOSED_CLASS = """a an and are as at be been but by can could did do does for from had has have he her
here his how i
if in into is it its itself just me more most my of off on once only or other our out over own same
she should so some such than that the their them then there these they this those through to too
under until up very was we were what when where which while who whom why will with would you your"""
_STOP_WORDS = frozenset(_CLOSED_CLASS.split())
_WORD = re.compile(r"\w+")
_WINDOW = 4_000


class Eliminator:
    """Three of the eliminator's four rules, on the last round; `metrics.rounds` asks after every one.

    1. "sorry" in a response of fewer than 80 words: the model could not answer;
    2. a response of nothing but punctuation and stop words;
    3. words of the evolving prompt copied into the evolved instruction.

    A response that was never requested (None) is not held against the instruction.
    """

    name = "eliminator"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.REFUSED, FailureKind.EMPTY, FailureKind.LEAKED})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Apply the three rules in order."""
        evolved = (trajectory.evolved or "")[:_WINDOW].lower()
        before = trajectory.seed[:_WINDOW].lower()
        copied = next((words for words in PROMPT_WORDS if words in evolved and words not in before), None)
        if copied is not None:
            return failed(self.name, FailureKind.LEAKED, f'The instruction copies "{copied}".')
        if trajectory.response is None:
            return passed(self.name)
        # 80 words never need more than a window: what is longer is not short.
        window = trajectory.response[:_WINDOW].lower()
        words = _WORD.findall(window)
        if all(word in _STOP_WORDS for word in words):
            return failed(self.name, FailureKind.EMPTY, "The response has only punctuation and stop words.")
        if "sorry" in window and len(words) < SORRY_WORDS and len(trajectory.response) <= _WINDOW:
            return failed(self.name, FailureKind.REFUSED, f'"sorry" in a response of {len(words)} words.')
        return passed(self.name)
