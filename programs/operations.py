"""The operations of WizardLM as evolving methods: five in depth, one in breadth.

Source: "WizardLM: Empowering Large Language Models to Follow Complex Instructions" (arXiv
2304.12244), section 3.2 and appendices A to F: an in-depth round applies one of five
operations and adds 10 to 20 words; an in-breadth round makes another instruction of the same
domain, of similar length and difficulty, but rarer. In our own words. There the operation is
drawn anew each round with equal probability, which is the pipeline's default as well.
"""

from __future__ import annotations

from autoevol.core.records import Method


def _in_depth(name: str, how: str) -> Method:
    return Method(
        name=name,
        text=f"""
    You rewrite instructions. Turn the instruction below into a more complex version of itself,
    one that strong AI assistants find somewhat harder to handle. People must still be able to
    understand and answer it.

    {how}

    Keep everything that the original gives: its text, numbers, names, tables and code belong
    into the new version. Add 10 to 20 words to the original and not more. Write in the language
    of the original. The new version stands by itself: it does not mention that it is a rewrite.
    """,
    )


ADD_CONSTRAINTS = _in_depth(
    "add-constraints",
    "Do it in this way: add one more constraint that the answer has to meet.",
)
DEEPEN = _in_depth(
    "deepen",
    "Do it in this way: where the instruction asks about a matter, ask about it in more depth and breadth.",
)
CONCRETIZE = _in_depth(
    "concretize", "Do it in this way: replace general concepts in the instruction by more specific ones."
)
MORE_REASONING = _in_depth(
    "more-reasoning",
    "Do it in this way: if a few simple steps of thought solve the instruction, rewrite it so that it "
    "openly asks for reasoning in several steps.",
)
COMPLICATE_INPUT = _in_depth(
    "complicate-input",
    "Do it in this way: give the instruction data to work on, such as a table, a piece of code, JSON, XML, "
    "a formula or an excerpt of a text, written out in full, so that answering needs it. The words of the "
    "data do not count among the 10 to 20.",
)
MUTATE = Method(
    name="breadth",
    text="""
    You write instructions. Let the instruction below inspire you to an entirely new one.

    The new instruction belongs to the same domain as the given one, but is rarer: fewer people
    would think of asking it. Its length and its difficulty are similar to those of the given one.
    It is sensible, and an AI assistant can understand and answer it without seeing the given one.
    Write in the language of the given instruction.
    """,
)

IN_DEPTH = (ADD_CONSTRAINTS, DEEPEN, CONCRETIZE, MORE_REASONING, COMPLICATE_INPUT)
OPERATIONS = {method.name: method for method in (*IN_DEPTH, MUTATE)}
