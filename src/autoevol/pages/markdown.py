"""A report as Markdown: for pull requests and dataset cards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autoevol.core.text import code_block, markdown
from autoevol.pages.blocks import (
    Block,
    Browser,
    Changed,
    Grid,
    Heading,
    Plot,
    Quote,
    ReportPage,
    RowExample,
    Words,
)
from autoevol.pages.diff import Change

_MOST_ROWS = 30


def markdown_report(page: ReportPage) -> str:
    """The verdict, its warnings, and every section down to tables and examples; rows are not browsed here."""
    lines = [f"# {markdown(page.title)}", f"**{markdown(page.verdict)}**"]
    if page.warnings:
        lines.append("\n".join(f"- Note: {markdown(warning)}" for warning in page.warnings))
    if page.facts:
        lines.append(_table(("", "", ""), [(fact.name, fact.value, fact.note) for fact in page.facts]))
    for section in page.sections:
        written = [text for block in section.blocks for text in _written(block)]
        if written:
            lines += [f"## {markdown(section.title)}", *written]
    return "\n\n".join(lines) + "\n"


def _written(block: Block) -> Iterator[str]:
    if isinstance(block, Words):
        yield markdown(block.text)
    elif isinstance(block, Heading):
        yield f"### {markdown(block.text)}"
    elif isinstance(block, Grid):
        yield from _grid(block)
    elif isinstance(block, Plot):
        yield from _grid(block.grid)
    elif isinstance(block, Quote):
        yield _folded(block.title, block.text)
    elif isinstance(block, Changed):
        yield _folded(block.title, _marked(block.pieces))
    elif isinstance(block, RowExample):
        yield f"{block.outcome}. {markdown(block.reason)}".strip()
        yield code_block(_marked(block.pieces) or block.seed)
    else:
        assert isinstance(block, Browser)


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{markdown(title)}</summary>\n\n{code_block(text)}\n\n</details>"


def _marked(pieces: Sequence[Change]) -> str:
    signs = {"same": ("", ""), "added": ("{+", "+}"), "removed": ("[-", "-]")}
    return "".join(f"{signs[kind][0]}{text}{signs[kind][1]}" for kind, text in pieces)


def _grid(grid: Grid) -> Iterator[str]:
    if grid.rows:
        yield f"{markdown(grid.caption)}:"
        yield _table(grid.columns, grid.rows[:_MOST_ROWS])
    if len(grid.rows) > _MOST_ROWS:
        yield f"({len(grid.rows) - _MOST_ROWS} more rows in the HTML report)"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    cells = ([cell if cell == "---" else markdown(cell) for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
