"""The page for labelling: who may ask, what is kept, and when."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import autoevol
from autoevol.commands.label import LabelJob, raters_agreement
from autoevol.core.errors import InputError, InUse
from autoevol.labelling.server import BODY
from autoevol.metrics.labels import load_labelled
from labelling_support import HOSTILE, ask, labelling, lines, pair, pair_file

USABLE = {"severity": 0, "gain": 2, "response_ok": True, "kinds": [], "note": "fine"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return pair_file(tmp_path, [pair(number) for number in range(4)])


def test_a_label_is_in_the_log_and_in_the_file_before_it_is_answered(file: Path) -> None:
    with labelling(file) as server:
        _, first = ask(server, "item")
        assert (first["done"], first["total"]) == (0, 4)
        status, then = ask(server, "label", {**USABLE, "item": first["item"]["id"]})
        assert (status, then["done"]) == (200, 1)
        assert then["item"]["id"] != first["item"]["id"]
        labels = file.with_name("pairs.labels")
        assert lines(labels / "rater-A.jsonl")[0]["item"] == first["item"]["id"]
        (read,) = load_labelled(labels / "labelled.jsonl")
    assert (read.id, read.usable, read.fatal, read.gain) == (first["item"]["id"], True, False, 2)


def test_nothing_shown_tells_method_model_or_earlier_labels(file: Path) -> None:
    with labelling(file) as server:
        shown = ask(server, "item")[1]
    assert "SECRET" not in json.dumps(shown)
    assert shown["item"].keys() == {"id", "original", "evolved", "response"}


@pytest.mark.parametrize(
    ("name", "body", "headers", "status"),
    [
        ("/", None, {}, 404),
        ("/wrong/item", None, {}, 404),
        ("item", None, {"Host": "evil.example"}, 403),
        ("label", USABLE, {"Host": "evil.example:80"}, 403),
        ("label", USABLE, {"Origin": "http://evil.example"}, 403),
        ("label", USABLE, {"Origin": "null"}, 403),
        ("label", USABLE, {"Content-Type": "text/plain"}, 415),
        ("label", b"{", {}, 400),
        ("label", [1], {}, 400),
        ("label", b" " * (BODY + 1), {}, 413),
        ("label", {**USABLE, "item": "other"}, {}, 422),
        ("forget", {}, {}, 404),
        ("undo", {}, {}, 422),
    ],
)
def test_what_is_refused(file: Path, name: str, body: object, headers: dict[str, str], status: int) -> None:
    with labelling(file) as server:
        assert ask(server, name, body, **headers)[0] == status
        assert ask(server, "item")[1]["done"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"severity": None},
        {"severity": True},
        {"severity": 3},
        {"kinds": ["stagnant"]},
        {"kinds": ["nonsense"], "severity": 1},
        {"gain": 4},
        {"response_ok": "yes"},
    ],
)
def test_what_is_no_label_is_not_kept(file: Path, change: dict[str, object]) -> None:
    with labelling(file) as server:
        item = ask(server, "item")[1]["item"]["id"]
        status, said = ask(server, "label", {**USABLE, "item": item, **change})
        assert status == 422
        assert said["error"]
        assert ask(server, "item")[1]["done"] == 0


def test_a_label_is_taken_back_and_shown_again(file: Path) -> None:
    with labelling(file) as server:
        item = ask(server, "item")[1]["item"]["id"]
        ask(server, "label", {**USABLE, "item": item})
        back = ask(server, "undo", {})[1]
        assert (back["done"], back["item"]["id"], back["before"]["gain"]) == (0, item, 2)
        assert lines(file.with_name("pairs.labels") / "labelled.jsonl") == []
        ask(server, "label", {**USABLE, "item": item, "gain": 1})
    (read,) = load_labelled(file.with_name("pairs.labels") / "labelled.jsonl")
    assert read.gain == 1


def test_what_is_put_off_comes_last(file: Path) -> None:
    with labelling(file) as server:
        first = ask(server, "item")[1]["item"]["id"]
        seen = [ask(server, "skip", {"item": first})[1]["item"]["id"]]
        while seen[-1] != first:
            seen.append(ask(server, "label", {**USABLE, "item": seen[-1]})[1]["item"]["id"])
    assert len(seen) == 4


def test_a_rater_goes_on_and_another_sees_the_same_items_in_another_order(file: Path) -> None:
    orders = {}
    for rater in ("anna", "ben"):
        with labelling(file, rater) as server:
            seen = []
            while item := ask(server, "item")[1]["item"]:
                seen.append(item["id"])
                ask(server, "label", {**USABLE, "item": item["id"]})
                if len(seen) == 2:
                    break
        with labelling(file, rater) as server:
            while item := ask(server, "item")[1]["item"]:
                seen.append(item["id"])
                ask(server, "label", {**USABLE, "item": item["id"]})
        orders[rater] = seen
    assert sorted(orders["anna"]) == sorted(orders["ben"]) == ["p0", "p1", "p2", "p3"]
    read = load_labelled(file.with_name("pairs.labels") / "labelled.jsonl")
    assert all(one.raters("fatal") == (False, False) for one in read)


def test_hostile_texts_are_spelled_out_and_come_back_whole(tmp_path: Path) -> None:
    file = pair_file(tmp_path, [pair(1, evolved=HOSTILE, response=HOSTILE)])
    with labelling(file) as server:
        shown = ask(server, "item")[1]["item"]
        assert not set(shown["response"]) & {"\x1b", "\u202e", "\x00", "\ud800"}
        assert ask(server, "label", {**USABLE, "item": "p1", "note": HOSTILE})[1]["done"] == 1
    (read,) = load_labelled(file.with_name("pairs.labels") / "labelled.jsonl")
    assert read.trajectory.evolved == HOSTILE.replace("\ud800", "\ufffd")


def test_one_process_at_a_time_and_one_sample_a_folder(file: Path) -> None:
    with labelling(file, sample=2), pytest.raises(InUse), labelling(file):
        pass
    with pytest.raises(InputError, match="another sample"), labelling(file, sample=3):
        pass
    with labelling(file) as server:
        assert server.session.total == 2
    with pytest.raises(InputError, match="--rater"), labelling(file, "../x"):
        pass


def test_raters_whose_names_differ_in_case_only_are_refused(file: Path) -> None:
    with labelling(file, "Anna") as server:
        item = ask(server, "item")[1]["item"]["id"]
        ask(server, "label", {**USABLE, "item": item})
    with pytest.raises(InputError, match="more than case"), labelling(file, "anna"):
        pass
    with labelling(file, "Anna") as server:
        assert server.session.done == 1


def test_labels_of_another_file_of_the_same_name_are_not_gone_on_with(file: Path, tmp_path: Path) -> None:
    with labelling(file):
        pass
    other = file.with_suffix(".json")
    other.write_bytes(file.read_bytes())
    with (
        pytest.raises(InputError, match=r"holds labels of .*pairs\.jsonl, not of .*pairs\.json;"),
        labelling(other),
    ):
        pass
    with pytest.raises(InputError, match="holds labels of"):
        raters_agreement(LabelJob([other]))
    other.unlink()
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in (file, file.with_name("pairs.labels")):
        path.rename(moved / path.name)
    with labelling(moved / file.name) as server:
        assert server.session.total == 4


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 0)])
def test_a_process_that_ends_has_kept_every_label(file: Path, sent: signal.Signals, code: int) -> None:
    words = [sys.executable, "-m", "autoevol", "label", str(file), "--no-open"]
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ},
        # A shell that runs the tests in the background has its children ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().rsplit(" ", 1)[1].strip()
        _, _, host, token, _ = url.split("/")

        class Running:
            port = int(host.partition(":")[2])

        Running.token = token  # pyright: ignore[reportAttributeAccessIssue]
        item = ask(Running, "item")[1]["item"]["id"]  # pyright: ignore[reportArgumentType]
        assert ask(Running, "label", {**USABLE, "item": item})[0] == 200  # pyright: ignore[reportArgumentType]
        process.send_signal(sent)
        told = process.stdout.read()
        assert process.wait(timeout=600) == code
    finally:
        process.kill()
        process.wait()
    if code == 0:
        assert f"1 of 4 labelled. The labels: {file.with_name('pairs.labels')}" in told
    (read,) = load_labelled(file.with_name("pairs.labels") / "labelled.jsonl")
    assert read.id == item


def test_the_page_is_served_by_a_function_of_the_library(tmp_path: Path) -> None:
    with autoevol.label(pair_file(tmp_path, [pair(1), pair(2)]), rater="anna", sample=1) as server:
        status, told = ask(server, "item")
    assert (status, told["total"], told["rater"]) == (200, 1, "anna")
    answers = [tmp_path / name for name in ("a.jsonl", "b.jsonl")]
    for file in answers:
        file.write_text('{"question": "Name a prime.", "answer": "7."}\n')
    with autoevol.label(answers[0], against=answers[1], out=tmp_path / "sides") as server:
        assert ask(server, "item")[1]["kind"] == "answers"
