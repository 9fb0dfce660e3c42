"""Help, examples and completion, as they look in 80 columns without a terminal."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from autoevol.cli import app
from autoevol.cli.examples import EXAMPLES, PANELS
from autoevol.config.choices import words_of
from command_line import command

GROUP = typer.main.get_command(app)


def leaves(group: object = GROUP, words: str = "") -> Iterator[tuple[str, TyperCommand]]:
    """Every command by the words that name it."""
    assert isinstance(group, TyperGroup)
    for name, child in group.commands.items():
        if isinstance(child, TyperGroup):
            yield from leaves(child, f"{words}{name} ")
        else:
            assert isinstance(child, TyperCommand)
            yield words + name, child


COMMANDS = dict(leaves())
each_command = pytest.mark.parametrize("words", COMMANDS)


def test_every_command_has_an_example_and_a_place() -> None:
    assert EXAMPLES.keys() == COMMANDS.keys()
    assert {words for words in COMMANDS if " " not in words} == PANELS.keys()


@each_command
def test_help_fits_into_80_columns_and_ends_with_the_example(words: str) -> None:
    done = command(*words.split(), "-h", COLUMNS="80")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    assert EXAMPLES[words] in [line.strip() for line in lines[-4:]]
    assert done.stdout == command(*words.split(), "--help", COLUMNS="80").stdout


@pytest.mark.parametrize("words", ["run", "optimize", "evolve"])
def test_long_helps_end_with_the_options_to_begin_with(words: str) -> None:
    shown = command(words, "--help", COLUMNS="80").stdout.partition("To begin with:")[2]
    named = set(re.findall(r"--[a-z-]+", shown.partition("Example:")[0]))
    assert {"--dry-run", "--max-calls"} <= named
    known = {name for param in COMMANDS[words].params for name in param.opts}
    assert named <= known | {"--method"}  # of `evolve`, which uses what `optimize` leaves


@each_command
def test_every_command_that_asks_a_model_has_v_and_a_log(words: str) -> None:
    options = {name for param in COMMANDS[words].params for name in param.opts}
    assert {"-v", "--verbose", "--log-file"} <= options or "--concurrency" not in options


@each_command
def test_examples_parse(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(EXAMPLES[words])
    assert program == "autoevol"
    name, rest = arguments[: len(words.split())], arguments[len(words.split()) :]
    assert " ".join(name) == words
    with COMMANDS[words].make_context(words, list(rest)):
        pass
    if "--" in rest:  # what follows is for `evolve`
        with COMMANDS["evolve"].make_context("evolve", rest[rest.index("--") + 1 :]):
            pass


@pytest.mark.parametrize("words", ["run", "optimize", "evolve"])
def test_examples_plan(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("seeds.jsonl").write_text("".join(f'{{"instruction": "Name prime {n}."}}\n' for n in range(400)))
    Path("runs/mine").mkdir(parents=True)
    Path("runs/mine/method.json").write_text('{"text": "Rewrite it.", "demos": [], "name": "mine"}')
    done = command(*shlex.split(EXAMPLES[words])[1:], "--dry-run", OPENAI_API_KEY="x")
    assert done.exit_code == 0, done.output
    assert "LM calls" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("rnu sample", "No such command 'rnu'. Did you mean 'run'?"),
        ("methods lits", "No such command 'lits'. Did you mean 'list'?"),
        ("run sample --out x --detectr text", "--detector"),
        ("run sample --out x --detector txt", "did you mean text?"),
        ("run sample --out x --keep lst", "did you mean last?"),
        ("export x.jsonl --out y.jsonl --format sharegtp", "did you mean sharegpt?"),
        ("calibrate x.jsonl --half reprot", "did you mean report?"),
        ("compare sample --out x --optimizers mirpo", "did you mean mipro?"),
        ("search sample --out x --space patiense", "did you mean patience?"),
        ("evolve sample --out x --method initail", "did you mean initial?"),
        ("launch --executor slum -- sample --out x", "did you mean slurm?"),
    ],
)
def test_a_typo_is_answered_with_the_nearest(
    words: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command(*words.split())
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "x").exists()


def test_help_lists_the_words_of_a_choice() -> None:
    shown = " ".join(command("run", "--help", COLUMNS="200").stdout.replace("│", " ").split())
    assert "HTTP client for OpenAI-compatible endpoints: aiohttp or openai." in shown
    assert "Rule that keeps or replaces the method: adaptive, race, sprint, paper or author." in shown
    assert words_of(str) == ()


def complete(line: str) -> list[str]:
    """What a shell is offered after `line`."""
    code = "import sys; sys.argv = ['autoevol']; from autoevol.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            "_AUTOEVOL_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split(" ")) - 1),
            "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_a_shell_completes_commands_options_and_words() -> None:
    assert complete("autoevol ru") == ["run"]
    assert complete("autoevol run --detec") == ["--detector"]
    assert complete("autoevol run --selection ") == ["adaptive", "race", "sprint", "paper", "author"]
    assert complete("autoevol methods s") == ["show"]


def test_completion_can_be_installed() -> None:
    assert "--install-completion" in command("--help").stdout
