"""Calls that are forgotten stay in the ledger."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoevol.store.calls import CallRecord, Spent
from call_stores import RECORD, opened, python


def filed(tag: str, number: int, **changed: Any) -> CallRecord:
    return replace(RECORD, key=f"{tag} {number}", tag=tag, **changed)


def test_forgetting_a_tag_drops_its_texts_and_keeps_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with opened(path) as store:
        for number in range(10):
            store.put(filed("part 1", number, role=("evol", "respond")[number % 2]))
            store.put(filed("part 2", number, usd=None))
        store.put(RECORD).result(120)
        before = store.spent()
        store.forget("part 1").result(120)
        assert store.spent() == before == {"evol": Spent(16, 160, 80, 1.5), "respond": Spent(5, 50, 25, 1.25)}
        assert [store.get(f"part 1 {n}", 0) for n in range(10)] == [None] * 10
        assert all(store.get(f"part 2 {n}", 0) for n in range(10))
        assert store.get("k", 0) == RECORD
        store.forget("part 2").result(120)
        store.forget("part 2").result(120)
        store.forget("never used").result(120)
        assert store.spent() == before
    with opened(path) as again:
        assert again.spent() == before
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT count(*) FROM calls").fetchone() == (1,)
    raw.close()


def test_a_run_forgets_its_own_calls_only(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    with opened(path, "one") as one, opened(path, "two") as two:
        one.put(filed("part", 1)).result(120)
        two.put(filed("part", 2)).result(120)
        one.forget("part").result(120)
        assert (one.get("part 1", 0), one.get("part 2", 0)) == (None, filed("part", 2))
        assert one.spent() == two.spent() == {"evol": Spent(1, 10, 5, 0.25)}


def test_what_has_no_tag_cannot_be_forgotten(tmp_path: Path) -> None:
    with opened(tmp_path / "calls.sqlite") as store, pytest.raises(ValueError, match="with a tag"):
        store.forget("")


def test_forgotten_pages_are_used_again(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    sizes = []
    with opened(path) as store:
        for part in range(6):
            for number in range(400):
                store.put(filed(f"part {part}", number, text="x" * 4000))
            store.forget(f"part {part}").result(120)
            sizes.append(path.stat().st_size)
        assert store.spent()["evol"].calls == 2400
    assert path.stat().st_size < 2 * max(sizes[0], 400 * 4000)


_FORGETS = """
import os, random, signal, sys, time
from dataclasses import replace
from autoevol.store.calls import CallRecord, CallStore

RECORD = CallRecord("k", 0, "evol", "m", "{}", "text" * 200, "stop", 10, 5, 0.25, 1, 0.5)

def work(path, life):
    store = CallStore(path, power_safe=False)
    for part in range(10000):
        tag = f"{life}-{part}"
        for number in range(20):
            store.put(replace(RECORD, key=f"{tag} {number}", tag=tag)).result()
            os.write(1, b"paid\\n")
        store.forget(tag).result()
        os.write(1, b"forgot\\n")

random.seed(3)
for life in range(int(sys.argv[2])):
    before, least = os.fstat(1).st_size, random.randint(110, 4000)  # a part is 107 bytes
    child = os.fork()
    if not child:
        work(sys.argv[1], life)
    while os.fstat(1).st_size < before + least:
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def test_a_process_killed_while_it_forgets_has_the_ledger_it_had(tmp_path: Path) -> None:
    path, kills = tmp_path / "calls.sqlite", 12
    with (tmp_path / "said").open("w+") as said_file:
        python(_FORGETS, path, kills, stdout=said_file)
        said_file.seek(0)
        said = said_file.read().split()
    assert said.count("forgot") >= kills
    with opened(path) as store:
        spent = store.spent()["evol"]
    # One call per life may have been durable before the process could say so.
    assert said.count("paid") <= spent.calls <= said.count("paid") + kills
    assert (spent.input_tokens, spent.output_tokens, spent.usd) == (
        10 * spent.calls,
        5 * spent.calls,
        0.25 * spent.calls,
    )


def test_what_was_paid_elsewhere_is_carried_once(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "calls.sqlite", {"evol": Spent(3, 30, 15, 0.75)}
    with opened(path) as store:
        store.put(RECORD).result(120)
        store.carry(elsewhere)
        store.carry(elsewhere)
    with opened(path) as again, opened(path, "other") as other:
        assert again.spent() == {"evol": Spent(4, 40, 20, 1.0)}
        assert other.spent() == {}
