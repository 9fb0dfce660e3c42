"""What `autoevol search` refuses before anything is asked, and what it never writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autoevol.hypersearch.study import without_password
from searching import arguments, command
from served_world import Served, serving


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(0.0) as server:
        yield server


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"m": 2, "speed": 3}', "optimize has no setting 'speed'"),
        ('{"m": 2.5}', "m is 2.5; expected a whole number"),
        ('{"m": {"low": 1}}', "m is {'low': 1}; expected a whole number"),
        ('{"out": "x"}', "no setting 'out'"),
        ("[1]", "not a JSON object"),
        ('{"schema": "autoevol.settings/2", "m": 2}', "later version of autoevol"),
        ('{"schema": "autoevol.run/2"}', "is of the schema 'autoevol.run/2'"),
        ("{", "cannot read"),
        (None, "no such file"),
    ],
)
def test_a_config_that_cannot_be_used_is_refused(tmp_path: Path, content: str | None, told: str) -> None:
    path = tmp_path / "c.json"
    if content is not None:
        path.write_text(content)
    done = command(["optimize", "sample", "--out", str(tmp_path / "o"), "--config", str(path)])
    assert done.exit_code == 2
    assert told in done.stderr
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--space", "speed"], "cannot be varied"),
        (["--space", "dev-size=10:400"], "400 dev"),
        (["--workers", "0"], "workers must be at least 1"),
        (["--storage", "nowhere://x"], "--storage nowhere://x"),
        (["--selection", "best"], "'best' is unknown"),
        (["--space", "selection=paper,best"], "'best' is unknown"),
        (["--space", "start=nowhere"], "leaves out"),
        (["--start", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_ends_with_2(served: Served, tmp_path: Path, more: list[str], told: str) -> None:
    done = command(arguments(served, tmp_path, *more))
    assert done.exit_code == 2, done.stderr
    assert told in done.stderr
    assert served.arrivals == 0


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("postgresql://me:s:ec@ret@host/db", "postgresql://me:***@host/db"),
        ("mysql+pymysql://:secret@host:33/db", "mysql+pymysql://:***@host:33/db"),
        ("sqlite:////tmp/a@b:c@d.db", "sqlite:////tmp/a@b:c@d.db"),
        ("redis://host:6379", "redis://host:6379"),
    ],
)
def test_no_password_is_written(url: str, written: str) -> None:
    assert without_password(url) == written


@pytest.mark.parametrize("at", [0, 5])
@pytest.mark.parametrize("line", [b"\xe5\xff\n", b"{}\n", b"[1]\n"])
def test_a_damaged_journal_is_named(served: Served, tmp_path: Path, at: int, line: bytes) -> None:
    assert command(arguments(served, tmp_path, trials=1)).exit_code == 0
    journal = tmp_path / "s" / "study.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:at], line, *lines[at:]]))
    asked = served.arrivals
    done = command(arguments(served, tmp_path, trials=2))
    assert done.exit_code == 2, done.output
    assert "study.journal is damaged" in " ".join(done.stderr.split())
    assert served.arrivals == asked
