"""The code blocks of README and docs run or parse as they stand, and what the pages name exists."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from autoevol.cli import app
from command_line import command, seed_file
from documents import PAGES, ROOT, TASKS, URL, Block, blocks, plays
from embedded import needs_embedded
from servers import Endpoint

PYTHON, SHELL = blocks("python"), blocks("sh")
COMMANDS = [pytest.param(line, id=f"{block.page}: {line[:60]}") for block in SHELL for line in block.commands]


def python(code: str, folder: Path) -> str:
    """What `code` prints when it is run in `folder`."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_are_blocks_of_both_kinds_and_the_readme_is_short() -> None:
    assert len(PYTHON) >= 4
    assert len(SHELL) >= 20
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.slow
@pytest.mark.real
@needs_embedded
def test_the_library_example_runs_and_the_second_time_it_pays_nothing(tmp_path: Path) -> None:
    (example,) = [block for block in PYTHON if "local/" in block.text]
    ends = [re.findall(r"calls=(\d+)", python(example.text, tmp_path)) for _ in range(2)]
    assert ends[0] == ends[1]
    assert example.shown
    assert len(re.findall(r"calls=(\d+)", example.shown)) == len(ends[0]), (
        "the output that is shown is of this kind"
    )


@pytest.mark.parametrize("block", [block for block in PYTHON if "local/" not in block.text])
def test_python_examples_run(block: Block, tmp_path: Path) -> None:
    with Endpoint(plays) as endpoint:
        printed = python(block.text.replace(URL, endpoint.url), tmp_path)
    assert block.shown in (None, printed)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_parse(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (config,) = blocks("toml")
    (tmp_path / "settings.toml").write_text(config.text)
    (tmp_path / "runs" / "search").mkdir(parents=True)
    (tmp_path / "runs" / "search" / "best.json").write_text('{"m": 3}')
    program, *words = shlex.split(line)
    if program == "make":
        subprocess.run(["make", "--dry-run", *words], cwd=ROOT, check=True, capture_output=True)
    elif program == "python":
        assert words[0] == "-m"
        shown = subprocess.run(
            [sys.executable, "-m", words[1], "--help"], capture_output=True, text=True, check=True
        ).stdout
        assert [word for word in words if word.startswith("--") and word not in shown] == []
    else:
        assert program == "autoevol"
        parse(words)


def parse(words: list[str]) -> None:
    """As the command line would, up to the point where the command itself would begin."""
    root = typer.main.get_command(app)
    context = root.make_context("autoevol", list(words))
    while hasattr(root, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        name, found, rest = root.resolve_command(context, rest)  # type: ignore[attr-defined]
        assert found is not None, f"no command {name}"
        if "--" in rest:  # `launch`: what follows is for `evolve`
            parse(["evolve", *rest[rest.index("--") + 1 :]])
        root, context = found, found.make_context(name, rest, parent=context)


def test_a_command_that_does_not_exist_is_found() -> None:
    with pytest.raises(BaseException, match="No such"):
        parse(["run", "seeds.jsonl", "--out", "o", "--no-such-option"])


def test_the_output_that_the_readme_shows_is_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = [block for block in SHELL if block.shown]
    done = command(*shlex.split(block.commands[0])[1:])
    assert done.exit_code == 0, done.output
    # What is likely is drawn by the rules of the loop, and moves a little with each of them.
    told, shown = (re.sub(r"likely [^]]*\]", "likely", text) for text in (done.stdout, block.shown or ""))
    assert told.rstrip() == shown.rstrip()


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README", "tutorial"])
def test_the_commands_of_a_page_run_from_seeds_to_a_file_for_a_trainer(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seed_file(tmp_path, TASKS)
    lines = [line for block in SHELL if block.page == page for line in block.commands]
    with Endpoint(plays) as endpoint:
        for line in lines:
            if line.startswith("make "):  # `make run` is for people and CI
                continue
            done = command(*shlex.split(line.replace(URL, endpoint.url))[1:])
            assert done.exit_code == 0, f"{line}\n{done.output}"
    examples = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert len(examples) > 20
    assert all(
        [message["role"] for message in each["messages"]] == ["user", "assistant"] for each in examples
    )


def test_every_file_of_the_tree_exists() -> None:
    tree = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    for name in re.findall(r"\b[\w/]+\.(?:py|md)\b", tree):
        assert list(ROOT.glob(f"*/{name}")) or list(ROOT.glob(f"src/autoevol/{name}")), name
    for name in re.findall(r"^(?:src/autoevol/|\s+| )?\s*(\w+)/ ", tree, re.MULTILINE):
        assert list(ROOT.glob(name)) or list(ROOT.glob(f"src/autoevol/{name}")), name


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_files_and_tests_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"\]\(([\w./-]+\.md)(?:#[\w-]+)?\)", text):
        assert (page.parent / path).exists(), path
    for path, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text):
        first = "test_" if "/test_" in path else ""  # the others help the tests
        assert f"def {name or first}" in (ROOT / path).read_text(encoding="utf-8"), path + name
    for path in re.findall(
        r"`((?:src|programs|metrics|optimization|comparison|experiments|config|dataset|lm|cli|core|reports"
        r"|docs)/[\w/]+\.\w+)`",
        text,
    ):
        assert (ROOT / path).exists() or (ROOT / "src" / "autoevol" / path).exists(), path


@pytest.mark.slow
def test_the_docs_build_strictly_and_ask_for_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the docs tools are not installed: pip install 'autoevol[docs]'")
    words = ["mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) >= len(PAGES)
    for page in pages:
        loaded = re.findall(
            r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"']([^\"']+)", page.read_text("utf-8")
        )
        assert not [url for url in loaded if re.match(r"(?:https?:)?//", url)], page.name
