"""What a kind of labelling must say of itself; evolutions and pairs of answers are the two."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from autoevol.core.text import storable

Label = Mapping[str, Any]
Labels = Mapping[str, Mapping[str, Label]]
"""By rater, then by item."""

NOTE = 2_000
"""Most characters of a note."""


class Form(Protocol):
    """A list of items and what is asked about each."""

    @property
    def kind(self) -> str:
        """`evolutions` or `answers`; the page shows one form for each."""
        ...

    @property
    def file(self) -> str:
        """Name of the file of labels."""
        ...

    @property
    def seed(self) -> int:
        """Decides the order, and on which side an answer stands."""
        ...

    @property
    def ids(self) -> Sequence[str]:
        """The items."""
        ...

    def shown(self, item: str, rater: str) -> dict[str, Any]:
        """What the page shows of it: nothing that tells the method, the model or the detector."""
        ...

    def checked(self, item: str, rater: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """A label out of what the page sent. Raises InputError if it is none."""
        ...

    def records(self, labels: Labels) -> Iterator[dict[str, Any]]:
        """The lines of the file: one for each item that somebody has labelled."""
        ...

    def answers(self, labels: Labels) -> dict[str, list[list[Hashable]]]:
        """By question, the answers of all raters to each item that at least two have labelled."""
        ...


def majority(votes: Sequence[bool]) -> bool | None:
    """What more than half say; None without one."""
    yes = sum(votes)
    return True if 2 * yes > len(votes) else False if 2 * yes < len(votes) else None


def note_of(said: Mapping[str, Any]) -> str:
    """The note that came with a label."""
    return storable(str(said.get("note") or "")[:NOTE])


def by_item(item: str, labels: Labels) -> dict[str, Label]:
    """The labels of one item by rater."""
    return {rater: own[item] for rater, own in sorted(labels.items()) if item in own}
