"""Folders that autoevol 0.1.0 left: read, shown and taken as passports with the figures they had."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from autoevol.core.errors import AutoEvolError, InputError, StoreError
from autoevol.metrics.paired import PairedTest
from autoevol.reports.folder import FolderReport, read_folder
from autoevol.reports.passports import make_passport, read_passport, read_transfer, rows_seen, write_passport
from autoevol.store.files import read_json, write_json
from autoevol.store.method_files import load_method
from command_line import command

FIXTURES = Path(__file__).parents[1] / "fixtures" / "run_folders_0.1"
PARTS = {"summary": "summary", "transfer": "transfer", "search": "search", "comparison": "comparison"}
# Where 0.1.0 kept a paired difference and its p-value beside each other.
MOVED = {"p_value", "change", "difference", "behind"}
FOLDERS = ["run", "stopped", "evolve", "transfer", "search", "compare"]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of all folders."""
    return Path(shutil.copytree(FIXTURES, tmp_path / "old"))


COUNTED_SINCE = {"reasoning_tokens", "estimated"}
"""Figures of the ledger that 0.1.0 did not know."""


def figures(data: Any) -> Any:
    """JSON without its schemas and without what moved, in whatever order."""
    if isinstance(data, dict):
        left_out = {*MOVED, *COUNTED_SINCE, "schema"}
        kept = {key: part for key, part in data.items() if key not in left_out}
        return {key: figures(part) for key, part in kept.items()}
    return [figures(part) for part in data] if isinstance(data, list) else data


@pytest.mark.parametrize("name", FOLDERS)
def test_show_gives_every_figure_that_the_files_hold(old: Path, name: str) -> None:
    shown = command("show", old / name, "--json")
    assert shown.exit_code == 0, shown.stderr
    told = json.loads(shown.stdout)
    assert told["schema"] == "autoevol.folder/2"
    files = {part: read_json(old / name / f"{file}.json") for part, file in PARTS.items()}
    assert any(files.values())
    for part, written in files.items():
        assert figures(told[part]) == figures(written)
    assert told["method"] == read_json(old / name / "method.json")
    assert FolderReport.from_json(told) == read_folder(old / name)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("run", [
            "holdout before  failure rate 50.0% [15.0%, 85.0%] (2/4); method start",
            "Not shown to be better: 50 points fewer failures on the holdout (2 of 4 rows failed before, 0 "
            "of 4 after); the paired 95 % interval, -100 to 0 points, holds 0. The method is a rewrite of "
            "step 2.",
            "12 lines in",
            "from 12 of 16 seeds",
            "LM calls paid   86; 16 more answered by earlier replies",
            "step 2: 50.0% [15.0%, 85.0%] (2/4) on dev; leads, but not beyond error level 0.2",
            "Rewrite the instruction, way 12582903, with strength 6.",
        ]),
        ("stopped", [
            "holdout after   not reached; method start",
            "The budget was reached before a better method was found",
            "tokens          210 in, 90 out",
        ]),
        ("evolve", [
            "from 10 of 12 seeds",
            "lost           2 seeds, by errors: 2 refused by the endpoint",
        ]),
        ("transfer", [
            "data           4 rows of topics.jsonl, 8 left out that a method was chosen on",
            "(0/4)  runs/run: 50 points fewer failures (-100 to 0 points): not shown to differ",
        ]),
        ("search", [
            "trials                        2 finished, 0 of them pruned, of 2, from 210 configurations",
            "(0/4), against the first no difference (0 to 0 points): not shown to differ; batch-size 6",
            "decides calls                 batch_size 71%, steps 27%, m 2%",
        ]),
        ("compare", [
            "contestant  holdout failure rate, 60 calls per entry",
            "paper       50.0% [15.0%, 85.0%]",
        ]),
    ],
)  # fmt: skip
def test_show_says_what_it_said(old: Path, name: str, lines: list[str]) -> None:
    shown = command("show", old / name).stdout
    assert [line for line in lines if line not in shown] == []


