"""Parts: whole or not there, in order, and read again after any crash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autoevol.core.errors import InputError, StoreError, StoreLost
from autoevol.core.records import digest
from autoevol.store.parts import Parts

MADE = {"rounds": 1, "choices": [["a", "b", 0.5]]}


def add(
    parts: Parts, number: int, names: list[str], *, dead: int = 0, record: int = 0, whole: bool = True
) -> None:
    with parts.writer(number) as writer:
        for place, name in enumerate(names):
            writer.add({"name": name}, digest(name), record=record, dead=place < dead)
        writer.seal(open_part=not whole)


def names(parts: Parts) -> list[str]:
    return [line["name"] for line in parts.lines()]


def test_what_is_sealed_is_found_again(tmp_path: Path) -> None:
    first = Parts(tmp_path / "parts", MADE)
    add(first, 0, ["a", "b"], dead=1, record=3)
    add(first, 1, ["c"], record=4)
    second = Parts(tmp_path / "parts", MADE)
    assert names(second) == names(first) == ["a", "b", "c"]
    assert [(part.rows, part.dead, part.record) for part in second] == [(2, 1, 3), (1, 0, 4)]
    assert (second.rows, second.record, len(second)) == (3, 4, 2)
    assert set(second.take_ids()) == {int(digest(name), 16) for name in "abc"}
    assert list(second.take_ids()) == []
    assert Parts(tmp_path / "parts", None).made == MADE


def test_a_part_that_was_not_sealed_is_not_there(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "parts", MADE)
    add(parts, 0, ["a"])
    parts.writer(1).add({"name": "b"}, digest("b"), record=1)
    again = Parts(tmp_path / "parts", MADE)
    assert names(again) == ["a"]
    add(again, 1, ["c"])
    assert names(Parts(tmp_path / "parts", MADE)) == ["a", "c"]


def test_the_last_line_of_a_part_counts(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "parts", MADE)
    add(parts, 0, ["a", "b"], dead=2)
    add(parts, 1, ["c"])
    add(parts, 0, ["A", "b"], dead=1)
    for read in (parts, Parts(tmp_path / "parts", MADE)):
        assert names(read) == ["A", "b", "c"]
        assert [part.dead for part in read] == [1, 0]


def test_an_open_part_counts_for_nothing_and_is_made_again(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "parts", MADE)
    add(parts, 0, ["a"], record=1)
    add(parts, 1, ["c"], record=9, whole=False)
    again = Parts(tmp_path / "parts", MADE)
    assert names(again) == ["a", "c"]
    assert (again.rows, again.record) == (1, 1)
    assert set(again.take_ids()) == {int(digest("a"), 16)}
    again.drop_open()
    add(again, 1, ["b", "c"], record=9)
    assert names(Parts(tmp_path / "parts", MADE)) == ["a", "b", "c"]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_line_costs_its_part_alone(tmp_path: Path, cut: int) -> None:
    parts = Parts(tmp_path / "parts", MADE)
    add(parts, 0, ["a"])
    manifest, copy = tmp_path / "parts" / "manifest.jsonl", tmp_path / "parts" / "manifest.last"
    before = copy.read_bytes()
    add(parts, 1, ["b"])
    manifest.write_bytes(manifest.read_bytes()[:-cut])
    assert names(Parts(tmp_path / "parts", None)) == ["a", "b"], "the copy has the line"
    copy.write_bytes(before)
    again = Parts(tmp_path / "parts", MADE)
    assert names(again) == ["a"]
    add(again, 1, ["b"])
    assert names(Parts(tmp_path / "parts", MADE)) == ["a", "b"]


@pytest.mark.parametrize("line", range(4))
def test_a_lost_line_of_the_manifest_is_missed(tmp_path: Path, line: int) -> None:
    parts = Parts(tmp_path / "parts", MADE)
    for number, name in enumerate("abc"):
        add(parts, number, [name])
    manifest = tmp_path / "parts" / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(lines[:line] + lines[line + 1 :]))
    if line == 3:
        assert names(Parts(tmp_path / "parts", MADE)) == ["a", "b", "c"]
        return
    with pytest.raises(StoreError, match=rf"manifest\.jsonl is damaged in line {line + 1}"):
        Parts(tmp_path / "parts", MADE)


def test_a_lost_manifest_is_missed(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "parts", MADE)
    add(parts, 0, ["a"])
    add(parts, 1, ["b"])
    for name in ("manifest.jsonl", "manifest.last"):
        (tmp_path / "parts" / name).unlink()
        with pytest.raises(StoreError, match=r"manifest\.jsonl is damaged"):
            Parts(tmp_path / "parts", MADE)


def test_a_damaged_part_is_made_again_with_those_behind_it_where_the_calls_are_stored(tmp_path: Path) -> None:
    for stored in (True, False):
        parts = Parts(tmp_path / f"parts {stored}", MADE)
        for number, name in enumerate("abc"):
            with parts.writer(number, stored=stored) as writer:
                writer.add({"name": name}, digest(name), record=number)
                writer.seal()
        parts.path(1).write_bytes(parts.path(0).read_bytes())
        again = Parts(parts.folder, MADE)
        if stored:
            again.drop_damaged()
            assert (names(again), again.record) == (["a"], 0)
            assert set(again.take_ids()) == {int(digest("a"), 16)}
        else:
            with pytest.raises(StoreError, match=r"part-000001\.jsonl is damaged: its lines are not those"):
                again.drop_damaged()


def test_a_folder_without_parts_can_be_made_otherwise(tmp_path: Path) -> None:
    Parts(tmp_path / "parts", MADE)
    other = {**MADE, "rounds": 2}
    add(Parts(tmp_path / "parts", other), 0, ["a"])
    assert Parts(tmp_path / "parts", None).made == other


def test_parts_of_another_making_are_refused(tmp_path: Path) -> None:
    add(Parts(tmp_path / "parts", MADE), 0, ["a"])
    with pytest.raises(InputError, match="made otherwise"):
        Parts(tmp_path / "parts", {**MADE, "rounds": 2})


@pytest.mark.parametrize(
    "damage", [b"no json\n", b'{"number": 0}\n', b'{"schema": 99, "made": {}}\n', b"[]\n"]
)
def test_damage_is_told(tmp_path: Path, damage: bytes) -> None:
    parts = Parts(tmp_path / "parts", MADE)
    add(parts, 0, ["a"])
    manifest = tmp_path / "parts" / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(
        b"".join([damage, *lines[1:]] if b"schema" in damage else [*lines, damage, lines[1]])
    )
    with pytest.raises(StoreError, match="damaged"):
        Parts(tmp_path / "parts", MADE)


@pytest.mark.parametrize("content", [b"", b'{"name": "a"}\nno json\n', None])
def test_a_damaged_part_is_told(tmp_path: Path, content: bytes | None) -> None:
    parts = Parts(tmp_path / "parts", MADE)
    add(parts, 0, ["a", "b"])
    path = tmp_path / "parts" / "part-000000.jsonl"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        names(Parts(tmp_path / "parts", MADE))


def test_a_disk_that_is_full_at_the_manifest_leaves_the_part_out(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "parts", MADE)
    manifest = tmp_path / "parts" / "manifest.jsonl"
    kept = manifest.read_bytes()
    manifest.unlink()
    manifest.symlink_to("/dev/full")
    with pytest.raises(StoreLost, match="No space left"):
        add(parts, 0, ["a"])
    manifest.unlink()
    manifest.write_bytes(kept)
    assert names(Parts(tmp_path / "parts", MADE)) == []


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "parts").write_text("a file")
    with pytest.raises(StoreError, match="cannot use"):
        Parts(tmp_path / "parts", MADE)


@pytest.mark.slow
def test_a_manifest_of_a_million_rows_is_read(tmp_path: Path) -> None:
    ids = "0123456789abcdef" * 1000
    (tmp_path / "parts").mkdir()
    with (tmp_path / "parts" / "manifest.jsonl").open("w") as file:
        # As an earlier version wrote it: lines with a checksum cannot be made up here.
        file.write(json.dumps({"schema": 1, "made": MADE}) + "\n")
        for number in range(1000):
            part = f'"number":{number},"rows":1000,"dead":0,"record":{number},"open":false,"ids":"{ids}"'
            file.write(f"{{{part}}}\n")
    again = Parts(tmp_path / "parts", MADE)
    assert sum(1 for _ in again.take_ids()) == again.rows == 1_000_000
