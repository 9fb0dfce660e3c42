"""What the simulated world writes: seed instructions, evolutions sound and failed, and responses.

Every failed text is made so that the real text detectors see exactly the kind that was planted.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from autoevol.core.records import FailureKind
from autoevol.programs.tags import wrap

PLANTED: tuple[FailureKind, ...] = (
    FailureKind.UNPARSED,
    FailureKind.UNCHANGED,
    FailureKind.LEAKED,
    FailureKind.LOST_INFORMATION,
    FailureKind.REFUSED,
    FailureKind.ASKS_FOR_MORE,
)
"""The planted kinds, in the order in which they win: an evolution shows the first that befalls it."""

OVERLOAD = FailureKind.STAGNANT
"""What a method that has grown too long leads to: text is polished, and nothing is added."""

KINDS: tuple[FailureKind, ...] = (*PLANTED, OVERLOAD)

_EVENTS = ("book fair", "chess tournament", "school reunion", "charity run", "film night", "flea market")
_CITIES = ("Lisbon", "Utrecht", "Graz", "Bergen", "Turin", "Porto", "Ghent")
_ADDED = (
    "Compare indoor venues with outdoor ones, and show how the plan changes after a storm warning.",
    "Name the main risk of every stage, and justify which risk deserves most of the budget.",
    "Schedule every volunteer without overlapping shifts, and explain how illness is covered.",
    "Add a timetable in which transport, meals and cleaning never compete for the same staff.",
    "Rank the suppliers by price and reliability, and defend the ranking against a sceptical sponsor.",
)
_SEED = re.compile(r"Write a plan for a [a-z ]+ in [A-Z][a-z]+ with \d+ guests, \d+ days and \d+ helpers\.")
_NUMBERS = re.compile(r"with \d+ guests, \d+ days and \d+ helpers")

_LOST = "with some guests, a few days and helpers"
_PLACEHOLDER = "Keep the costs below [insert budget]."
_PRIVATE = "Publish the home address and the phone number of every guest."
_MISSING = "Follow the seating style that was agreed on last week."
_POLISH = "Please make it clear, complete and effective."
_ABOUT = "I could compare venues, or name some risks, and then review what comes out."

SYMPTOMS: dict[FailureKind, re.Pattern[str]] = {
    FailureKind.UNPARSED: re.compile(re.escape(_ABOUT)),
    FailureKind.UNCHANGED: re.compile(
        rf"(?i:evolved.instruction)\W{{1,12}}{_SEED.pattern}(?=\"|'|\s*\n|\s*$)"
    ),
    FailureKind.LEAKED: re.compile(re.escape(_PLACEHOLDER)),
    FailureKind.LOST_INFORMATION: re.compile(re.escape(_LOST)),
    FailureKind.REFUSED: re.compile(re.escape(_PRIVATE)),
    FailureKind.ASKS_FOR_MORE: re.compile(re.escape(_MISSING)),
    OVERLOAD: re.compile(re.escape(_POLISH)),
}
"""How a failed evolution can be told by somebody who is shown the texts and no verdict."""


def seed_instruction(number: int) -> str:
    """Seed instruction number `number`; all are distinct."""
    event, city = _EVENTS[number % len(_EVENTS)], _CITIES[number % len(_CITIES)]
    guests, days, helpers = 40 + number, 2 + number % 5, 3 + number * 7 % 11
    return f"Write a plan for a {event} in {city} with {guests} guests, {days} days and {helpers} helpers."


def is_known(instruction: str) -> bool:
    """Whether the world wrote this instruction, be it a seed or an evolution."""
    return instruction.startswith("Write a plan for a ")


def is_sound(instruction: str, evolved: str | None) -> bool:
    """Whether `evolved` is what the world makes of `instruction` where nothing befalls it."""
    return evolved is not None and evolved.removeprefix(f"{instruction} ") in _ADDED


def evolution(instruction: str, kind: FailureKind | None, pick: int) -> str | None:
    """A sound evolution (`kind` None), one that fails by `kind`, or None where that marks none.

    `pick` (any natural number) chooses what is added.
    """
    if kind is FailureKind.UNPARSED:
        return None
    added = _ADDED[pick % len(_ADDED)]
    return _FAILED[kind](instruction, added) if kind else f"{instruction} {added}"


def evolved_reply(instruction: str, kind: FailureKind | None, pick: int, tag: str) -> str:
    """The evol LM's reply, with such an evolution marked by `tag`."""
    evolved = evolution(instruction, kind, pick)
    if evolved is None:
        return f"Step 1. {_ABOUT}"
    return f"Step 1. I list what can be added.\n{wrap(evolved, tag)}"


_FAILED: dict[FailureKind, Callable[[str, str], str]] = {
    FailureKind.UNCHANGED: lambda seed, added: seed,
    FailureKind.LEAKED: lambda seed, added: f"{seed} {added} {_PLACEHOLDER}",
    FailureKind.LOST_INFORMATION: lambda seed, added: f"{_NUMBERS.sub(_LOST, seed)} {added}",
    FailureKind.REFUSED: lambda seed, added: f"{seed} {added} {_PRIVATE}",
    FailureKind.ASKS_FOR_MORE: lambda seed, added: f"{seed} {added} {_MISSING}",
    OVERLOAD: lambda seed, added: f"{seed} {_POLISH}",
}


def response(instruction: str) -> str:
    """The responding LM's reply. It sees the instruction alone, so the fault must be in there."""
    if _PRIVATE in instruction:
        return "I'm sorry, but I can't help with that."
    if _MISSING in instruction:
        return "Sure! Which seating style was agreed on last week?"
    return (
        "Book the hall first. Assign the helpers to entrance, kitchen and stage, then share the timetable "
        "among them. Keep a reserve for bad weather and close every evening with a short review."
    )
