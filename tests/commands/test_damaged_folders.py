"""Folders of the other commands: whatever is damaged is told, or the result is what it was."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

import labelling_support
from autoevol.proof.job import prove
from command_line import command, lines
from commanding import SEEDS, VERDICT, Served, evolve, write_seeds
from damaging import damages, told
from proving import CountingStudent, pair_file
from servers import Answer, Endpoint, says

BETTER = "\n\n".join(f"[[ ## {name} ## ]]\n{said}" for name, said in (("reason", "So."), ("better", "first")))


def serve(body: dict[str, Any]) -> Answer:
    """Evolves, answers, judges evolutions and judges answers."""
    if body["model"] == "comparing":
        return says(BETTER)
    return says(VERDICT) if body["model"] == "judging" else Served()(body)


@dataclass(frozen=True)
class World:
    """Where everything was made, and the folders by kind."""

    path: Path
    endpoint: Endpoint

    def words(self, kind: str) -> list[object]:
        """The command that made a folder, without --out."""
        seeds, where = self.path / "seeds.jsonl", ("--api-base", self.endpoint.url)
        evol = ("--evol-model", "served", *where)
        sizes = ("--dev-size", 3, "--holdout-size", 2, "--batch-size", 2, "--m", 1, "--steps", 1)
        match kind:
            case "headroom":
                return ["headroom", seeds, "--rows", 3, *sizes, *evol]
            case "transfer":
                return ["transfer", "weak", "initial", "--seeds", seeds, "--sample", 3, *evol]
            case "answers":
                judge = ("--judge-model", "comparing", *where)
                return ["judge-answers", seeds, "served", self.path / "b.jsonl", *judge]
            case _:
                raise AssertionError(kind)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("world")
    write_seeds(path)
    (path / "b.jsonl").write_text(
        "".join(json.dumps({"instruction": text, "output": "No."}) + "\n" for text in SEEDS)
    )
    with Endpoint(serve) as endpoint:
        made = World(path, endpoint)
        for kind in ("headroom", "transfer", "answers"):
            done = command(*made.words(kind), "--out", path / kind)
            assert done.exit_code == 0, done.output
        assert evolve(path / "seeds.jsonl", endpoint, path / "run", "--method", "weak").exit_code == 0
        with labelling_support.labelling(path / "run", sample=6, out=path / "labels") as server:
            for _ in range(4):
                item = server.session.current()["item"]["id"]
                server.session.label(item, {"severity": 0, "kinds": [], "gain": 1})
        prove_pairs(path, path / "proof")
        yield made


def prove_pairs(path: Path, out: Path) -> Any:
    """The proof of two files of pairs, or what is left of it to do."""
    found, seeds = path / "found.jsonl", path / "pairs.jsonl"
    if not found.exists():
        pair_file(found, range(100, 120))
        pair_file(seeds, range(20), " and so on")
    small: dict[str, Any] = {"heldout": 4, "seeds": 2, "steps": 2, "step_tokens": 40, "rates": (0.1, 0.4)}
    return prove(found, out, against=[f"seeds={seeds}"], make_student=lambda *_: CountingStudent(), **small)


def damaged(folder: Path, work: Path, most: int, names: str = "**/*") -> Iterator[tuple[Path, str]]:
    """Copies of a folder with one file damaged, and what that was."""
    files = (path for path in folder.glob(names) if path.is_file() and path.name != ".lock")
    for file in sorted(path for path in files if not path.name.startswith("calls.sqlite")):
        name, content = file.relative_to(folder), file.read_bytes()
        for number, harm in enumerate(damages(content, random.Random(str(name)), most)):
            if harm == content:
                continue
            out = work / "damaged"
            shutil.copytree(folder, out)
            (out / name).unlink() if harm is None else (out / name).write_bytes(harm)
            yield out, f"{name}, damage {number}"
            shutil.rmtree(out)


def without_paths(done: Result, folder: Path) -> str:
    """What was printed on standard output, wherever the folder lies."""
    return done.stdout.replace(str(folder), "DIR")


def shown(out: Path) -> Result:
    return command("show", out, "--json")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["headroom", "transfer", "answers", "proof"])
def test_what_is_shown_of_a_folder_is_what_was_written(kind: str, world: World, tmp_path: Path) -> None:
    expected = without_paths(shown(world.path / kind), world.path / kind)
    for out, what in damaged(world.path / kind, tmp_path, most=2, names=f"{kind}.json"):
        gone = not (out / f"{kind}.json").exists()
        done = told(shown(out), what)
        told(command("report", out, "--format", "md", "-o", tmp_path / "report.md"), what)
        if done.exit_code == 0 and not gone:
            assert without_paths(done, out) == expected, what


def figures(folder: Path, kind: str) -> dict[str, Any]:
    """The report in a folder without what every start adds to."""
    data = json.loads((folder / f"{kind}.json").read_text())
    return {name: data[name] for name in data.keys() - {"seconds", "ledger", "run_id", "check"}}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["headroom", "transfer", "answers"])
def test_a_command_that_goes_on_ends_with_the_same_figures(kind: str, world: World, tmp_path: Path) -> None:
    for out, what in damaged(world.path / kind, tmp_path, most=1):
        done = told(command(*world.words(kind), "--out", out), what)
        if done.exit_code == 0:
            assert figures(out, kind) == figures(world.path / kind, kind), what
            for name in ("judged.jsonl", "answers_a.jsonl") if kind == "answers" else ():
                assert (out / name).read_bytes() == (world.path / kind / name).read_bytes(), what


@pytest.mark.slow
def test_a_proof_concludes_the_same_or_says_what_is_damaged(world: World, tmp_path: Path) -> None:
    expected = figures(world.path / "proof", "proof")
    for out, what in damaged(world.path / "proof", tmp_path, most=1):
        done = told(command("prove", out, "--collect", "--json"), what)
        if done.exit_code == 0:
            assert figures(out, "proof") == expected, what


def test_a_proof_goes_on_or_says_what_is_damaged(world: World, tmp_path: Path) -> None:
    from autoevol.core.errors import AutoEvolError

    expected = figures(world.path / "proof", "proof")
    for out, what in damaged(world.path / "proof", tmp_path, most=1):
        try:
            prove_pairs(world.path, out)
        except AutoEvolError:
            continue
        assert figures(out, "proof") == expected, what


@pytest.mark.parametrize("name", ["base-0.json", "found-1.json"])
def test_a_proof_that_has_lost_a_student_is_not_concluded(name: str, world: World, tmp_path: Path) -> None:
    out = shutil.copytree(world.path / "proof", tmp_path / "proof")
    (out / "tuned" / name).unlink()
    done = command("prove", out, "--collect")
    assert done.exit_code == 2
    assert f"lacks 1 of 7 students ({name.removesuffix('.json')})" in done.stderr


def calibrated(out: Path) -> Result:
    return command("calibrate", out / "labelled.jsonl", "--json")


def agreed(out: Path) -> Result:
    return command("label", out.parent / "run", "--out", out, "--agreement", "--json")


@pytest.mark.parametrize("read", [calibrated, agreed], ids=["calibrate", "agreement"])
def test_labels_are_read_whole_or_not_at_all(
    read: Callable[[Path], Result], world: World, tmp_path: Path
) -> None:
    expected = without_paths(read(world.path / "labels"), world.path / "labels")
    for out, what in damaged(world.path / "labels", tmp_path, most=1):
        done = told(read(out), what)
        if done.exit_code == 0:
            assert without_paths(done, out) == expected, what


def test_labelling_goes_on_with_all_labels_or_says_what_is_lost(world: World, tmp_path: Path) -> None:
    from autoevol.core.errors import AutoEvolError

    expected = lines(world.path / "labels" / "labelled.jsonl")
    for out, what in damaged(world.path / "labels", tmp_path, most=1):
        try:
            with labelling_support.labelling(world.path / "run", sample=6, out=out) as server:
                assert server.session.done == len(expected), what
        except AutoEvolError:
            continue
        assert lines(out / "labelled.jsonl") == expected, what


def test_a_task_that_is_lost_is_not_drawn_anew(world: World, tmp_path: Path) -> None:
    out = shutil.copytree(world.path / "labels", tmp_path / "labels")
    (out / "task.json").unlink()
    done = command("label", world.path / "run", "--out", out, "--no-open")
    assert done.exit_code == 2
    assert "has lost its task.json, but not its labels" in done.stderr


FIRST_LINE_LOST = {
    "run": ("evolve", "FILE", "--method", "weak", "--evol-model", "served"),
    "headroom": ("headroom", "FILE", "--evol-model", "served"),
    "estimate": ("estimate", "FILE", "--evol-model", "served"),
    "transfer": ("transfer", "weak", "--seeds", "FILE", "--evol-model", "served"),
    "compare": ("compare", "FILE", "--evol-model", "served"),
    "search": ("search", "FILE", "--evol-model", "served"),
    "export": ("export", "FILE"),
    "clean": ("clean", "FILE"),
    "clean against": ("clean", "SEEDS", "--against", "FILE"),
    "quality": ("quality", "FILE"),
    "prove": ("prove", "FILE", "--against", "seeds=SEEDS", "--dry-run"),
    "judge-answers": ("judge-answers", "SEEDS", "FILE", "FILE", "--judge-model", "comparing"),
}
NO_OUT = ("estimate", "quality", "prove")


@pytest.mark.parametrize("name", FIRST_LINE_LOST)
@pytest.mark.parametrize("whole", [False, True], ids=["the file", "the folder"])
def test_no_command_takes_a_data_set_that_has_lost_a_line(
    name: str, whole: bool, world: World, tmp_path: Path
) -> None:
    folder = shutil.copytree(world.path / "run", tmp_path / "run")
    file = folder / "dataset.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    given = {"FILE": folder if whole and name not in ("prove", "judge-answers") else file}
    given |= {"SEEDS": world.path / "seeds.jsonl", "seeds=SEEDS": f"seeds={world.path / 'seeds.jsonl'}"}
    words = [given.get(word, word) for word in FIRST_LINE_LOST[name]]
    out = () if name in NO_OUT else ("--out", tmp_path / "out.jsonl")
    where = ("--api-base", world.endpoint.url) if {"--evol-model", "--judge-model"} & set(words) else ()
    asked = len(world.endpoint.seen)
    done = command(*words, *out, *where)
    assert done.exit_code == 2, done.output
    assert "dataset.jsonl is not as the run left it" in done.stderr
    assert "11 lines; 12 were written" in done.stderr
    assert len(world.endpoint.seen) == asked


def test_a_method_that_was_changed_in_its_folder_is_not_taken_for_that_of_the_run(
    world: World, tmp_path: Path
) -> None:
    folder = shutil.copytree(world.path / "run", tmp_path / "run")
    file = folder / "method.json"
    file.write_text(file.read_text().replace('"text": "', '"text": "Not ', 1))
    for words in (("show", folder), ("methods", "show", folder), ("report", folder)):
        done = command(*words)
        assert done.exit_code == 2, (words, done.output)
        assert "is not the one that was written there" in done.stderr
    assert command("methods", "show", file).exit_code == 0


@pytest.mark.parametrize("kind", ["headroom", "transfer", "answers", "proof"])
def test_a_folder_that_has_lost_its_name_is_not_begun_anew(kind: str, world: World, tmp_path: Path) -> None:
    out = shutil.copytree(world.path / kind, tmp_path / kind)
    (out / "run.json").unlink()
    if kind == "proof":
        against = f"seeds={world.path / 'pairs.jsonl'}"
        words = ("--against", against, "--recipe", "trl", "--heldout", 4)
        done = command("prove", world.path / "found.jsonl", *words, "--out", out)
    else:
        done = command(*world.words(kind), "--out", out)
    assert done.exit_code == 2, done.output
    assert "has lost its run.json" in done.stderr


@pytest.mark.parametrize("loss", ["gone", "empty"])
@pytest.mark.parametrize("kind", ["headroom", "transfer", "answers"])
def test_calls_that_were_paid_for_and_are_lost_are_not_paid_for_again(
    kind: str, loss: str, world: World, tmp_path: Path
) -> None:
    out = tmp_path / kind
    assert command(*world.words(kind), "--out", out, "--max-calls", 4).exit_code == 3
    lose(out / "calls.sqlite", loss)
    asked = len(world.endpoint.seen)
    done = command(*world.words(kind), "--out", out)
    assert done.exit_code == 2, done.output
    assert "calls.sqlite has lost the calls that were paid for" in done.stderr
    assert len(world.endpoint.seen) == asked


def lose(store: Path, loss: str) -> None:
    """Take away a call store, or all that is in it."""
    for left in store.parent.glob(f"{store.name}*"):
        left.unlink()
    if loss == "empty":
        store.touch()


@pytest.mark.parametrize("name", ["referee.sqlite", "entries/race-0.sqlite"])
def test_a_comparison_that_has_lost_calls_is_not_paid_for_again(
    name: str, world: World, tmp_path: Path
) -> None:
    sizes = ("--budget", 40, "--seeds", 1, "--dev-size", 3, "--holdout-size", 2)
    words = ("compare", world.path / "seeds.jsonl", "--optimizers", "race", *sizes, "--out", tmp_path / "out")
    where = ("--evol-model", "served", "--api-base", world.endpoint.url)
    assert command(*words, *where).exit_code == 0
    (tmp_path / "out" / "entries" / "race-0.json").unlink()  # as where it was killed before its end
    lose(tmp_path / "out" / name, "gone")
    asked = len(world.endpoint.seen)
    done = command(*words, *where)
    assert done.exit_code == 2, done.output
    assert "has lost the calls that were paid for" in done.stderr
    assert len(world.endpoint.seen) == asked


def test_a_merge_takes_no_line_that_was_not_written(world: World, tmp_path: Path) -> None:
    out = tmp_path / "all"
    for shard in ("1/2", "2/2"):
        more = ("--method", "weak", "--shard", shard, "--part-rows", 3)
        done = evolve(world.path / "seeds.jsonl", world.endpoint, out, *more)
        assert done.exit_code == 0, done.output
    part = next(out.glob("shard-2*/parts/part-000000.jsonl"))
    written = part.read_bytes().splitlines(keepends=True)
    for line in (b"3", b"null", b"{}", b"[]", b'{"record": 1}'):
        part.write_bytes(b"".join([line + b"\n", *written[1:]]))
        done = told(command("merge", out), str(line))
        assert done.exit_code == 2, done.output
        assert "part-000000.jsonl is damaged" in done.stderr
        assert not (out / "dataset.jsonl").exists()
    part.write_bytes(b"".join(written))
    assert command("merge", out).exit_code == 0


@pytest.mark.parametrize("counted", [True, False], ids=["with checksums", "without"])
def test_an_example_is_shown_of_a_whole_data_set_only(counted: bool, world: World, tmp_path: Path) -> None:
    folder = shutil.copytree(world.path / "run", tmp_path / "run")
    file = folder / "dataset.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    if not counted:
        (folder / "outputs.json").unlink()
    done = told(command("show", folder), "the end is lost")
    assert done.exit_code == 2
    assert ("is not as the run left it" if counted else "is damaged") in done.stderr
