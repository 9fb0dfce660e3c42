"""The run folder: one process at a time, one set of settings, whole files only."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from autoevol.core.errors import InputError, StoreError, StoreLost
from autoevol.core.records import Method
from autoevol.store.calls import CallRecord
from autoevol.store.files import read_json, replacing, write_json
from autoevol.store.parts import Parts
from autoevol.store.run import RunFolder

SETTINGS: dict[str, Any] = {"model": "openai/m", "steps": 10, "seeds": ["a.jsonl"], "temperature": 0.6}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_new_folder_is_made_with_its_parents_and_knows_its_settings(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "deep" / "run", SETTINGS) as run:
        assert run.settings == SETTINGS
        assert run.run_id


@pytest.mark.parametrize("settings", [SETTINGS, None, dict(reversed(SETTINGS.items()))])
def test_the_same_settings_resume_the_same_run(tmp_path: Path, settings: dict[str, Any] | None) -> None:
    with RunFolder(tmp_path, SETTINGS) as first:
        first_id = first.run_id
    with RunFolder(tmp_path, settings) as second:
        assert second.run_id == first_id
        assert second.settings == SETTINGS


def test_settings_that_json_writes_otherwise_are_still_the_same(tmp_path: Path) -> None:
    settings = {"rows": ("a", "b"), "none": None}
    RunFolder(tmp_path, settings).close()
    RunFolder(tmp_path, settings).close()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"steps": 5}, "steps: 10 then, 5 now"),
        ({"model": "openai/x", "steps": 5}, "model: 'openai/m' then, 'openai/x' now; steps: 10 then, 5 now"),
        ({"added": 1}, "added: None then, 1 now"),
    ],
)
def test_other_settings_are_refused_with_the_differences_named(
    tmp_path: Path, change: dict[str, Any], line: str
) -> None:
    with RunFolder(tmp_path, SETTINGS) as run:
        write_json(run.path / "summary.json", {})
    with pytest.raises(InputError) as wrong:
        RunFolder(tmp_path, {**SETTINGS, **change})
    assert f"({line})" in str(wrong.value)
    RunFolder(tmp_path, SETTINGS).close()


def test_a_run_that_never_got_a_reply_binds_nobody(tmp_path: Path) -> None:
    other = {**SETTINGS, "model": "openai/corrected"}
    with RunFolder(tmp_path, SETTINGS) as run:
        run.save_method(Method("text"), {})
        run.calls().close()
        first_id = run.run_id
    with RunFolder(tmp_path, other) as again:
        assert (again.run_id, again.settings) == (first_id, other)
        assert not (tmp_path / "method.json").exists()


def test_a_run_that_paid_a_call_holds_its_folder(tmp_path: Path) -> None:
    with RunFolder(tmp_path, SETTINGS) as run:
        store = run.calls()
        store.put(CallRecord("k", 0, "evol", "m", "{}", "t", "stop", 1, 1, None, 1, 0.1)).result()
        store.close()
    with pytest.raises(InputError, match="steps: 10 then, 5 now"):
        RunFolder(tmp_path, {**SETTINGS, "steps": 5})


def test_a_run_gets_an_id_of_its_own(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "a") as one, RunFolder(tmp_path / "b") as two:
        assert one.run_id != two.run_id


def test_two_runs_in_a_shared_store_have_their_own_ledgers(tmp_path: Path) -> None:
    shared = tmp_path / "shared.sqlite"
    with RunFolder(tmp_path / "a") as one, RunFolder(tmp_path / "b") as two:
        stores = [run.calls(shared, power_safe=False) for run in (one, two)]
        assert [store.path for store in stores] == [shared, shared]
        assert stores[0].run != stores[1].run
        for store in stores:
            store.close()


def test_the_folder_is_one_process_s_at_a_time(tmp_path: Path) -> None:
    with RunFolder(tmp_path), pytest.raises(StoreError, match="in use by another autoevol process"):
        RunFolder(tmp_path)
    RunFolder(tmp_path).close()


_HOLDER = """
import sys, time
from autoevol.store.run import RunFolder
run = RunFolder(sys.argv[1])
print("held", flush=True)
time.sleep(3600)
"""


def test_another_process_is_refused_until_the_first_is_gone_even_if_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(StoreError, match="in use"):
        RunFolder(tmp_path)
    holder.send_signal(signal.SIGKILL)
    holder.wait(120)
    holder.stdout.close()
    RunFolder(tmp_path).close()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("not ours")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(other)
    with pytest.raises(StoreError, match="cannot write to"):
        RunFolder(tmp_path / "run")
    assert other.read_text() == "not ours"


def test_a_folder_is_closed_by_whichever_thread_ends_the_run(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    closing = threading.Thread(target=run.close)
    closing.start()
    closing.join()
    RunFolder(tmp_path).close()


def test_a_refused_folder_is_free_again(tmp_path: Path) -> None:
    with RunFolder(tmp_path, SETTINGS) as run:
        write_json(run.path / "summary.json", {})
    for _ in range(3):
        with pytest.raises(InputError):
            RunFolder(tmp_path, {"steps": 0})
    RunFolder(tmp_path, SETTINGS).close()


@pytest.mark.parametrize("path", ["file", "file/below"])
def test_a_file_in_the_way_is_an_input_error(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file, not a folder"):
        RunFolder(tmp_path / path)


@pytest.mark.parametrize(
    "content", [b"{", b"", b"[]", b"{}", b'{"run_id": "x"}', b'{"run_id": 3, "settings": []}']
)
def test_a_damaged_run_file_is_a_store_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"run\.json"):
        RunFolder(tmp_path, SETTINGS)


# Whole files only.


def test_replacing_puts_the_new_file_in_place(tmp_path: Path) -> None:
    path = tmp_path / "dataset.jsonl"
    path.write_bytes(b"old")
    with replacing(path) as lines:
        lines.add({"a": 1})
        lines.add({"b": "é"})
        assert path.read_bytes() == b"old"
        assert lines.count == 2
    assert path.read_bytes() == '{"a":1}\n{"b":"é"}\n'.encode()
    assert names(tmp_path) == {"dataset.jsonl"}


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyboardInterrupt(), StoreLost("x"), FileNotFoundError("rows")]
)
def test_an_error_leaves_the_old_file_and_no_other_and_stays_what_it_is(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "dataset.jsonl"
    path.write_bytes(b"old")

    def fail() -> None:
        with replacing(path) as lines:
            lines.add({"a": 1})
            raise error

    with pytest.raises(type(error)) as raised:
        fail()
    assert raised.value is error
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == {"dataset.jsonl"}


def test_a_folder_that_is_gone_is_a_lost_store(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreLost, match=r"cannot write .*dataset\.jsonl"),
        replacing(tmp_path / "no" / "dataset.jsonl"),
    ):
        pass


def test_a_disk_that_fills_up_is_a_lost_store_and_the_old_file_stays(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from autoevol.core.errors import StoreLost
from autoevol.store.files import replacing
resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))
try:
    with replacing(Path(sys.argv[1])) as lines:
        for number in range(100000):
            lines.add({"number": number})
except StoreLost as lost:
    print(lost)
"""
    path = tmp_path / "dataset.jsonl"
    path.write_bytes(b"old")
    ended = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert f"cannot write {path}" in ended.stdout, ended.stderr
    assert path.read_bytes() == b"old"


