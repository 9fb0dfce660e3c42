"""Passports: made from run folders, taken as methods, and extended by transfers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from autoevol.commands.plan import plan_split
from autoevol.config import LoopConfig, MethodConfig
from autoevol.core.errors import InputError
from autoevol.data.load import load_rows
from autoevol.metrics.intervals import wilson
from autoevol.reports.passport import Passport
from autoevol.reports.passport_page import page
from autoevol.reports.passports import make_passport, read_passport, read_transfer, rows_seen
from autoevol.reports.rates import Ledger
from autoevol.reports.run import RunReport
from autoevol.store.files import read_json, write_json
from autoevol.store.journal import FileJournal
from autoevol.store.method_files import load_method
from autoevol.store.run import RunFolder
from command_line import command
from served_world import Served, serving
from synthetic import START, rows

SETTINGS = {"batch-size": 2, "m": 3, "steps": 3, "patience": 9, "dev-size": 10, "holdout-size": 10}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(0) as server:
        yield server


@pytest.fixture(scope="module")
def ended(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with seeds, a starting method and a run that has ended."""
    folder = tmp_path_factory.mktemp("ended")
    done = optimize(served, folder)
    assert done.exit_code == 0, done.stderr
    return folder


def optimize(served: Served, folder: Path, *more: object) -> Result:
    write_seeds(folder / "seeds.jsonl", 0)
    (folder / "start.txt").write_text(START.text)
    words: list[object] = ["optimize", folder / "seeds.jsonl", "--out", folder / "run"]
    words += ["--start", folder / "start.txt", *at(served), *more]
    words += [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
    return command(*words)


def write_seeds(path: Path, first: int) -> None:
    lines = [json.dumps({"instruction": row.instruction}) for row in rows(40, first)]
    path.write_text("\n".join(lines) + "\n")


def at(served: Served) -> list[object]:
    return ["--evol-model", "world", "--api-base", served.url, "--detector", "paper"]


def read(path: Path) -> dict[str, Any]:
    return read_json(path) or {}


def test_a_run_leaves_a_passport_with_all_that_is_known(ended: Path) -> None:
    run = ended / "run"
    passport, summary = read_passport(run), RunReport.from_json(read(run / "summary.json"))
    assert passport.holdout
    assert passport.data
    assert summary.optimization
    after = passport.holdout.after
    assert after
    assert (after.low, after.high) == tuple(wilson(after.failed, 10))
    assert passport.method.id == summary.optimization.chosen.id == load_method(run).id
    assert passport.data.data_hash == summary.seeds.data_hash
    assert (passport.data.split or {}).items() >= {"train": 20, "dev": 10, "holdout": 10}.items()
    assert [step.step for step in passport.dev_curve] == [0, 1, 2, 3]
    assert passport.holdout.change == summary.optimization.change is not None
    assert passport.cost == summary.ledger
    assert set((passport.cost or Ledger({})).roles) == {"evol", "respond", "optimizer"}
    assert {**(passport.run or {}), "check": None} == {**read(run / "run.json"), "check": None}
    assert passport.seeds == {"loop": 0}
    assert set(passport.versions or {}) == {"autoevol", "dspy", "python"}
    assert passport.transfer == ()


def test_the_method_and_the_sentence_of_the_measure_stand_in_the_file(ended: Path) -> None:
    data, passport = read(ended / "run" / "passport.json"), read_passport(ended / "run")
    assert next(iter(data)) == "schema"
    assert data["schema"] == "autoevol.passport/2"
    assert (data["id"], data["text"]) == (passport.method.id, passport.method.text)
    assert data["measure"]["sentence"] == str(passport.measure)
    assert Passport.from_json(data) == passport


def test_the_lineage_leads_from_the_start_to_the_method(ended: Path) -> None:
    passport = read_passport(ended / "run")
    assert passport.selection
    line = passport.selection.lineage
    assert line, "the run of this test improves"
    assert line[0].parent_id == START.id
    assert line[-1].id == passport.method.id
    assert all(older.id == newer.parent_id for older, newer in pairwise(line))
    assert all(one.feedback.startswith("Feedback of chain") for one in line)


def test_rows_seen_are_those_of_batches_and_dev_and_never_of_the_holdout(ended: Path) -> None:
    run = ended / "run"
    steps = FileJournal(run / "journal.jsonl").steps()
    scored = {row_id for step in steps for score in step.scores for row_id in score.marks}
    batches = {row_id for step in steps for row_id in step.batch_ids}
    assert scored
    assert batches
    loaded, loop = load_rows(ended / "seeds.jsonl").rows, LoopConfig(dev_size=10)
    split = plan_split(loaded, loop, MethodConfig(holdout_size=10))
    assert len(split.holdout) == 10
    for source in (run, run / "passport.json", run / "method.json"):
        assert rows_seen(source) == scored | batches
        assert rows_seen(source).isdisjoint(row.id for row in split.holdout)
    assert rows_seen(Path("initial")) == rows_seen(ended / "start.txt") == frozenset()


def test_the_page_says_the_same_as_the_record(ended: Path) -> None:
    passport, text = read_passport(ended / "run"), (ended / "run" / "passport.md").read_text()
    assert text == page(passport)
    for part in ("## Method", "## Origin", "## Selection on dev", "## Holdout", "## Cost"):
        assert part in text
    assert "## Transfer" not in text
    assert passport.holdout
    assert str(passport.holdout.after) in text
    assert str(passport.measure) in text
    assert "None" not in text


def test_no_text_of_a_method_breaks_out_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text("Rewrite this:\n````\na | b\n````\n## Holdout")
    text = page(make_passport(tmp_path / "m.txt"))
    assert text.count("`````") == 2
    assert text.rstrip().endswith("## Holdout\n`````")


def test_evolve_takes_a_passport_as_method(served: Served, ended: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    assert command("passport", ended / "run", "--out", path).exit_code == 0
    done = command("evolve", ended / "seeds.jsonl", "--method", path, "--out", tmp_path / "e", *at(served))
    assert done.exit_code == 0, done.stderr
    kept = (tmp_path / "e" / "dataset.jsonl").read_text().splitlines()
    assert {json.loads(line)["method_id"] for line in kept} == {load_method(ended / "run").id}


def test_a_run_that_only_evolved_has_a_passport_without_a_choice(
    served: Served, ended: Path, tmp_path: Path
) -> None:
    words = ["evolve", ended / "seeds.jsonl", "--method", ended / "start.txt", "--out", tmp_path / "e"]
    assert command(*words, *at(served)).exit_code == 0
    done = command("passport", tmp_path / "e")
    assert done.exit_code == 0, done.stderr
    passport, text = read_passport(tmp_path / "e"), (tmp_path / "e" / "passport.md").read_text()
    assert passport.selection is None is passport.holdout
    assert passport.models
    assert passport.models.evol == "world"
    assert "## Origin" in text
    assert "## Selection" not in text
    assert "None" not in text


def test_a_changed_method_loses_its_passport(ended: Path, tmp_path: Path) -> None:
    data = read(ended / "run" / "passport.json")
    write_json(tmp_path / "p.json", {**data, "text": data["text"] + " Be bold."})
    with pytest.raises(InputError, match="was changed"):
        read_passport(tmp_path / "p.json")


def test_what_has_no_passport_says_why(ended: Path, tmp_path: Path) -> None:
    assert command("passport", tmp_path).exit_code == 2
    with RunFolder(tmp_path / "begun", {}):
        pass
    unfinished = command("passport", tmp_path / "begun")
    assert unfinished.exit_code == 2
    assert "no passport yet" in unfinished.stderr
    assert command("passport", ended / "run", "--out", tmp_path / "p.txt").exit_code == 2
    with RunFolder(ended / "run"):
        busy = command("passport", ended / "run")
    assert (busy.exit_code, "in use" in busy.stderr) == (2, True)


def test_a_run_cut_off_by_its_budget_says_what_was_not_reached(served: Served, tmp_path: Path) -> None:
    assert optimize(served, tmp_path, "--max-calls", 40).exit_code == 3
    passport = read_passport(tmp_path / "run")
    assert passport.holdout
    assert passport.holdout.after is None
    assert "not reached" in (tmp_path / "run" / "passport.md").read_text()


def test_a_transfer_enters_the_passport_once_and_leaves_out_rows_already_used(
    served: Served, ended: Path, tmp_path: Path
) -> None:
    path = tmp_path / "p.json"
    command("passport", ended / "run", "--out", path, "--out", tmp_path / "p.md")
    write_seeds(tmp_path / "other.jsonl", 20)  # half of them are those of the run
    words = ["transfer", ended / "start.txt", path, "--seeds", tmp_path / "other.jsonl", *at(served)]
    words += ["--out", tmp_path / "t", "--into", path]
    for _ in range(2):
        done = command(*words)
        assert done.exit_code == 0, done.stderr
    passport, told = read_passport(path), read_transfer(tmp_path / "t")
    other = {row.id for row in rows(40, 20)}
    used = len(other & rows_seen(ended / "run"))
    assert used > 0
    assert (told.seeds.left_out, told.seeds.rows) == (used, 40 - used)
    (entry,) = passport.transfer
    assert entry.score == told.methods[1].score
    assert entry.reference.id == START.id
    assert entry.difference == told.methods[1].corrected is not None
    assert (tmp_path / "p.md").read_text() == page(passport)
    assert "## Transfer" in page(passport)
    assert load_method(path).id == passport.method.id


def test_a_transfer_into_the_passport_of_another_method_is_refused_before_it_pays(
    served: Served, ended: Path, tmp_path: Path
) -> None:
    before = served.arrivals
    words = ["transfer", "weak", "--seeds", ended / "seeds.jsonl", "--out", tmp_path / "t", *at(served)]
    done = command(*words, "--into", ended / "run")
    assert done.exit_code == 2
    assert "not among those" in done.stderr
    assert served.arrivals == before


def test_results_go_into_the_passport_of_a_bare_method(served: Served, ended: Path, tmp_path: Path) -> None:
    words = ["transfer", ended / "start.txt", "--seeds", ended / "seeds.jsonl", "--out", tmp_path / "t"]
    assert command(*words, *at(served)).exit_code == 0
    found = tmp_path / "t" / "transfer.json"
    path = tmp_path / "p.json"
    done = command("passport", ended / "start.txt", "--evaluation", found, "--out", path)
    assert done.exit_code == 0, done.stderr
    passport = read_passport(path)
    assert passport.run is None
    assert passport.transfer[0].score.failed == 32
    assert "itself the reference" in page(passport)
    with pytest.raises(InputError, match="no score of the method"):
        read_passport(ended / "run").with_transfer(read_transfer(found))
    write_json(tmp_path / "x.json", {"seeds": {}})
    for nothing in ("x.json", "missing.json"):
        with pytest.raises(InputError, match="not the result of a transfer"):
            read_transfer(tmp_path / nothing)


def test_transfers_outlive_a_resumed_run(served: Served, tmp_path: Path) -> None:
    optimize(served, tmp_path)
    write_seeds(tmp_path / "other.jsonl", 100)
    words = ["transfer", tmp_path / "run", "--seeds", tmp_path / "other.jsonl", "--out", tmp_path / "t"]
    done = command(*words, *at(served), "--into", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert optimize(served, tmp_path).exit_code == 0
    assert len(read_passport(tmp_path / "run").transfer) == 1
