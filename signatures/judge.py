"""The judge of an evolution, and the judge of two answers. Prompts only."""

from __future__ import annotations

import dspy


class JudgeEvolution(dspy.Signature):
    """You check a rewritten instruction before it is used to train a model.

    Two versions of one instruction are shown in random order; which of them is the
    original is stated. The other one is the rewrite. It is meant to be harder to fulfil
    than the original, in the same language and about the same task, with everything that
    is needed to fulfil it. Where a response is shown, a model gave it to the rewrite: use
    it as a hint at what the rewrite lacks, but judge the rewrite, not the response.

    Work through the rewrite as if you had to fulfil it, then name every fault that holds:

    leaked: headings, notes or placeholders of the rewriting are left in it
    language_changed: it is in another language than the original
    answered: it contains its own answer or the whole way to it
    lost_information: data, code or the question of the original is missing
    off_task: it asks for something else altogether
    contradictory: its conditions cannot all be true
    unsolvable: something needed for one definite answer is missing, ambiguous or absurd
    stagnant: it is no harder than the original, only longer or reworded
    refused, asks_for_more, hedged: the response declines, asks back, or commits to nothing

    Write none if there is no fault. Give each version a complexity from 1 (trivial) to 10
    (expert work), on one scale, the versions side by side.
    """

    version_1: str = dspy.InputField()
    version_2: str = dspy.InputField()
    original_is: str = dspy.InputField(desc="version_1 or version_2")
    response: str = dspy.InputField(desc="a model's response to the rewrite, or (none)")
    reason: str = dspy.OutputField(desc="what you found, one or two short sentences")
    kinds: str = dspy.OutputField(
        desc="the names of the faults that hold, worst first, comma-separated, or none"
    )
    severity: str = dspy.OutputField(desc="0 no fault, 1 minor, 2 unusable")
    complexity_1: str = dspy.OutputField(desc="complexity of version_1, 1 to 10")
    complexity_2: str = dspy.OutputField(desc="complexity of version_2, 1 to 10")


class SameDemand(dspy.Signature):
    """Two instructions are shown. Are they equal in what they demand?

    They are equal if they set the same constraints and requirements, and ask with the same
    depth and the same breadth. Wording, order and politeness do not matter.
    """

    first: str = dspy.InputField()
    second: str = dspy.InputField()
    verdict: str = dspy.OutputField(desc="equal or not equal")


class SameAnswer(dspy.Signature):
    """Two responses to one instruction are shown. Do they come to the same conclusion?

    Wording, order and length do not matter. Where one of them reaches no conclusion, or the
    conclusions differ in anything that the instruction asks for, the answer is no.
    """

    instruction: str = dspy.InputField()
    first: str = dspy.InputField()
    second: str = dspy.InputField()
    same: str = dspy.OutputField(desc="yes or no")
