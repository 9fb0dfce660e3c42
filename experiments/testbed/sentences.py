"""The sentences that methods of the simulated world are made of, and what each one does."""

from __future__ import annotations

from dataclasses import dataclass

from autoevol.core.records import FailureKind

OPENING = "You rewrite instructions. Turn the instruction below into a more complex version of itself."

CURES: dict[FailureKind, tuple[str, str, str]] = {
    FailureKind.UNPARSED: (
        "Always write out the whole new instruction at the end, however short the plan was.",
        "Do not stop after the plan; the new instruction itself has to be written down.",
        "Close your reply with the instruction and with nothing behind it.",
    ),
    FailureKind.UNCHANGED: (
        "The new instruction has to ask for at least one thing that the original does not ask for.",
        "Never hand back the original; put a new demand into it.",
        "Check that your version differs from the original in content.",
    ),
    FailureKind.LEAKED: (
        "Fill every gap with a concrete value and leave no brackets or stand-ins behind.",
        "Write only finished text that a user could send as it is.",
        "Keep your notes and headings out of the new instruction.",
    ),
    FailureKind.LOST_INFORMATION: (
        "Copy every number and every name of the original into the new instruction.",
        "Lose none of the data that the original gives.",
        "Compare the figures of both versions before you finish.",
    ),
    FailureKind.REFUSED: (
        "Ask for nothing private, dangerous or illegal, so that any assistant will answer.",
        "Keep to demands that a polite stranger could ask.",
        "Avoid topics that a careful assistant would decline.",
    ),
    FailureKind.ASKS_FOR_MORE: (
        "Whatever is needed to answer has to stand in the new instruction itself.",
        "Refer to no file, talk or agreement that the reader cannot see.",
        "Imagine a reader without any context and give what that reader lacks.",
    ),
}
"""For each planted kind, sentences that make it rarer. Which one is strong depends on the seed."""

HARMS: dict[FailureKind, tuple[str, ...]] = {
    FailureKind.UNPARSED: ("Think aloud at length and stop when the plan is good.",),
    FailureKind.UNCHANGED: ("If the original is already good, leave it alone.",),
    FailureKind.LEAKED: ("Use stand-ins in brackets where details are open.",),
    FailureKind.LOST_INFORMATION: ("Speak of quantities in general terms.",),
    FailureKind.REFUSED: ("Be daring and push the request to its limits.",),
    FailureKind.ASKS_FOR_MORE: ("Allude to earlier talks to make the request realistic.",),
}
"""Sentences that make a kind more frequent."""

IDLE: tuple[str, ...] = (
    "Work slowly and take a deep breath before every step.",
    "You are a world-class expert with decades of experience in this field.",
    "This is very important for my career.",
    "Aim for a result that you would be proud of.",
    "Read the original twice before you begin.",
    "Use plain words and a friendly tone.",
    "Think about what an experienced editor would do here.",
    "Vary the wording so that the text stays pleasant to read.",
    "Consider the matter from several sides before you decide.",
    "Quality matters more than speed in this task.",
)
"""Sentences that change nothing, except that they make the method longer."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a sentence does to the rate of `kind`: it is multiplied by `factor`."""

    kind: FailureKind
    factor: float
