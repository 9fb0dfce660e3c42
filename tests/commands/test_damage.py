"""Any byte, line or file of a run folder damaged or removed: the right result, or one clear error."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from command_line import at, command, lines
from commanding import SEEDS, Served, evolve, write_seeds
from damaging import damages, told
from servers import Endpoint

PARTS = ("--part-rows", 3, "--concurrency", 1)
HALF = 15  # calls: two parts and a half
OF_THE_BULK_STAGE = (
    "run.json", "seeds.json", "endpoint.json", "methods.json", "outputs.json", "dataset.jsonl",
    "rejected.jsonl", "dead.jsonl",
)  # fmt: skip


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(Served()) as served:
        yield served


@pytest.fixture(scope="module", params=[(), ("--forget-calls",)], ids=["kept", "forgotten"])
def begun(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, endpoint: Endpoint
) -> tuple[Path, tuple[object, ...]]:
    """A folder with seeds, a finished run and a half-finished one."""
    folder, more = tmp_path_factory.mktemp("runs"), (*PARTS, *request.param)
    seeds = write_seeds(folder)
    assert evolve(seeds, endpoint, folder / "finished", *more).exit_code == 0
    assert evolve(seeds, endpoint, folder / "half", *more, "--max-calls", HALF).exit_code == 3
    return folder, more


@pytest.mark.slow
@pytest.mark.parametrize("state", ["finished", "half"])
def test_any_damage_gives_the_right_result_or_one_clear_error(
    state: str, begun: tuple[Path, tuple[object, ...]], endpoint: Endpoint, tmp_path: Path
) -> None:
    folder, more = begun
    expected = lines(folder / "finished" / "dataset.jsonl")
    assert [pair["seed"] for pair in expected] == SEEDS
    for file in sorted(path for path in (folder / state).rglob("*") if path.is_file()):
        damage(folder, file.relative_to(folder), more, endpoint, tmp_path, most=4)


@pytest.mark.parametrize("begun", [()], indirect=True, ids=["kept"])
@pytest.mark.parametrize(
    "name", ["parts/manifest.jsonl", "parts/part-000001.jsonl", "run.json", "seeds.json", "endpoint.json"]
)
def test_a_damaged_file_gives_the_right_result_or_one_clear_error(
    name: str, begun: tuple[Path, tuple[object, ...]], endpoint: Endpoint, tmp_path: Path
) -> None:
    damage(begun[0], Path("half", name), begun[1], endpoint, tmp_path, most=1)


def damage(
    runs: Path, file: Path, more: tuple[object, ...], endpoint: Endpoint, work: Path, *, most: int
) -> None:
    """Go on in a copy of a run with each damage of one file, and say what came of it."""
    expected, draw = lines(runs / "finished" / "dataset.jsonl"), random.Random(str(file))
    name = file.relative_to(file.parts[0])
    for number, content in enumerate(damages((runs / file).read_bytes(), draw, most)):
        out = work / f"{number} {file.name}"
        shutil.copytree(runs / file.parts[0], out)
        (out / name).unlink() if content is None else (out / name).write_bytes(content)
        asked = len(endpoint.seen)
        done = evolve(runs / "seeds.jsonl", endpoint, out, *more)
        what = f"{file}, damage {number}: {done.output[-2000:]}"
        assert done.exception is None or isinstance(done.exception, SystemExit), f"{what} {done.exception!r}"
        if done.exit_code == 0:
            assert lines(out / "dataset.jsonl") == expected, what
        else:
            assert done.exit_code in (1, 2), what
            # A page of the call store may be found damaged only when it is read.
            assert len(endpoint.seen) == asked or file.name == "calls.sqlite", f"paid before: {what}"
        shown = command("show", out)
        assert shown.exit_code in (0, 2), f"{what}: {shown.output}"
        assert shown.exception is None or isinstance(shown.exception, SystemExit), what
        shutil.rmtree(out)


@pytest.fixture(scope="module")
def optimised(tmp_path_factory: pytest.TempPathFactory, endpoint: Endpoint) -> Path:
    """A folder with seeds, a finished run that was optimised, and one whose budget ended in its midst."""
    folder = tmp_path_factory.mktemp("optimised")
    seeds = write_seeds(folder)
    assert optimise(seeds, endpoint, folder / "finished").exit_code == 0
    assert (
        optimise(seeds, endpoint, folder / "half", "--max-calls", HALF, "--optimize-share", 1).exit_code == 3
    )
    return folder


def optimise(seeds: Path, endpoint: Endpoint, out: Path, *more: object) -> Result:
    """`autoevol run` with two steps on few rows."""
    sizes = ("--dev-size", 4, "--holdout-size", 3, "--batch-size", 2, "--m", 1, "--steps", 2)
    words = ("--selection", "race", "--reserve-size", 0, "--optimize", "always", *sizes, *more)
    return command("run", seeds, "--out", out, *at(endpoint), *PARTS, *words)


# What only an optimised run has; the rest is the bulk stage's.
@pytest.mark.slow
@pytest.mark.parametrize("state", ["finished", "half"])
def test_damage_of_what_an_optimisation_left_is_told_or_does_no_harm(
    state: str, optimised: Path, endpoint: Endpoint, tmp_path: Path
) -> None:
    expected = lines(optimised / "finished" / "dataset.jsonl")
    assert len(expected) == len(SEEDS)
    files = {path.name for path in (optimised / state).iterdir() if path.is_file()}
    files -= {"calls.sqlite", "calls.sqlite-wal", "calls.sqlite-shm", ".lock", *OF_THE_BULK_STAGE}
    assert "journal.jsonl" in files
    assert state == "half" or "passport.json" in files
    for name in sorted(files):
        draw, content = random.Random(name), (optimised / state / name).read_bytes()
        for number, damaged in enumerate(damages(content, draw, 1)):
            out, what = tmp_path / f"{number} {name}", f"{state}/{name}, damage {number}"
            shutil.copytree(optimised / state, out)
            (out / name).unlink() if damaged is None else (out / name).write_bytes(damaged)
            for words in (("show", out), ("methods", "show", out)):
                told(command(*words), what)
            done = told(optimise(optimised / "seeds.jsonl", endpoint, out), what)
            if done.exit_code == 0:
                assert lines(out / "dataset.jsonl") == expected, what
            shutil.rmtree(out)


@pytest.mark.parametrize("begun", [()], indirect=True, ids=["kept"])
@pytest.mark.parametrize(
    "words", [("export", "--format", "messages"), ("clean",)], ids=lambda words: words[0]
)
def test_a_data_set_with_a_lost_line_is_not_passed_on(
    words: tuple[str, ...], begun: tuple[Path, tuple[object, ...]], endpoint: Endpoint, tmp_path: Path
) -> None:
    out, target = tmp_path / "run", tmp_path / "passed on.jsonl"
    shutil.copytree(begun[0] / "finished", out)
    (out / "dataset.jsonl").write_text(
        "".join((out / "dataset.jsonl").read_text().splitlines(keepends=True)[1:])
    )
    done = command(words[0], out, *words[1:], "--out", target)
    assert done.exit_code == 2
    assert "dataset.jsonl is not as the run left it: it has 11 lines; 12 were written" in done.stderr
    assert not target.exists()
    measured = command("quality", out)
    assert measured.exit_code == 2
    assert "12 were written" in measured.stderr
    assert evolve(begun[0] / "seeds.jsonl", endpoint, out, *begun[1]).exit_code == 0
    assert command(words[0], out, *words[1:], "--out", target).exit_code == 0


@pytest.mark.parametrize("begun", [()], indirect=True, ids=["kept"])
@pytest.mark.parametrize("words", [("retry",), ("again",)], ids=lambda words: words[0])
def test_what_goes_on_with_finished_rows_looks_at_all_of_them_first(
    words: tuple[str, ...], begun: tuple[Path, tuple[object, ...]], endpoint: Endpoint, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(begun[0] / "finished", out)
    part = out / "parts" / "part-000003.jsonl"
    part.write_bytes(part.read_bytes().replace(b"bridge", b"Bridge", 1))
    more = ("--answer-with", "served", "--out", tmp_path / "again") if words == ("again",) else ()
    asked = len(endpoint.seen)
    done = command(words[0], out, "--api-base", endpoint.url, *more)
    assert done.exit_code == 2, done.output
    assert "part-000003.jsonl is damaged: its lines are not those that were written" in done.stderr
    assert len(endpoint.seen) == asked


@pytest.mark.parametrize("begun", [()], indirect=True, ids=["kept"])
@pytest.mark.parametrize("name", ["seeds.json", "endpoint.json", "run.json", "methods.json"])
@pytest.mark.parametrize("torn", ["[]", "3", "null", "{}", '{"settings": 3, "found": [], "fingerprint": {}}'])
def test_torn_fields_are_told_in_one_sentence(
    name: str, torn: str, begun: tuple[Path, tuple[object, ...]], endpoint: Endpoint, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(begun[0] / "finished", out)
    (out / name).write_text(torn)
    for words in (("retry", out), ("show", out)):
        done = command(*words)
        assert done.exception is None or isinstance(done.exception, SystemExit), (words, done.exception)
        assert done.exit_code in (0, 2), done.output
    done = evolve(begun[0] / "seeds.jsonl", endpoint, out, *begun[1])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in (0, 2), done.output
