"""What jobs make of the settings of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from autoevol.commands.models import open_session
from autoevol.config import Settings
from autoevol.store.run import RunFolder
from command_line import command, summary
from commanding import Served, evolve, write_seeds
from servers import Endpoint

_FULL, _NORMAL = 2, 1


@pytest.mark.parametrize(
    ("models", "synchronous"),
    [
        ({"evol_model": "openai/m", "api_base": "http://127.0.0.1:9/v1"}, _FULL),
        ({"evol_model": "local/smollm2"}, _NORMAL),
        ({"evol_model": "local/smollm2", "optimizer_model": "anthropic/m"}, _FULL),
        ({"evol_model": "local/smollm2", "respond_model": "anthropic/m"}, _FULL),
        ({"evol_model": "local/smollm2", "judge_model": "openai/m"}, _FULL),
    ],
)
def test_replies_that_somebody_is_paid_for_survive_power_loss(
    models: dict[str, str], synchronous: int, tmp_path: Path
) -> None:
    """SQLite syncs each transaction to the disk (FULL) where a call costs more than time."""
    with (
        RunFolder(tmp_path / "run", {}) as folder,
        open_session(folder.calls, Settings.of(**models)) as session,
    ):
        (found,) = session.store._writer.execute("PRAGMA synchronous").fetchone()
    assert found == synchronous


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing can be written below `folder`, not even by root, who becomes nobody meanwhile."""
    modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
    for path in modes:
        path.chmod(0o555 if path.is_dir() else 0o444)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, mode in modes.items():
            path.chmod(mode)


def test_a_read_only_output_is_told_and_the_run_goes_on_later() -> None:
    # Not tmp_path: its parents are closed to the other user that root becomes in this test.
    with TemporaryDirectory() as name, Endpoint(Served()) as endpoint:
        seeds, out = write_seeds(Path(name)), Path(name) / "run"
        assert evolve(seeds, endpoint, out, "--method", "weak", "--max-calls", 9).exit_code == 3
        Path(name).chmod(0o755)
        again = ("again", out, "--out", Path(name) / "again")
        export = ("export", out, "--out", Path(name) / "train.jsonl")
        with read_only(Path(name)):
            for done in (evolve(seeds, endpoint, out, "--method", "weak"), command(*again), command(*export)):
                assert done.exit_code in (1, 2), done.output
                assert "cannot write" in done.stderr
                assert "Traceback" not in done.output
        assert len(endpoint.seen) == 9
        assert summary(evolve(seeds, endpoint, out, "--method", "weak"))["evolution"]["passed"] == 12
        assert len(endpoint.seen) == 24
