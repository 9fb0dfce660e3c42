"""Endpoints that cannot be used, and options that hold no text: one plain block, and no line of a library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import Result

from autoevol.cli import tables
from autoevol.config import Settings
from autoevol.config.options import assemble, options_of
from autoevol.core.errors import InputError
from command_line import command, seed_file
from commanding import SEEDS
from servers import Answer, Endpoint, html, refuses, says

LABELLED = Path(__file__).parents[2] / "src" / "autoevol" / "samples" / "labelled.jsonl"
ODD = "m\udcff"
LIBRARY = ("dspy", "lm15", "LMTransportError", "aiohttp", "ssl:", "Errno", "WARNING", "Traceback", "Router")
FAULTS: dict[str, tuple[Answer, str]] = {
    "wrong key": (refuses(401, "Incorrect API key"), "Incorrect API key (HTTP 401) (check the API key)"),
    "wrong model": (refuses(404, "no such model", "model_not_found"), "(check the model name and the URL)"),
    "a page": (html(), "the server sent no completion: <html>"),
    "silence": (says("never").after(3600), "no reply within 0.2 seconds (--timeout)"),
}


def at(url: str, name: str, folder: Path, timeout: float = 300) -> list[object]:
    """The words of a command whose model is behind `url`."""
    fast = ("--timeout", timeout, "--retries", 0)
    if name == "calibrate":
        pairs = folder / "pairs.jsonl"
        with LABELLED.open(encoding="utf-8") as lines:  # of the first few a judge is asked nothing
            pairs.write_text("".join(islice(lines, 60, 75)), encoding="utf-8")
        model = ("--judge-model", "m", "--api-base", url, "--store", folder / "calls.sqlite")
        return [name, pairs, *model, *fast]
    seeds = [seed_file(folder, SEEDS), "--sample", 4] if name == "estimate" else []
    return [name, *seeds, "--evol-model", "m", "--api-base", url, *fast]


@pytest.fixture(params=[40])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A terminal of so many columns."""
    monkeypatch.setattr(tables, "width", lambda *, error=False: request.param)
    return request.param


def checked(done: Result, said: str, columns: int) -> None:
    """It ended with 1, said what was wrong in lines that fit, and nothing of a library."""
    text = done.stdout + done.stderr
    assert done.exit_code == 1, text
    assert said.replace(" ", "") in "".join(text.split()), text
    assert not [word for word in LIBRARY if word in text]
    longer = [line for line in text.splitlines() if len(line) > columns and " " in line.strip()]
    assert not longer, "only a single word may be longer than a line"


@pytest.mark.parametrize("name", ["doctor", "calibrate", "estimate"])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_told_in_one_block(name: str, fault: str, tmp_path: Path, columns: int) -> None:
    answer, said = FAULTS[fault]
    with Endpoint([answer]) as endpoint:
        # Only what never answers may be given up early: the others may take their time.
        timeout = 0.2 if fault == "silence" else 300
        checked(command(*at(endpoint.url, name, tmp_path, timeout)), said, columns)


@pytest.mark.parametrize("name", ["doctor", "calibrate", "estimate"])
@pytest.mark.parametrize("client", ["aiohttp", "openai"])
def test_where_nobody_listens_is_told_in_plain_words(
    name: str, client: str, tmp_path: Path, columns: int
) -> None:
    words = [*at("http://127.0.0.1:9/v1", name, tmp_path), "--client", client]
    checked(command(*words), "cannot reach http://127.0.0.1:9/v1: Connection refused", columns)


def test_a_sample_that_cannot_be_run_is_told_without_the_names_of_errors(tmp_path: Path) -> None:
    words = at("http://127.0.0.1:9/v1", "estimate", tmp_path)
    done = command(*words, "--sample", 1)
    assert done.exit_code == 2
    assert "no row of the sample could be run: cannot reach http://127.0.0.1:9/v1" in done.stderr
    assert "`autoevol doctor`" in done.stderr
    assert not [word for word in LIBRARY if word in done.stderr]


def test_replies_that_are_cut_off_bring_no_lines_of_a_library(tmp_path: Path) -> None:
    with Endpoint([says("I think", "length")]) as endpoint:
        done = command(*at(endpoint.url, "calibrate", tmp_path))
    assert len(done.stderr.splitlines()) <= 1
    assert not [word for word in LIBRARY if word in done.stdout + done.stderr]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("nosuch/m", "'nosuch' is no provider (known are anthropic, "),
        ("anthropic/m", "no API key; set ANTHROPIC_API_KEY, or name the variable"),
        ("openai/", "--evol-model 'openai/' names no model"),
        ("", "--evol-model '' names no model"),
    ],
)
def test_a_model_that_cannot_be_is_refused_in_a_sentence(
    model: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    done = command("doctor", "--evol-model", model)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not [word for word in LIBRARY if word in done.stderr]


def texts() -> Iterator[tuple[str, Any]]:
    """Every option that is a text or a list of them, with a value that is not UTF-8."""
    for option in options_of(Settings):
        if option.hint in (str, str | None):
            yield option.name, ODD
        elif get_args(option.hint)[:1] == (str,):
            yield option.name, ("fine", ODD)


@pytest.mark.parametrize(("name", "value"), list(texts()))
def test_a_text_of_other_bytes_is_refused_with_its_flag(name: str, value: Any) -> None:
    with pytest.raises(
        InputError, match=rf"^--{name.replace('_', '-')} '.*' is no UTF-8 text: type it again$"
    ):
        assemble(Settings, {name: value})


@pytest.mark.parametrize("words", [["--evol-model", ODD], ["--api-base", f"http://127.0.0.1:9/{ODD}"]])
def test_such_bytes_on_the_command_line_are_no_bug(words: list[str], tmp_path: Path) -> None:
    done = command("evolve", seed_file(tmp_path, SEEDS), "--out", tmp_path / "run", *words)
    assert done.exit_code == 2
    assert "is no UTF-8 text" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_seeds_whose_name_no_report_could_hold_are_refused(tmp_path: Path) -> None:
    path = tmp_path / f"{ODD}.jsonl"
    path.write_text(json.dumps({"instruction": "Name a prime."}) + "\n")
    done = command(
        "evolve", path, "--out", tmp_path / "run", "--evol-model", "m", "--api-base", "http://x/v1"
    )
    assert done.exit_code == 2
    assert "rename the file" in done.stderr


def test_a_url_with_blanks_is_refused_and_one_between_them_is_read() -> None:
    done = command("doctor", "--evol-model", "m", "--api-base", "http://local host:8000/v1")
    assert done.exit_code == 2
    assert "is no URL of an API" in done.stderr
    done = command("doctor", "--evol-model", "m", "--api-base", " http://127.0.0.1:9/v1\n", "--retries", 0)
    assert "model          m at http://127.0.0.1:9/v1: NOT usable" in done.stdout.replace("  model", "model")
