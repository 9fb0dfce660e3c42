"""The benchmark runs and leaves nothing out. Its figures are printed, not asserted: a machine may be busy."""

from __future__ import annotations

import json

import pytest

from autoevol.experiments.bench import page, parts
from autoevol.experiments.bench.__main__ import main
from autoevol.experiments.bench.contenders import CONTENDERS

pytestmark = pytest.mark.slow


def test_the_table_has_a_line_for_everybody(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick"]) == 0
    printed = capsys.readouterr().out
    for name in CONTENDERS:
        lines = [line for line in printed.splitlines() if line[:26].strip() == name]
        assert len(lines) == 2, printed
        rate, _, cpu, peak, extra = lines[1][26:].split()
        assert float(rate) > 0
        assert float(cpu) > 0
        assert float(peak) > 10
        assert int(extra) == 0, "nobody pays for more calls than were asked for"


def test_every_part_has_a_figure_and_what_it_was_built_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert parts.main(["--quick"]) == 0
    printed = capsys.readouterr().out
    for name in parts.PARTS:
        (line,) = [line for line in printed.splitlines() if line[:26].strip() == name]
        assert float(line[26:38].replace(",", "")) >= 0
        assert line[38:].strip()


def test_the_report_of_many_rows_is_a_page_of_bounded_size(capsys: pytest.CaptureFixture[str]) -> None:
    page.main(["6000"])
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == 6000
    assert 1 < told["page_mb"] < 15, "it grows with the rows that it shows, not with those that it counts"
