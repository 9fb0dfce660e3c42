"""Run folders as autoevol 0.1.0 left them: shown, exported, retried, renewed, and gone on with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from autoevol.store.files import read_json, write_json
from command_line import command, lines, summary
from commanding import Served as Tasks
from served_world import Served, serving
from servers import Endpoint

OLD = Path(__file__).parents[1] / "fixtures" / "run_folders_0.1"
LOOP = ("--batch-size", 2, "--m", 2, "--steps", 2, "--dev-size", 4, "--holdout-size", 4)


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folders, in which their relative paths mean something."""
    copy = tmp_path / "old"
    shutil.copytree(OLD, copy)
    monkeypatch.chdir(copy)
    return copy


@pytest.mark.parametrize("name", ["run", "evolve", "stopped", "search", "transfer", "compare"])
def test_all_are_shown(name: str, old: Path) -> None:
    assert command("show", old / name).exit_code == 0
    assert json.loads(command("show", old / name, "--json").stdout)


@pytest.mark.parametrize("name", ["run", "evolve"])
def test_their_data_is_exported_cleaned_and_measured(name: str, old: Path, tmp_path: Path) -> None:
    assert command("export", old / name, "--out", tmp_path / "train.jsonl").exit_code == 0
    assert len(lines(tmp_path / "train.jsonl")) == len(lines(old / name / "dataset.jsonl"))
    assert command("clean", old / name, "--out", tmp_path / "clean.jsonl").exit_code == 0
    assert command("quality", old / name).exit_code == 0


def test_their_method_has_a_passport(old: Path, tmp_path: Path) -> None:
    assert command("passport", old / "run", "--out", tmp_path / "p.json").exit_code == 0
    passport = read_json(tmp_path / "p.json") or {}
    assert (passport["rounds"], passport["seeds"]["loop"], passport["selection"]["rule"]) == (1, 0, "race")


def test_dead_rows_are_retried_with_the_settings_of_the_run(old: Path) -> None:
    dead = len(lines(old / "evolve" / "dead.jsonl"))
    assert dead == 2
    with Endpoint(Tasks()) as endpoint:
        told = summary(command("retry", old / "evolve", "--api-base", endpoint.url, "--json"))
    assert told["evolution"]["unscored"] == 0
    assert {seen.body["model"] for seen in endpoint.seen} == {"served"}
    assert (read_json(old / "evolve" / "endpoint.json") or {})["api_base"] == endpoint.url


def test_rounds_are_chosen_anew(old: Path, tmp_path: Path) -> None:
    told = summary(command("again", old / "evolve", "--out", tmp_path / "a", "--keep", "all", "--json"))
    assert told["evolution"]["dataset"]["lines"] > len(lines(old / "evolve" / "dataset.jsonl"))
    assert (read_json(tmp_path / "a" / "run.json") or {})["schema"] == 2
    assert told["ledger"]["total"]["calls"] == 0


def resume(name: str, old: Path, served: Served, *more: object) -> tuple[object, ...]:
    return (
        name, old / "topics.jsonl", "--start", "start.json", "--detector", "paper", *LOOP,
        # The defaults of 0.1.0, which have changed.
        "--selection", "race", "--patience", 1,
        "--evol-model", "served", "--api-base", served.url, "--json", *more,
    )  # fmt: skip


def test_a_run_that_0_1_0_began_is_gone_on_with(old: Path) -> None:
    before = read_json(old / "stopped" / "run.json")
    with serving(0) as served:
        told = summary(command(*resume("optimize", old, served, "--out", "stopped")))
    assert told["ledger"]["total"]["calls"] > 0
    assert told["optimization"]["holdout_after"] is not None
    assert read_json(old / "stopped" / "run.json") == before


def test_a_finished_run_pays_for_nothing_again(old: Path) -> None:
    with serving(0) as served:
        told = summary(command(*resume("run", old, served, "--out", "run")))
    assert served.arrivals == 0
    assert told["evolution"]["complete"]


def test_other_settings_are_refused_by_name(old: Path) -> None:
    with serving(0) as served:
        done = command(*resume("run", old, served, "--out", "run", "--m", 3))
    assert done.exit_code == 2
    assert "loop.m: 2 then, 3 now" in done.stderr


def test_what_cannot_be_gone_on_with_is_refused_in_one_sentence(old: Path) -> None:
    with serving(0) as served:
        done = command(
            "transfer", "initial", "weak", "--seeds", "topics.jsonl", "--out", "transfer", "--sample", 4,
            "--evol-model", "served", "--api-base", served.url,
        )  # fmt: skip
    assert done.exit_code == 2
    assert "was begun by autoevol 0.1.0" in done.stderr
    assert served.arrivals == 0


def test_a_folder_of_a_newer_version_is_refused(old: Path) -> None:
    run = read_json(old / "run" / "run.json") or {}
    write_json(old / "run" / "run.json", {**run, "schema": 3, "autoevol": "0.9.0"})
    done = command("retry", "run")
    assert done.exit_code == 2
    assert "was begun by autoevol 0.9.0, which is newer than this one" in done.stderr
