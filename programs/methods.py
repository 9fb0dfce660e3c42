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

# For models too small to follow four steps. They follow examples better than rules. Measured on
# SmolLM2-135M: a demand woven into the task made it lose the task; a second sentence, which leaves the
# first to be copied, does not. A condition that is copied shows as such (`metrics.scaffold`).
COMPACT = Method(
    name="compact",
    text="""
    You rewrite a task into a harder task by adding one condition. You never solve the task. You
    keep every word of the task.
    """,
    demos=tuple(
        Demo(task, f"{task} {condition}")
        for task, condition in (
            ("Explain how a lighthouse works.", "Also describe a day in the life of its keeper."),
            ("Write a short letter to a landlord.", "Also tell the landlord about a broken heater."),
            ("Suggest three ways to save water at home.", "Also explain where the water comes from."),
            ("Write a joke about a parrot.", "Also give the parrot a name."),
            ("Explain what a volcano is.", "Also say why farmers live near a volcano."),
            ("Describe a harbour at night.", "Also compare the harbour with an airport."),
        )
    ),
)

BUILT_IN = {method.name: method for method in (INITIAL, WEAK, COMPACT)}