def test_json_files(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    assert read_json(path) is None
    write_json(path, {"a": [1, None, "é"]})
    assert read_json(path) == {"a": [1, None, "é"]}
    path.write_bytes(b"{")
    with pytest.raises(StoreError, match=r"cannot read .*summary\.json"):
        read_json(path)


# Methods.


def test_a_full_disk_at_opening_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(StoreLost, match=r"cannot write to .*No space left"):
        RunFolder(tmp_path / "run")


def test_a_run_that_has_lost_its_name_is_not_begun_anew(tmp_path: Path) -> None:
    with RunFolder(tmp_path, {"rows": {"a": 1}}) as run:
        Parts(run.path / "parts", {})
    (tmp_path / "run.json").unlink()
    with pytest.raises(StoreError, match=r"has lost its run\.json"):
        RunFolder(tmp_path, {"rows": {"a": 1}})


def test_a_lost_call_store_is_not_begun_anew(tmp_path: Path) -> None:
    with RunFolder(tmp_path, {"rows": {"a": 1}}) as run:
        run.calls().close()
        with Parts(run.path / "parts", {}).writer(0) as part:
            part.add({"a": 1}, "0" * 16, record=0)
            part.seal()
        run.calls().close()
        (tmp_path / "calls.sqlite").unlink()
        with pytest.raises(StoreError, match=r"calls\.sqlite is missing"):
            run.calls()
        run.calls(fresh=True).close()


@pytest.mark.parametrize("name", ["run.json", "seeds.json", "methods.json"])
def test_any_byte_of_what_describes_a_run_is_missed(tmp_path: Path, name: str) -> None:
    with RunFolder(tmp_path, {"rows": {"a": 1}}) as run:
        run.save_seeds("mark", {"rows": 3})
        run.save_methods([Method("Make it harder.")])
    path = tmp_path / name
    whole = path.read_bytes()
    with RunFolder(tmp_path) as run:
        before = (run.run_id, run.settings, run.seeds(), run.methods())
    for at in range(0, len(whole), 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            with RunFolder(tmp_path) as run:
                read = (run.run_id, run.settings, run.seeds(), run.methods())
        except (StoreError, InputError) as error:
            assert name in str(error) or "newer" in str(error)  # noqa: PT017 (either is right)
        else:
            assert read == before, whole[:at]
