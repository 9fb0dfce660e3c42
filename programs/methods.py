"""Evolving methods to start from. In our own words; each names its source.

How the result is to be marked is no part of a method: the adapter adds it (see `tags`).
"""

from __future__ import annotations

from autoevol.core.records import Demo, Method

# After the initial evolving method of Auto Evol-Instruct (arXiv 2406.00770, figure 2): list
# ways, plan, rewrite within 10 to 20 added words, review.
INITIAL = Method(
    name="initial",
    text="""
    You rewrite instructions. Turn the instruction below into a more complex version of itself,
    one that a strong AI assistant finds somewhat harder to follow. Work in these four steps.

    Step 1. Read the instruction carefully and list every way in which it could be made more
    complex. Changing its language is not one of them.

    Step 2. Choose several of these ways and make a plan that combines them.

    Step 3. Carry out the plan and write the new instruction. It may be at most 10 to 20 words
    longer than the original.

    Step 4. Review the new instruction. Remove whatever is unreasonable, and make sure that it is
    a more complex version of the original and nothing else. The result of this step is final.
    """,
)

# After the weak starting point of the paper's ablation (figure 9): a role and a wish.
WEAK = Method(
    name="weak",
    text="""
    You rewrite instructions. Turn the instruction below into a more complex version of itself.
    Give only the final version, without explaining it.
    """,
)

# For models too small to follow four steps. They follow examples better than rules: measured on
# SmolLM2-135M, where the demos decide whether a task is rewritten or answered.
COMPACT = Method(
    name="compact",
    text="""
    You rewrite a task into a harder task by adding one condition. You never solve the task. You
    keep every number and every name.
    """,
    demos=(
        Demo(
            "Write a function that returns the largest number in a list.",
            "Write a function that returns the largest number in a list, ignores values that are not "
            "numbers, and raises an error if the list is empty.",
        ),
        Demo(
            "A baker sells 24 rolls in the morning and 18 in the afternoon. How many rolls does he sell "
            "in a day?",
            "A baker sells 24 rolls in the morning and 18 in the afternoon. One third of the morning rolls "
            "are returned. How many rolls does he sell in a day after the returns?",
        ),
        Demo(
            "Suggest three ways to save water at home.",
            "Suggest three ways to save water at home that cost nothing, and say for each how much water it "
            "saves in a week.",
        ),
        Demo(
            "Lena has 5 boxes with 12 pencils each. How many pencils does she have?",
            "Lena has 5 boxes with 12 pencils each. She gives 8 pencils to each of her 3 friends. How many "
            "pencils does she have left?",
        ),
        Demo(
            "Explain what a volcano is.",
            "Explain what a volcano is, why some volcanoes erupt more violently than others, and give one "
            "example of each kind.",
        ),
    ),
)

BUILT_IN = {method.name: method for method in (INITIAL, WEAK, COMPACT)}
