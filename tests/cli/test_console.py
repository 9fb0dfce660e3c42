"""What is told while a run goes on."""

from __future__ import annotations

import pytest

from autoevol.cli import console
from autoevol.core.records import Case, Outcome, Verdict


def test_lost_rows_are_not_counted_as_fine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "_EVERY", -1.0)  # a line at every row
    reporter = console.Reporter()
    reporter.phase("evolve", 3)
    for outcome in (Outcome.PASSED, Outcome.FAILED, Outcome.UNSCORED):
        reporter.case(Case("row", Verdict(outcome)))
    reporter.close()
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "evolve: 3 rows",
        "evolve: 1 of 3 rows, 0 failed",
        "evolve: 2 of 3 rows, 1 failed",
        "evolve: 3 of 3 rows, 1 failed, 1 lost",
    ]
