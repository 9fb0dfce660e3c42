"""An evolved data set by its seeds: lines good and bad, each seed once, samples that stay the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.errors import InputError
from autoevol.dataset.lineages import EvolvedPair, SeedLineage, pair_key, read_lineages, sample

LINES: list[dict[str, Any]] = [
    {"id": "a1", "seed_id": "a", "stages": ["Sort.", "Sort 3."], "response": "1 2 3", "gain": 2, "round": 1},
    {"id": "b1", "seed_id": "b", "stages": ["Add.", "Add 3."], "response": None, "complexity": 4.5},
    {"id": "a2", "seed_id": "a", "stages": ["Sort.", "Sort 3.", "Sort 4."], "response": "4"},
    {"id": "a0", "seed_id": "a", "stages": ["Sort."], "response": "What?", "round": 0},
    {"stages": ["No ids.", "No ids at all."]},
]


def write(folder: Path, lines: list[dict[str, Any]]) -> Path:
    path = folder / "dataset.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_lines_are_found_under_their_seeds(tmp_path: Path) -> None:
    first, second, third = read_lineages(write(tmp_path, LINES))
    assert [pair.id for pair in first.pairs] == ["a1", "a2", "a0"]
    assert first.seed == "Sort."
    assert first.versions == (("Sort.",), ("Sort.", "Sort 3."), ("Sort.", "Sort 3.", "Sort 4."))
    assert first.ends == (("Sort.", "Sort 3.", "Sort 4."),)
    assert first.pairs[0].gain == 2.0
    assert first.pairs[0].key == pair_key("Sort 3.", "1 2 3")
    assert second.pairs == (EvolvedPair("b1", ("Add.", "Add 3."), complexity=4.5),)
    assert third.seed == "No ids."
    assert third.evolved
    assert read_lineages(tmp_path) == [first, second, third], "a folder means its data set"


def test_a_seed_that_was_only_answered_is_not_evolved(tmp_path: Path) -> None:
    (only,) = read_lineages(write(tmp_path, LINES[3:4]))
    assert not only.evolved
    assert only.ends == (("Sort.",),)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no rows"),
        ("{", "line 1"),
        ('{"id": 1}', "stages"),
        ('\n{"stages": ["a"]}', "line 2"),
        ('{"stages": ["a", null]}', "two texts"),
        ('{"stages": [], "round": 0}', "two texts"),
        ("[]", "line 1"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "dataset.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=says):
        read_lineages(path)


def test_a_folder_without_a_dataset_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="finish the run first"):
        read_lineages(tmp_path)


@given(st.integers(1, 40), st.integers(1, 50))
def test_a_sample_is_the_same_seeds_in_their_order(count: int, size: int) -> None:
    every = [SeedLineage(str(number), (EvolvedPair(None, ("x", "y")),)) for number in range(count)]
    chosen = sample(every, size)
    assert len(chosen) == min(count, size)
    assert chosen == sorted(chosen, key=lambda one: int(one.seed_id))
    smaller = {one.seed_id for one in sample(every, max(1, size - 1))}
    assert smaller <= {one.seed_id for one in chosen}


ways = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(lambda more: ("seed", *more))


@given(st.lists(ways, min_size=1, max_size=5))
def test_versions_hold_every_way_once_and_every_version_lies_on_the_way_to_an_end(
    stages: list[tuple[str, ...]],
) -> None:
    lineage = SeedLineage("s", tuple(EvolvedPair(None, way) for way in stages))
    assert len(set(lineage.versions)) == len(lineage.versions)
    assert set(stages) <= set(lineage.versions)
    for way in lineage.versions:
        assert any(end[: len(way)] == way for end in lineage.ends)
