"""Tables at any width: nothing is cut, and lines end between words."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core.layout import Column, cells, grid_table, pairs_table, wrapped

words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=24)
numbers = st.floats(-1e6, 1e6).map("{:,.1f}".format)
intervals = st.tuples(st.integers(-100, 0), st.integers(0, 100)).map(lambda ends: f"[{ends[0]}%, {ends[1]}%]")
texts = st.lists(words | numbers | intervals, min_size=1, max_size=20).map(" ".join)
labels = st.lists(words, min_size=1, max_size=3).map(" ".join)
widths = st.integers(40, 200)


def flat(lines: list[str]) -> list[str]:
    return " ".join(lines).split()


@settings(deadline=None)
@given(texts, widths)
def test_text_is_broken_between_words_only(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert flat(lines) == text.split()
    assert all(cells(line) <= width for line in lines), "no word here is longer than a line"


@settings(deadline=None)
@given(intervals, texts, widths)
def test_an_interval_stays_on_one_line(interval: str, text: str, width: int) -> None:
    assert any(interval in line for line in wrapped(f"{text} {interval}", width))


@settings(deadline=None)
@given(st.lists(st.tuples(labels, texts), min_size=1, max_size=6), widths)
def test_a_table_of_pairs_keeps_every_word(rows: list[tuple[str, str]], width: int) -> None:
    lines = pairs_table(rows, width)
    assert flat(lines) == [word for row in rows for text in row for word in text.split()]
    assert all(cells(line) <= width for line in lines)


cell = words | numbers | intervals
columns = st.builds(Column, words, st.booleans(), st.integers(0, 3))
grids = st.integers(2, 7).flatmap(
    lambda count: st.tuples(
        st.lists(columns, min_size=count, max_size=count),
        st.lists(st.lists(cell, min_size=count, max_size=count), min_size=1, max_size=5),
    )
)


@settings(deadline=None)
@given(grids, widths)
def test_a_grid_shows_whole_cells_or_leaves_the_column_out(
    table: tuple[list[Column], list[list[str]]], width: int
) -> None:
    heads, rows = table
    lines = grid_table(heads, rows, width)
    told = "\n".join(lines)
    for row in rows:
        for column, text in zip(heads, row, strict=True):
            assert column.spare > 0 or all(word in told for word in text.split())
    assert all(cells(line) <= width for line in lines)


def test_a_narrow_terminal_leaves_out_what_is_needed_least_and_then_stacks() -> None:
    columns = [Column("method"), Column("failed", right=True), Column("calls", right=True, spare=2)]
    rows = [["a rather long name of a method", "12.0% [3.0%, 31.0%]", "1,200"]]
    assert grid_table(columns, rows, 80)[0].split() == ["method", "failed", "calls"]
    assert grid_table(columns, rows, 56)[0].split() == ["method", "failed"]
    assert grid_table(columns, rows, 40) == [
        "a rather long name of a method", "  failed: 12.0% [3.0%, 31.0%]", "  calls: 1,200",
    ]  # fmt: skip


def test_values_stand_below_their_labels_where_there_is_no_room_beside() -> None:
    rows = [("holdout: the first configuration", "12.0% [3.0%, 31.0%], and more words")]
    assert pairs_table(rows, 80)[0].startswith("holdout: the first configuration  12.0%")
    assert pairs_table(rows, 40) == [
        "holdout: the first configuration", "  12.0% [3.0%, 31.0%], and more words",
    ]  # fmt: skip


def test_a_path_is_never_cut() -> None:
    path = "/a/rather/deep/folder/" * 6 + "dataset.jsonl"
    assert any(path in line for line in pairs_table([("data set", f"12 lines in {path}")], 60))
