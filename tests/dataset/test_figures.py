"""What is known of versions: written and read, found again in other files, never another pair's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from autoevol.core.errors import StoreError
from autoevol.dataset.clean import clean_file
from autoevol.dataset.figures import (
    COLUMNS,
    RUN,
    Figures,
    KnownFigures,
    figures_file,
    figures_of,
    origins,
    read_figures,
    record_key,
    version_key,
    write_figures,
)
from autoevol.dataset.lineages import EvolvedPair, SeedLineage, read_lineages
from autoevol.metrics.difficulty import Difficulty
from quality_judge import write_dataset

HARD = Difficulty("m", nll=2.0, nll_alone=2.5, nll_instruction=4.0, tokens=7)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    known = [
        Figures("s", 1, "v", "p", "r0", 4.0, 2.0, ("a", "b"), "judge", "tagger", HARD),
        Figures("s", 0, "w"),
    ]
    write_figures(tmp_path / "d.quality.jsonl", known)
    assert list(read_figures(tmp_path / "d.quality.jsonl")) == known
    assert list(read_figures(tmp_path / "none.quality.jsonl")) == []
    assert list(known[0].columns) == list(COLUMNS)
    assert known[0].columns == {
        "complexity": 4.0,
        "gain": 2.0,
        "tags": ["a", "b"],
        "ifd": 0.8,
        "ic_ifd": 0.2,
    }
    assert set(known[1].columns.values()) == {None}


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"seed_id": "a", "round": "one", "version": "v", "pair": null}']
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "d.quality.jsonl"
    write_figures(path, [Figures("s", 0, "w")])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(StoreError, match="line 2"):
        list(read_figures(path))


def test_the_runs_judge_speaks_of_rewrites_and_of_the_seed_beside_the_first() -> None:
    pairs = (
        EvolvedPair("r1", ("Sort.", "Sort 3."), "1", gain=1.0, complexity=4.0, complexity_before=2.0),
        EvolvedPair(
            "r2", ("Sort.", "Sort 3.", "Sort 4."), "2", gain=2.0, complexity=6.0, complexity_before=3.0
        ),
    )
    seed, first, second = figures_of(SeedLineage("s", pairs))
    assert (seed.complexity, seed.pair, seed.judge) == (2.0, None, RUN)
    assert (first.complexity, first.gain, first.id) == (4.0, 1.0, "r1")
    assert (second.complexity, second.gain, second.round) == (6.0, 2.0, 2)
    (untold, *_) = figures_of(SeedLineage("s", pairs[1:]))
    assert untold.complexity is None, "3 was said of round 1, which is not the seed"


def test_two_responses_to_one_version_are_two_pairs() -> None:
    way = ("Sort.", "Sort 3.")
    made = figures_of(SeedLineage("s", (EvolvedPair("a", way, "1"), EvolvedPair("b", way, "2"))))
    assert [(one.round, one.id) for one in made] == [(0, None), (1, "a"), (1, "b")]
    assert len({one.key for one in made}) == 3


def test_columns_are_found_again_in_a_cleaned_file(tmp_path: Path) -> None:
    path = write_dataset(tmp_path)
    known = [replace(one, complexity=5.0) for seed in read_lineages(path) for one in figures_of(seed)]
    write_figures(figures_file(path), known)
    clean_file(path, tmp_path / "kept.jsonl")
    assert origins(tmp_path / "kept.jsonl") == [path, tmp_path / "kept.jsonl"]
    found = KnownFigures(tmp_path / "kept.jsonl")
    for line in (tmp_path / "kept.jsonl").read_text().splitlines():
        assert found.of(record_key(json.loads(line)) or "")["complexity"] == 5.0
    assert found.of("elsewhere", {"gain": 3})["gain"] == 3
    assert origins(Path("no/such/file")) == []


def test_records_of_other_shapes_have_no_key() -> None:
    for record in (None, [], {"stages": []}, {"stages": [1]}, {"instruction": "a", "response": "b"}):
        assert record_key(record) is None
    assert record_key({"stages": ["a", "b"], "response": None}) == record_key({"stages": ["b"]})


def test_ways_with_one_text_are_told_apart() -> None:
    assert version_key(("a", "b", "c")) != version_key(("a", "c"))
