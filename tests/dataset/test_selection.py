"""Rows by their figures: what stays, what goes, and what is said of it, by hand and through `export`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.config import ExportConfig
from autoevol.core.errors import InputError
from autoevol.dataset.card import Licences, card_text
from autoevol.dataset.export import export_file
from autoevol.dataset.figures import Figures, figures_file, figures_of, write_figures
from autoevol.dataset.lineages import read_lineages
from autoevol.dataset.selection import Range, RowSelection
from command_line import command
from quality_judge import opinion, write_dataset
from servers import Endpoint

ROWS = [(f"Name {number} primes.", f"Name {number} primes and prove each.") for number in range(6)]


def scored(folder: Path, score: Callable[[Figures], Figures]) -> Path:
    """A data set of six rows; `score` says what is known of each version."""
    path = write_dataset(folder, ROWS)
    known = [score(one) for lineage in read_lineages(path) for one in figures_of(lineage)]
    write_figures(figures_file(path), known)
    return path


def by_number(one: Figures) -> Figures:
    """Row n has gain n / 2 and complexity n + 1; nothing is known of the last one."""
    number = int((one.id or "r5")[1:])
    return one if number == 5 else replace(one, gain=number / 2, complexity=number + 1.0, tags=("maths",))


def test_rows_below_the_least_gain_go_and_so_do_those_without_one(tmp_path: Path) -> None:
    path = scored(tmp_path, by_number)
    done = export_file(path, tmp_path / "out.jsonl", settings=ExportConfig(min_gain=1))
    origins = [json.loads(line) for line in done.provenance.read_text().splitlines()]
    assert [one["gain"] for one in origins] == [1.0, 1.5, 2.0]
    assert next((one["complexity"], one["tags"], one["ifd"]) for one in origins) == (3.0, ["maths"], None)
    assert done.notes() == [
        "--min-gain: 2 rows left out; 1 without a gain left out too (--keep-unscored keeps them)"
    ]
    kept = export_file(path, tmp_path / "out.jsonl", settings=ExportConfig(min_gain=1, keep_unscored=True))
    assert kept.rows == 4
    assert kept.notes() == ["--min-gain: 2 rows left out; 1 without a gain kept"]


def test_both_bounds_hold(tmp_path: Path) -> None:
    path = scored(tmp_path, by_number)
    done = export_file(path, tmp_path / "out.jsonl", settings=ExportConfig(min_gain=1, min_complexity=5))
    assert done.rows == 1
    assert done.counts.selection.dropped == 5
    assert "--min-complexity: 2 rows left out" in done.notes()


def test_where_nothing_is_known_the_way_to_know_it_is_said(tmp_path: Path) -> None:
    path = write_dataset(tmp_path, ROWS)
    with pytest.raises(
        InputError, match="no row has a gain; run `autoevol quality` on it with --judge-model"
    ):
        export_file(path, tmp_path / "out.jsonl", settings=ExportConfig(min_gain=1))
    with pytest.raises(InputError, match="--min-gain: 5 rows left out"):
        export_file(scored(tmp_path, by_number), tmp_path / "out.jsonl", settings=ExportConfig(min_gain=3))


def test_what_the_run_has_written_into_its_rows_counts_too(tmp_path: Path) -> None:
    path = write_dataset(tmp_path, ROWS, gain=2, complexity=6)
    done = export_file(path, tmp_path / "out.jsonl", settings=ExportConfig(min_gain=2, min_complexity=6))
    assert done.rows == 6


def test_no_gain_is_asked_of_an_answered_seed(tmp_path: Path) -> None:
    path = scored(tmp_path, by_number)
    write_dataset(tmp_path, [*ROWS, ("Name a prime.",)])
    done = export_file(path, tmp_path / "out.jsonl", settings=ExportConfig(min_gain=2))
    assert done.rows == 2, "row 4 and the seed"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"min_gain": 4}, "--min-gain must be between 0 and 3"),
        ({"min_complexity": 0}, "--min-complexity must be between 1 and 10"),
        ({"keep_unscored": True}, "--keep-unscored needs --min-gain or --min-complexity"),
    ],
)
def test_bounds_that_cannot_be_are_refused(settings: dict[str, float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        ExportConfig(**settings)  # pyright: ignore[reportArgumentType]


def test_from_a_judge_to_an_export_and_its_card(tmp_path: Path) -> None:
    rows = [
        *ROWS[:2],
        ("Sort.", "Sort a list. Avoid every loop, and say why at each step that you take."),
    ]
    path = write_dataset(tmp_path, rows)
    with Endpoint(opinion) as endpoint:
        judge = ("--judge-model", "judge", "--judge-api-base", endpoint.url)
        assert command("quality", path, *judge).exit_code == 0
    out = tmp_path / "train.jsonl"
    done = command("export", path, "--out", out, "--min-gain", "2", "--min-complexity", "3", "--json")
    assert (done.exit_code, json.loads(done.stdout)["left_out"]) == (0, 2)
    assert "--min-gain: 2 rows left out" in done.stderr
    origin = json.loads((tmp_path / "train.provenance.jsonl").read_text())
    assert (origin["gain"], origin["complexity"], origin["tags"][0]) == (3.0, 6.0, "task")
    exported = export_file(path, out, settings=ExportConfig(min_gain=2))
    card = card_text(exported, None, Licences(), "Evolved")
    assert "## Complexity and diversity" in card
    assert "| complexity, 1 to 10 |" in card
    assert "judged by `judge`" in card
    assert "--min-gain: 2 rows left out" in card.replace("\\", "")


figures = st.none() | st.floats(0, 3)


@given(st.lists(figures, max_size=30), st.floats(0, 3), st.booleans())
def test_every_row_is_taken_outside_or_unscored(
    gains: list[float | None], low: float, keep_unscored: bool
) -> None:
    chosen = RowSelection((Range("gain", "--min-gain", low),), keep_unscored)
    taken = sum(chosen.takes({"gain": gain}) for gain in gains)
    assert taken + chosen.dropped == len(gains)
    assert chosen.unscored.total() == gains.count(None)
    assert taken == sum(gain >= low for gain in gains if gain is not None) + gains.count(None) * keep_unscored
