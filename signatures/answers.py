"""Which of two answers to a question is better? Prompts only."""

from __future__ import annotations

import dspy

from autoevol.core.fence import FENCE_NOTE


class ChooseAnswer(dspy.Signature):
    """You compare two answers to one question. You do not know who gave them.

    Work out first what a good answer has to hold. Then say which of the two serves whoever asked better:
    right before wrong, to the point before beside it, complete before patchy, clear before muddled. Length
    is no merit, nor are politeness, headings and lists, nor which answer is shown first. Where both are
    equally good, or equally bad, say so: a tie.
    """

    material: str = dspy.InputField(desc="the question and both answers. " + FENCE_NOTE)
    reason: str = dspy.OutputField(desc="one or two sentences")
    better: str = dspy.OutputField(desc="first, second or tie: one word")
