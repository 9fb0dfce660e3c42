"""`autoevol quality`: the figures by hand on a few rows, and the command on files good and bad."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from autoevol.cli import app
from autoevol.core.errors import InputError
from autoevol.dataset.quality import Stages, measure_stages, read_stages, render, sample
from autoevol.metrics.embeddings import Matrix
from servers import Answer, Endpoint, says

MORE = "Explain each step and keep the whole answer within two hundred words of plain text."
ROWS: list[Stages] = [
    ("Name a prime.", f"Name a prime. {MORE}", f"Name a prime. {MORE} Avoid the number seven."),
    ("Sort a list.", f"Sort a list. {MORE}"),
]


def write(folder: Path, rows: list[Stages]) -> Path:
    path = folder / "dataset.jsonl"
    path.write_text("".join(json.dumps({"id": "r", "stages": row}) + "\n" for row in rows), encoding="utf-8")
    return path


def command(*words: object) -> Result:
    return CliRunner().invoke(app, ["quality", *map(str, words)])


def test_the_figures_by_hand() -> None:
    seeds, first, second, final = measure_stages(ROWS)
    assert [seeds.stage, first.stage, second.stage, final.stage] == ["seeds", "round 1", "round 2", "final"]
    assert [seeds.rows, first.rows, second.rows, final.rows] == [2, 2, 1, 2]
    assert seeds.added is seeds.in_range is None
    assert seeds.words.mean == 3
    assert first.added is not None
    assert first.added.median == 15
    assert (first.in_range, second.in_range) == (1.0, 0.0)
    assert final.added is not None
    assert (final.added.low, final.added.high) == (15, 19)
    # "within", "each": the rounds demand more, and what they have in common is less diverse.
    assert seeds.constraints < first.constraints < final.constraints
    assert seeds.vendi == pytest.approx(2)
    assert 1 < first.vendi < 2
    assert (seeds.coverage, final.coverage) == (1.0, 1.0)
    assert seeds.distinct_1 > first.distinct_1


def test_one_round_has_no_final_stage_of_its_own() -> None:
    assert [stage.stage for stage in measure_stages([row[:2] for row in ROWS])] == ["seeds", "round 1"]


texts = st.text("abc must each 12?. ", max_size=30)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(texts, min_size=2, max_size=4).map(tuple), min_size=1, max_size=6))
def test_ranges(rows: list[Stages]) -> None:
    stages = measure_stages(rows)
    assert stages[0].rows == len(rows)
    for stage in stages:
        assert 1 <= stage.rows <= len(rows)
        assert 1 - 1e-9 <= stage.vendi <= stage.rows + 1e-9
        shares = (stage.distinct_1, stage.distinct_2, stage.coverage, stage.evenness, stage.in_range or 0.0)
        assert all(0 <= share <= 1 for share in shares)
        assert min(stage.constraints, stage.operations, stage.words.low) >= 0
    assert [stage.rows for stage in measure_stages(rows[::-1])] == [stage.rows for stage in stages]
    assert render(stages, len(rows))


@given(st.integers(1, 40), st.integers(1, 50))
def test_a_sample_is_the_same_rows_in_their_order(count: int, size: int) -> None:
    rows = [(str(number), "x") for number in range(count)]
    chosen = sample(rows, size)
    assert len(chosen) == min(count, size)
    assert chosen == sorted(chosen, key=lambda row: int(row[0]))
    assert set(sample(rows, max(1, size - 1))) <= set(chosen)


def test_the_command_reads_a_file_or_its_folder(tmp_path: Path) -> None:
    path = write(tmp_path, ROWS)
    shown = command(tmp_path)
    assert shown.exit_code == 0
    assert "Vendi score" in shown.stdout
    assert "of 2 rows" not in shown.stdout
    found = json.loads(command(path, "--json").stdout)
    assert found["rows"] == 2
    assert found["stages"] == [json.loads(json.dumps(stage.to_json())) for stage in measure_stages(ROWS)]
    assert "on 1 of 2 rows" in command(path, "--limit", 1).stdout


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no rows"),
        ("{", "line 1"),
        ('{"id": 1}', "stages"),
        ('\n{"stages": ["a"]}', "line 2"),
        ('{"stages": ["a", null]}', "two texts"),
        ("[]", "line 1"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "dataset.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=says):
        read_stages(path)
    shown = command(path)
    assert shown.exit_code == 2
    assert "dataset.jsonl" in shown.stderr


def test_diversity_is_measured_on_the_embedding_that_is_given() -> None:
    def all_alike(texts: Sequence[str]) -> Matrix:
        return np.ones((len(texts), 2))

    for stage, usual in zip(measure_stages(ROWS, all_alike), measure_stages(ROWS), strict=True):
        assert stage.vendi == pytest.approx(1.0)
        assert (stage.words, stage.distinct_2) == (usual.words, usual.distinct_2)


def test_vectors_that_are_not_there_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, ROWS)
    shown = command(path, "--vectors", tmp_path / "nowhere")
    assert shown.exit_code == 2
    assert "model2vec" in shown.stderr


def test_a_folder_without_a_dataset_is_said(tmp_path: Path) -> None:
    assert command(tmp_path).exit_code == 2


def test_nothing_to_measure_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no rows"):
        measure_stages([])


def test_tags_are_named_by_the_evol_model_once_a_text(tmp_path: Path) -> None:
    def serve(body: dict[str, Any]) -> Answer:
        asked = str(body["messages"][-1]["content"])
        names = "arithmetic" if "each step" not in asked else "arithmetic, explanation, length limit"
        return says(f"[[ ## tags ## ]]\n{names}\n\n[[ ## completed ## ]]")

    path = write(tmp_path, ROWS)
    flags = ("--tags", "--store", tmp_path / "calls.sqlite", "--max-calls", "5")
    with Endpoint(serve) as endpoint:
        words = (path, *flags, "--evol-model", "served", "--api-base", endpoint.url)
        done = command(*words, "--json")
        assert done.exit_code == 0, done.stderr
        seeds, *_, final = json.loads(done.stdout.splitlines()[-1])["stages"]
        assert (seeds["tags"]["complexity"], seeds["tags"]["unique"], seeds["tags"]["diversity"]) == (
            1,
            1,
            0.5,
        )
        assert (final["tags"]["complexity"], final["tags"]["unique"], final["tags"]["diversity"]) == (
            3,
            3,
            1.5,
        )
        assert len(endpoint.seen) == 5, "two seeds, two rewrites of round 1, one of round 2"
        assert "tags of an instruction" in command(*words).stdout
        assert len(endpoint.seen) == 5
    assert "tags" not in command(path).stdout
