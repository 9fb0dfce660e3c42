"""What others wrote on a terminal and on pages, and keys nowhere: through whole commands."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from markdown_it import MarkdownIt

from autoevol import cli
from autoevol.cli import console, tables
from autoevol.cli.progress import Reporter
from autoevol.core.errors import InputError
from autoevol.core.records import Case, Outcome, Verdict
from autoevol.core.status import CallStatus, Pause
from autoevol.core.urls import open_url, read_parts
from autoevol.reports.passport_page import page
from autoevol.reports.passports import make_passport
from command_line import command, seed_file
from servers import Answer, Endpoint, refuses, says

ESCAPE = "\x1b[2J\x1b]52;c;cm0=\x07\x9b31m\u202e"
MARKUP = "[/] [bold]x[/bold] [/red] :smile: [link=file:///]"
HOSTILE = f"{ESCAPE}{MARKUP}"
HTML = "<img src=x onerror=alert(1)> [click](http://evil.example)"


class Terminal(io.StringIO):
    """Takes what is printed, and says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_reports_and_progress_on_a_terminal_take_foreign_text_as_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    tables.print_table([(HOSTILE, f"runs/{HOSTILE}")])
    console.say(HOSTILE)
    console.say(HOSTILE, error=True)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    reporter = Reporter()
    reporter.phase(HOSTILE, 3)
    reporter.case(Case("row", Verdict(Outcome.PASSED)))
    reporter.note(HOSTILE)
    reporter.pulse(lambda: CallStatus(retries={HOSTILE: 1}, pauses=(Pause(HOSTILE, 3, 0.0),)))
    reporter.close()
    for shown in (out.getvalue(), err.getvalue()):
        # Sequences of rich's own are there; none of those that came with the text.
        assert not re.search("\x1b\\[2J|\x1b\\]52|\x9b|\u202e", shown)
        assert "\\x1b[2J" in shown
        assert "[/red] :smile:" in shown


def test_error_bodies_methods_and_model_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    seeds, method = seed_file(tmp_path, ["Name a river."]), tmp_path / "method.json"
    method.write_text(json.dumps({"name": HOSTILE, "text": f"Rewrite it. {HOSTILE}", "demos": []}))
    with Endpoint([refuses(401, HOSTILE)]) as endpoint:
        told = command(
            "evolve", seeds, "--out", tmp_path / "run [red] [/]", "--method", method, "--api-base",
            endpoint.url, "--evol-model", f"m{HOSTILE}",
        )  # fmt: skip
    shown = command("methods", "show", method)
    named = command("evolve", seeds, "--out", tmp_path / "other", "--method", f"none{HOSTILE}")
    assert (told.exit_code, shown.exit_code, named.exit_code) == (1, 0, 2), told.output
    for done in (told, shown, named):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", done.output)
    assert command("methods", "show", method, "--json").exit_code == 0


def test_a_finished_run_in_a_folder_of_any_name_is_printed(tmp_path: Path) -> None:
    seeds, run = seed_file(tmp_path, ["Name a river."]), tmp_path / f"run {MARKUP.replace('/', 'I')}"
    with Endpoint(
        lambda _: says("<final_instruction>\nName two rivers in Asia.\n</final_instruction>")
    ) as it:
        done = command("evolve", seeds, "--out", run, "--api-base", it.url, "--evol-model", "m")
    assert done.exit_code == 0, done.output
    assert command("show", run).exit_code == 0


def test_a_passport_of_a_hostile_method_holds_no_html_and_no_link(tmp_path: Path) -> None:
    path = tmp_path / "method.json"
    text = f"Rewrite it. {HTML}\n```\n{HTML}\n"
    path.write_text(json.dumps({"name": f"{HOSTILE}{HTML}", "text": text, "demos": []}))
    made = page(make_passport(path))
    shown = MarkdownIt("commonmark").enable("table").render(made)
    assert set(re.findall(r"<(\w+)", shown)) <= {"h1", "h2", "p", "pre", "code", "table", "thead", "tbody"}
    assert "<img" not in re.sub(r"<pre>.*?</pre>", "", shown, flags=re.DOTALL)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", made)