def test_paired_differences_of_every_command_become_one_record(old: Path) -> None:
    run, transfer, search, compare = (
        read_folder(old / name) for name in ("run", "transfer", "search", "compare")
    )
    assert run.summary
    assert run.summary.optimization
    assert run.summary.optimization.change == PairedTest(-0.5, -1.0, 0.0, p_value=0.5)
    assert transfer.transfer
    assert [one.difference for one in transfer.transfer.methods] == [
        None, PairedTest(-0.5, -1.0, 0.0, p_value=0.5),
    ]  # fmt: skip
    assert search.search
    assert [one.difference for one in search.search.holdout or ()] == [
        None, PairedTest(0.0, 0.0, 0.0, p_value=1.0),
    ]  # fmt: skip
    assert compare.comparison
    assert {str(one.behind) for one in compare.comparison.standings if one.behind} == {
        "+0.0% [+0.0%, +0.0%]", "+50.0% [+0.0%, +100.0%]",
    }  # fmt: skip


def test_an_old_passport_is_read_extended_and_written_anew(old: Path) -> None:
    path, before = old / "run" / "passport.json", read_json(old / "run" / "passport.json") or {}
    passport = read_passport(path)
    assert passport.holdout
    assert passport.holdout.verdict == before["holdout"]["verdict"]
    assert figures(passport.to_json()) == figures(before)
    assert rows_seen(path) == frozenset(before["rows_seen"])
    assert load_method(path) == passport.method

    entered = passport.with_transfer(read_transfer(old / "transfer"))
    write_passport(entered, path)
    assert (read_json(path) or {})["schema"] == "autoevol.passport/2"
    assert read_passport(path) == entered
    assert entered.transfer[0].difference == PairedTest(-0.5, -1.0, 0.0, p_value=0.5)
    assert load_method(path) == passport.method
    # Made from the folder, it has the test as well, and keeps the transfer.
    made = make_passport(old / "run")
    assert made.holdout
    assert "-100 to 0 points, holds 0" in made.holdout.verdict
    assert made.transfer == entered.transfer


def newer(path: Path) -> str:
    """Make a file one of a later version; its schema."""
    data = read_json(path) or {}
    kinds = {"summary": "run", "best": "configuration"}
    schema = f"autoevol.{kinds.get(path.stem, path.stem)}/9"
    write_json(path, {**data, "schema": schema, "unheard": "of"})
    return schema


@pytest.mark.parametrize(
    "file",
    ["run/summary.json", "transfer/transfer.json", "search/search.json", "compare/comparison.json"],
)
def test_a_file_of_a_later_version_is_refused_in_one_sentence(old: Path, file: str) -> None:
    schema = newer(old / file)
    done = command("show", (old / file).parent)
    assert done.exit_code == 2
    (said,) = done.stderr.splitlines()
    assert f"{old / file} was written by a later version of autoevol (schema {schema}; this one" in said
    with pytest.raises(StoreError, match="update autoevol"):
        read_folder((old / file).parent)


def test_a_passport_of_a_later_version_is_refused_and_not_written_over(old: Path) -> None:
    path = old / "run" / "passport.json"
    newer(path)
    before = path.read_bytes()
    for use in (read_passport, make_passport, rows_seen):
        with pytest.raises(InputError, match="later version of autoevol"):
            use(path)
    with pytest.raises(AutoEvolError, match="later version"):
        make_passport(old / "run")
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["[]", '{"seeds": 3}', '{"schema": "autoevol.search/2"}'])
def test_a_damaged_file_names_itself(old: Path, text: str) -> None:
    path = old / "run" / "summary.json"
    path.write_text(text)
    with pytest.raises(StoreError, match=r"summary.json (cannot be read|is damaged)"):
        read_folder(old / "run")
