"""Plain English for the identifiers that files use: failure kinds, ends of a round, errors."""

from __future__ import annotations

from collections.abc import Mapping

from autoevol.core.records import FailureKind

KINDS: dict[FailureKind, str] = {
    FailureKind.EMPTY: "blank reply",
    FailureKind.UNPARSED: "without a final instruction",
    FailureKind.TRUNCATED: "cut off",
    FailureKind.UNCHANGED: "came back unchanged",
    FailureKind.LEAKED: "words of the prompt in the text",
    FailureKind.LANGUAGE_CHANGED: "changed its language",
    FailureKind.ANSWERED: "gives the answer away",
    FailureKind.LOST_INFORMATION: "lost information",
    FailureKind.OFF_TASK: "became another task",
    FailureKind.STAGNANT: "no harder",
    FailureKind.CONTRADICTORY: "contradicts itself",
    FailureKind.UNSOLVABLE: "cannot be solved",
    FailureKind.REFUSED: "response refuses",
    FailureKind.ASKS_FOR_MORE: "response asks for more",
    FailureKind.HEDGED: "response hedges",
}
"""A phrase for every kind of failure, to follow a count."""

_ENDS = {
    "gated": "turned away by a check",
    "filtered": "stopped by the provider's filter",
    "length": "reply longer than its limit",
    "rate_limited": "too many requests for the endpoint",
    "server_error": "error of the endpoint",
    "timeout": "no reply in time",
    "unreachable": "endpoint not reached",
    "unreadable_reply": "reply that is no completion",
    "content_filter": "stopped by the provider's filter",
    "bad_request": "refused by the endpoint",
    "access_denied": "no access",
    "no_credit": "no credit",
    "unknown_model": "model not known there",
    "misconfigured": "wrong settings",
    "unexpected": "unexpected error",
}
_WORDS = {**{kind.value: phrase for kind, phrase in KINDS.items()}, **_ENDS}


def plain(word: str) -> str:
    """The phrase for an identifier; an unknown one becomes itself with spaces."""
    return _WORDS.get(word, word.replace("_", " "))


def many(count: int, thing: str) -> str:
    """`1 seed`, `1,200 seeds`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def reasons(counts: Mapping[str, int], most: int = 4) -> str:
    """`9 cannot be solved, 1 came back unchanged`: the most frequent first, the rest summed up."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    told = [f"{count:,} {plain(word)}" for word, count in ordered[:most] if count]
    rest = sum(count for _, count in ordered[most:])
    return ", ".join([*told, *([f"{rest:,} other"] if rest else [])])
