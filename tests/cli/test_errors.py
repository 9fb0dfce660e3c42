"""What a user who made a mistake sees: one line before anything is paid, and no folder that is spoilt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from autoevol.cli import app
from autoevol.cli.common import exit_codes
from autoevol.core.errors import StoreLost
from servers import Answer, Endpoint, refuses, says

SMALL = ["--dev-size", "2", "--holdout-size", "2", "--batch-size", "1", "--m", "1", "--steps", "1"]


def reply(body: dict[str, Any]) -> Answer:
    """Evolves any instruction; knows the model `served` only."""
    if body["model"] != "served":
        return refuses(404, f"The model `{body['model']}` does not exist", "model_not_found")
    text = body["messages"][-1]["content"]
    if "<improved_method>" in text:
        return says("<improved_method>\nRewrite the instruction, otherwise.\n</improved_method>")
    if "#Instruction#:\n" in text:
        return says("<final_instruction>\nName a prime and prove that it is one.\n</final_instruction>")
    return says("The number 7 is a prime, as 2, 3 and 5 do not divide it.")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(reply) as served:
        yield served


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    path = tmp_path / "seeds.jsonl"
    path.write_text("".join(json.dumps({"instruction": f"Name prime {n}."}) + "\n" for n in range(8)))
    return path


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"OPENAI_API_KEY": "x"})


def complaint(done: Result) -> str:
    """The one line that says what is wrong."""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("autoevol:")]
    assert "Traceback" not in done.stderr
    return line


@pytest.mark.parametrize(
    "wrong",
    [
        "--temperature 5",
        "--temperature -1",
        "--top-p 2",
        "--optimizer-temperature 9",
        "--reply-tokens 0",
        "--concurrency 0",
        "--rpm -1",
        "--max-calls -1",
        "--max-usd -0.5",
        "--max-usd nan",
        "--rpm nan",
        "--price served=-1,2",
        "--price served=nan,2",
        "--client carrier-pigeon",
        "--api-base nonsense",
        "--optimizer-api-base localhost:8000/v1",
        "--judge-api-base nonsense",
        "--api-base http://localhost:8000/v1/chat/completions",
        "--detector guess",
        "--objective guess",
        "--selection guess",
        "--start guess",
        "--calibration nofile.json",
        "--decontaminate nofile.jsonl",
        "--holdout-size 500",
        "--evol-model local/smollm2",
    ],
)
def test_a_wrong_setting_costs_nothing_and_can_be_corrected(
    wrong: str, endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    given = ["run", seeds, "--out", tmp_path / "run", "--evol-model", "served", "--api-base", endpoint.url]
    failed = command(*given, *SMALL, *wrong.split())
    assert failed.exit_code == 2, failed.output
    option, value = wrong.split()
    assert re.search(f"{option}|{option[2:].replace('-', '_')}|{re.escape(value)}", complaint(failed))
    assert endpoint.seen == []
    done = command(*given, *SMALL)
    assert done.exit_code == 0, done.output


def test_a_wrong_model_name_can_be_corrected_in_the_same_folder(
    endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    given = ["evolve", seeds, "--out", tmp_path / "run", "--api-base", endpoint.url, "--evol-model"]
    failed = command(*given, "sevred", "--method", "initial")
    assert failed.exit_code == 1
    assert "check the model name" in complaint(failed)
    done = command(*given, "served")
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "run" / "method.json").exists()


@pytest.mark.parametrize("name", ["dataset.jsonl", "seeds.json", "method.json"])
def test_files_of_somebody_else_are_not_written_over(name: str, endpoint: Endpoint, tmp_path: Path) -> None:
    mine = tmp_path / name
    mine.write_text('{"instruction": "Name a prime."}\n')
    given = ["--evol-model", "served", "--api-base", endpoint.url]
    for out in (tmp_path, tmp_path / "sub" / ".."):
        done = command("evolve", "sample", "--out", out, *given)
        assert done.exit_code == 2, done.output
        assert f"holds {name}" in complaint(done)
    assert mine.read_text() == '{"instruction": "Name a prime."}\n'
    assert endpoint.seen == []


@pytest.mark.parametrize(
    ("method", "told"),
    [("SEEDS", "looks like data"), ("initail", "nor one of initial"), (".", "method.json")],
)
def test_what_is_no_method_is_refused(
    method: str, told: str, seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command("evolve", seeds, "--out", "run", "--method", seeds if method == "SEEDS" else method)
    assert done.exit_code == 2
    assert told in complaint(done)


def test_help_names_every_command_under_a_heading() -> None:
    done = command("--help")
    assert done.exit_code == 0
    headings = ("Evolve", "Before and after", "Methods and measures")
    places = [
        done.stdout.index(f" {word} ") for word in (*headings[:1], "run", "show", *headings[1:], "calibrate")
    ]
    assert places == sorted(places)
    ends = " ".join(done.stdout.split())
    assert "autoevol run seeds.jsonl --out runs/mine --evol-model NAME" in ends
    assert "autoevol evolve sample:short --limit 4" in ends


def test_the_version_is_printed() -> None:
    done = command("--version")
    assert (done.exit_code, done.stdout) == (0, f"autoevol {version('autoevol')}\n")


def test_a_run_that_was_stopped_is_shown_as_such(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    command("evolve", seeds, "--out", tmp_path / "run", "--api-base", endpoint.url, "--evol-model", "sevred")
    shown = command("show", tmp_path / "run")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("stopped at ")
    assert "does not exist (HTTP 404)" in shown.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("quality RUN", "holds no dataset.jsonl yet"),
        ("quality nowhere", "nowhere: there is no such file or folder"),
        ("passport nowhere", "no such run folder or method file"),
        ("export RUN --out x.jsonl", "holds no dataset.jsonl yet"),
        ("clean seeds.jsonl --out no/folder.jsonl", "no is no folder; make it first"),
        ("retry nowhere", "there is no folder nowhere"),
        ("transfer initial --seeds nowhere.jsonl --out t", "nowhere.jsonl"),
        ("calibrate nowhere.jsonl", "nowhere.jsonl"),
        ("calibrate seeds.jsonl", "line 1: not a labelled evolution, it has no 'evolved'"),
        ("methods import nowhere.json --out m", "nowhere.json"),
        ("estimate nowhere.jsonl", "nowhere.jsonl"),
        ("search nowhere.jsonl --out s", "nowhere.jsonl"),
        ("compare nowhere.jsonl --out c", "nowhere.jsonl"),
    ],
)
def test_what_is_missing_is_named(
    words: str, told: str, seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text('{"run_id": "x", "settings": {}}')
    done = command(*words.replace("RUN", "run").split())
    assert done.exit_code == 2, done.output
    assert told in complaint(done)


@pytest.mark.parametrize(("resumes", "told"), [(True, "resumes"), (False, "starts over")])
@pytest.mark.parametrize(("stop", "code"), [(StoreLost("disk full"), 1), (KeyboardInterrupt(), 130)])
def test_a_stop_says_whether_the_command_goes_on(
    resumes: bool, told: str, stop: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as left, exit_codes(resumes=resumes):
        raise stop
    assert left.value.exit_code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"the same command {told}")
