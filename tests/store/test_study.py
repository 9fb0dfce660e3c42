"""The folder of a search: places for workers, one store, a journal that crashes cannot damage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autoevol.core.errors import InputError
from autoevol.store.calls import CallRecord
from autoevol.store.files import file_lock
from autoevol.store.study import StudyFolder, WorkerFolder


def record(key: str) -> CallRecord:
    return CallRecord(key, 0, "evol", "m", "{}", "text", "stop", 3, 2, None, 1, 0.0)


def claim(folder: StudyFolder, after: int = 0) -> tuple[int, WorkerFolder]:
    claimed = folder.claim(after)
    assert claimed is not None
    return claimed


def test_places_are_handed_out_once_and_free_again_when_closed(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "s", {}, workers=2)
    first, one = claim(folder)
    second, two = claim(folder)
    assert (first, second) == (1, 2)
    assert folder.claim() is None
    with folder.alone():
        assert folder.at_work(1)
        assert not folder.at_work(3)
    one.close()
    with folder.alone():
        assert not folder.at_work(1)
    again, three = claim(folder)
    assert (again, three.run_id) == (1, one.run_id)
    two.close()
    three.close()
    assert claim(folder, after=1)[0] == 2


def test_a_place_is_free_again_when_its_process_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, os, signal; from pathlib import Path; from autoevol.store.study import StudyFolder\n"
        f"folder = StudyFolder(Path({str(tmp_path)!r}), {{}}, 1); place = folder.claim()\n"
        "folder.journal_lock().acquire(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    folder = StudyFolder(tmp_path, {}, 1)
    with folder.journal_lock():
        assert claim(folder)[0] == 1


def test_other_settings_are_refused(tmp_path: Path) -> None:
    StudyFolder(tmp_path, {"m": 1}, 1)
    with pytest.raises(InputError, match="m: 1 then, 2 now"):
        StudyFolder(tmp_path, {"m": 2}, 1)


def test_workers_share_replies_and_have_ledgers_of_their_own(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path, {}, 2)
    (_, one), (_, two) = claim(folder), claim(folder)
    first, second = one.calls(power_safe=False), two.calls(power_safe=False)
    for store, keys in ((first, "ab"), (second, "c")):
        for key in keys:
            store.put(record(key)).result()
    assert second.get("a", 0) is not None
    assert (first.spent()["evol"].calls, second.spent()["evol"].calls) == (2, 1)
    total = folder.spent()
    assert (total["evol"].calls, total["evol"].tokens) == (3, 15)
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("found", "left"),
    [(b"", b""), (b"one\n", b"one\n"), (b"one\ntw", b"one\n"), (b"on", b"")],
)
def test_a_torn_last_line_is_cut_off(tmp_path: Path, found: bytes, left: bytes) -> None:
    folder = StudyFolder(tmp_path, {}, 1)
    folder.mend_journal()
    assert not folder.journal.exists()
    folder.journal.write_bytes(found)
    folder.mend_journal()
    assert folder.journal.read_bytes() == left


def test_a_lock_keeps_others_out_until_it_is_released(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from autoevol.store.files import file_lock\n"
        f"lock = file_lock(Path({str(tmp_path / 'l')!r}))\n"
        "print('asks', flush=True); lock.acquire(); print('has')"
    )
    with file_lock(tmp_path / "l"):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"asks\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
    assert process.communicate(timeout=600)[0] == b"has\n"
