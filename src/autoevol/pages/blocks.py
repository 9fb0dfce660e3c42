"""What a report shows, as records: HTML and Markdown are two ways to write the same sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoevol.pages.diff import Change


@dataclass(frozen=True)
class Grid:
    """A table; the first cell of a row is its heading.

    Attributes:
        across: Whether it is read across: then a phone keeps its first column in sight and moves the
            others, instead of telling each row below its heading.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    across: bool = False
    kind: str = field(default="grid", init=False)

    @classmethod
    def of(
        cls, caption: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, across: bool = False
    ) -> Grid:
        """The same of values of any type."""
        return cls(caption, tuple(columns), tuple(tuple(map(str, row)) for row in rows), across)


@dataclass(frozen=True)
class Plot:
    """A drawing, and all that it shows as a table.

    Attributes:
        name: Of its file, without the ending.
        svg: The drawing, its texts escaped.
        narrow: The same for a phone.
    """

    name: str
    svg: str
    narrow: str
    caption: str
    grid: Grid
    kind: str = field(default="plot", init=False)


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str
    kind: str = field(default="words", init=False)


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str
    kind: str = field(default="heading", init=False)


@dataclass(frozen=True)
class Quote:
    """A text that somebody wrote, to the letter.

    Attributes:
        folded: Whether it is opened by hand.
    """

    title: str
    text: str
    folded: bool = True
    kind: str = field(default="quote", init=False)


@dataclass(frozen=True)
class Changed:
    """A text beside the one that it was made of."""

    title: str
    pieces: tuple[Change, ...]
    kind: str = field(default="changed", init=False)


@dataclass(frozen=True)
class RowExample:
    """One row from seed to response.

    Attributes:
        outcome: passed, failed or unscored.
        pieces: The last instruction beside the seed.
    """

    outcome: str
    seed: str
    pieces: tuple[Change, ...]
    response: str
    reason: str
    kind: str = field(default="example", init=False)


@dataclass(frozen=True)
class Browser:
    """Rows that a reader goes through; needs JavaScript.

    Attributes:
        rows: As JSON; see `rows.browsed`.
    """

    told: str
    rows: tuple[Mapping[str, Any], ...]
    kind: str = field(default="browser", init=False)


Block = Grid | Plot | Words | Heading | Quote | Changed | RowExample | Browser


@dataclass(frozen=True)
class Section:
    """One part of a report; `id` is its anchor."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Fact:
    """One figure at the top: its name, its value, and what it must not be read without."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class ReportPage:
    """All that a report shows.

    Attributes:
        verdict: One sentence.
        warnings: What the verdict must not be read without.
    """

    title: str
    verdict: str
    warnings: tuple[str, ...]
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]

    @property
    def plots(self) -> list[Plot]:
        """All drawings."""
        return [block for part in self.sections for block in part.blocks if isinstance(block, Plot)]

    @property
    def browsed(self) -> tuple[Mapping[str, Any], ...]:
        """The rows of the browser; none where there is none."""
        blocks = (block for part in self.sections for block in part.blocks)
        return next((block.rows for block in blocks if isinstance(block, Browser)), ())
