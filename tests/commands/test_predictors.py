"""`quality --predictors` and `clean --keep-ifd`, on a server of words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import autoevol as ae
from autoevol.core.errors import BudgetReached, InputError
from command_line import command, printed
from embedded import needs_llama
from llama_server import LlamaServer
from quality_judge import write_dataset

pytestmark = needs_llama
# What stands in the instruction is likelier in the response, `Answer n.`: nothing, a half, all of it.
ROWS = [("Add", "Add one Answer"), ("Sort", "Sort two", "Sort two three"), ("Name", "Name Answer 2.")]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LlamaServer]:
    running = LlamaServer()
    with running:
        running.installed(monkeypatch)
        yield running


@pytest.fixture
def weights(tmp_path: Path) -> str:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"weights")
    return f"local/{path}"


def test_every_pair_has_its_figures_and_none_is_computed_twice(
    tmp_path: Path, server: LlamaServer, weights: str
) -> None:
    path = write_dataset(tmp_path, ROWS)
    found = ae.quality(path, predictors=weights)
    assert found.report.difficulty is not None
    assert (found.report.difficulty.pairs, found.report.difficulty.unscored) == (3, 0)
    assert found.report.predictors == (weights,)
    hard = {one.id: one.difficulty for one in found.figures if one.pair}
    assert all(one is not None and one.tokens == 2 for one in hard.values()), "`Answer 0.` has two words"
    assert [one for one in found.figures if one.pair is None and one.difficulty] == []
    asked = len(server.seen)
    assert ae.quality(path, predictors=weights).report.difficulty == found.report.difficulty
    assert ae.quality(path).report.difficulty == found.report.difficulty, "it is known without the model"
    assert len(server.seen) == asked


def test_the_table_has_length_beside_it(tmp_path: Path, server: LlamaServer, weights: str) -> None:
    path = write_dataset(tmp_path, ROWS)
    planned = printed(command("quality", path, "--predictors", weights, "--dry-run", "--json"))
    assert planned["calls"] == {"difficulty, in this process": 3}
    assert not server.seen
    shown = command("quality", path, "--predictors", weights)
    assert shown.exit_code == 0, shown.output
    assert "IFD" in shown.stdout
    assert "length does not vary" in shown.stdout


def test_a_budget_stops_it_and_the_same_call_goes_on(
    tmp_path: Path, server: LlamaServer, weights: str
) -> None:
    path = write_dataset(tmp_path, ROWS)
    stopped = ae.quality(path, predictors=weights, max_calls=1)
    assert isinstance(stopped.stopped_by, BudgetReached)
    assert stopped.report.difficulty is not None
    assert (stopped.report.difficulty.pairs, stopped.report.difficulty.unscored) == (1, 2)
    whole = ae.quality(path, predictors=weights)
    assert whole.report.difficulty is not None
    assert whole.report.difficulty.pairs == 3
    assert whole.report.ledger.total.calls == 3


def test_rows_are_selected_by_ifd(tmp_path: Path, server: LlamaServer, weights: str) -> None:
    path = write_dataset(tmp_path, ROWS)
    kept = tmp_path / "kept.jsonl"
    with pytest.raises(InputError, match=r"no row has an ifd.*--predictors"):
        ae.clean(path, kept, keep_ifd="0:1")
    found = ae.quality(path, predictors=weights)
    ratios = sorted((one.columns["ifd"], one.id) for one in found.figures if one.pair)
    (_, low), (middle, _), (_, high) = ratios
    assert low != high
    done = command("clean", path, "--out", kept, "--keep-ifd", f"{middle}:", "--json")
    assert done.exit_code == 0, done.output
    left = {json.loads(line)["id"] for line in kept.read_text().splitlines()}
    assert low not in left
    report = printed(done)
    assert (report["removed"], report["kept"]) == ({"ifd_out_of_range": 1}, 2)
    assert report["settings"]["select"]["keep_ifd"] == f"{middle}:"
    (gone,) = map(json.loads, (tmp_path / "kept.removed.jsonl").read_text().splitlines())
    assert (gone["reason"], gone["row"]["id"]) == ("ifd_out_of_range", low)
    # An export of what is left still knows its columns.
    assert command("export", kept, "--out", tmp_path / "train.jsonl").exit_code == 0
    origins = [json.loads(line) for line in (tmp_path / "train.provenance.jsonl").read_text().splitlines()]
    assert sorted(one["ifd"] for one in origins) == [ratio for ratio, _ in ratios[1:]]


def test_rows_without_an_ifd_go_unless_they_are_kept(
    tmp_path: Path, server: LlamaServer, weights: str
) -> None:
    path = write_dataset(tmp_path, ROWS)
    ae.quality(path, predictors=weights, limit=2)
    kept = tmp_path / "kept.jsonl"
    assert ae.clean(path, kept, keep_ifd=":").report.removed == {"without_ifd": 1}
    assert ae.clean(path, kept, keep_ifd=":", keep_unscored=True).report.kept == 3


@pytest.mark.parametrize("given", ["0.5", "a:b", "2:1", "-1:1", "nan:1"])
def test_a_range_that_is_none_is_refused(tmp_path: Path, given: str) -> None:
    done = command("clean", write_dataset(tmp_path), "--out", tmp_path / "o.jsonl", f"--keep-ifd={given}")
    assert done.exit_code == 2
    assert "LOW:HIGH" in done.stderr


def test_a_model_behind_an_endpoint_is_refused(tmp_path: Path) -> None:
    done = command("quality", write_dataset(tmp_path), "--predictors", "openai/gpt-5-mini")
    assert done.exit_code == 2
    assert "in this process" in done.stderr