KEY, PASSWORD = "sk-proj-0123456789abcdefghij", "wo/rd+9876543210"
BASIC = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
SECRETS = (KEY, PASSWORD, quote(PASSWORD, safe=""), BASIC, base64.b64encode(KEY.encode()).decode())


@pytest.mark.parametrize("client", ["aiohttp", "openai"])
@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize("signed", ["key", "password"])
def test_no_secret_is_in_any_file_of_a_run_or_in_its_output(
    client: str, status: int, signed: str, tmp_path: Path
) -> None:
    """The server repeats every form of what it was sent, and some of it cut off."""
    seeds, run = seed_file(tmp_path, ["Name a river.", "Name a lake."]), tmp_path / "run"
    told = f"{'x' * 180} {KEY if signed == 'key' else PASSWORD} {HOSTILE} " + " ".join(
        secret for secret in SECRETS if (secret in (KEY, SECRETS[-1])) == (signed == "key")
    )
    with Endpoint([Answer(json.dumps({"error": {"message": told}}).encode(), status)]) as endpoint:
        base = endpoint.url
        if signed == "password":
            base = base.replace("http://", f"http://me:{quote(PASSWORD, safe='')}@")
        words: list[Any] = ["evolve", seeds, "--out", run, "--api-base", base, "--evol-model", "m"]
        words += ["--client", client]
        done = command(*words, OPENAI_API_KEY=KEY)
        assert done.exit_code in (0, 1), done.output
        output = done.output
        output += (
            command("show", run).output + command("retry", run, "--api-base", base, OPENAI_API_KEY=KEY).output
        )
    files = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert files
    for secret in SECRETS:
        assert secret not in output
        assert not [path.name for path, content in files.items() if secret[:20].encode() in content]


@pytest.mark.parametrize("name", ["api-base", "judge-api-base", "respond-api-base"])
@pytest.mark.parametrize(
    "url",
    [
        f"http://me:{PASSWORD}@host/v1",
        f"http://host/v1?api_key={KEY}",
        f"http://host/v1?subscription-key={KEY}",
        f"http://{KEY}@host/v1",
    ],
)
def test_a_url_with_a_key_is_refused_with_the_flag_to_use(tmp_path: Path, name: str, url: str) -> None:
    seeds = seed_file(tmp_path, ["Name a river."])
    words = ["evolve", seeds, "--out", tmp_path / "run", f"--{name}", url, "--evol-model", "m"]
    done = command(*words, "--judge-model", "m")
    assert done.exit_code == 2
    assert f"--{name}" in done.stderr
    if "?" in url:
        assert f"--{name.replace('base', 'key-env')}" in done.stderr
    assert not [secret for secret in (KEY, PASSWORD) if secret in done.output]
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").iterdir())


@pytest.mark.parametrize("password", [PASSWORD, "a@b/c", "p:w/", quote(PASSWORD, safe="")])
def test_an_open_url_has_no_password_even_if_it_cannot_be_read(password: str) -> None:
    assert open_url(f"http://me:{password}@host:8000/v1") == "http://host:8000/v1"
    assert open_url("http://host:8000/v1?api-version=3") == "http://host:8000/v1?api-version=3"
    with pytest.raises(InputError) as refused:
        read_parts("http://me:a@b/c@host/v1?key=" + KEY)
    assert KEY not in str(refused.value)


def test_a_bug_is_told_without_keys_and_local_variables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        hidden = f"a local variable {KEY[::-1]}"
        raise RuntimeError(f"{KEY} {HOSTILE} http://me:{PASSWORD}@host {len(hidden)}")

    monkeypatch.setenv("SOME_API_KEY", KEY)
    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit) as left:
        cli.main()
    told = capsys.readouterr().err
    assert left.value.code == 1
    assert "RuntimeError: *** " in told
    assert not [secret for secret in (KEY, PASSWORD, KEY[::-1], "\x1b") if secret in told]
