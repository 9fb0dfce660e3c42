"""Charts of reports: their values, their tables, their drawing for a phone, and as files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autoevol.pages.folder_page import page_of
from autoevol.store.files import read_json
from command_line import at, command, printed
from report_folders import report
from servers import Endpoint
from task_world import TaskWorld, task_file

KINDS = ("run", "stopped", "evolve", "search", "compare", "transfer")


def test_the_curve_is_that_of_the_journal(old: Path) -> None:
    page = page_of(old / "run")
    (plot,) = [plot for plot in page.plots if plot.name == "rate"]
    curve = (read_json(old / "run" / "summary.json") or {})["optimization"]["dev_curve"]
    in_force = [row for row in plot.grid.rows if row[-1] == "in force"]
    assert [f"{step['dev']['rate']:.1%}" for step in curve if step["dev"]] == [
        row[3].partition(" ")[0] for row in in_force
    ]


@pytest.mark.parametrize("name", KINDS)
def test_every_chart_has_a_table_and_needs_no_colour(old: Path, name: str) -> None:
    page, html = page_of(old / name), report(old / name)
    assert html.count("<figure") == html.count("The same as a table") == len(page.plots)
    for plot in page.plots:
        assert plot.grid.rows, plot.name
        series = len(plot.grid.columns) - 1
        if plot.name.startswith(("funnel", "importance", "transfer")):
            assert plot.svg.count("<rect") == len(plot.grid.rows)
        if plot.name.startswith(("lengths", "responses")):
            assert plot.svg.count("<title>") == len(plot.grid.rows) * series
            assert ("two open" in plot.svg) == (series == 2), "the second series is an outline"


def test_plots_are_files_too(old: Path, tmp_path: Path) -> None:
    report(old / "run", "--plots", tmp_path / "plots")
    names = {path.name for path in (tmp_path / "plots").glob("*.svg")}
    assert {"rate.svg", "funnel.svg", "lengths-words.svg", "lengths-tokens.svg"} <= names
    assert all(
        'xmlns="http://www.w3.org/2000/svg"' in path.read_text()
        for path in (tmp_path / "plots").glob("*.svg")
    )


def test_gain_is_drawn_as_the_summary_tells_it(tmp_path: Path) -> None:
    words = ("--batch-size", "2", "--m", "2", "--steps", "1", "--objective", "gain-proxy")
    with Endpoint(TaskWorld()) as endpoint:
        done = command("optimize", task_file(tmp_path), "--out", tmp_path / "found", *at(endpoint), *words)
    assert done.exit_code == 0, done.stderr
    told = [step["dev"] for step in printed(done)["optimization"]["dev_curve"] if step["dev"]]
    (plot,) = [plot for plot in page_of(tmp_path / "found").plots if plot.name == "gain"]
    values = [float(row[3]) for row in plot.grid.rows if row[-1] == "in force"]
    assert values == [round(rate["points"], 3) for rate in told]
    assert all(0 < value < 1 for value in values)
    for drawing in (plot.svg, plot.narrow):
        heights = [
            _height(float(y), drawing) for y in re.findall(r'class="one" d="M[\d.]+ ([\d.]+)l7', drawing)
        ]
        assert sorted(heights) == pytest.approx(sorted(values), abs=0.002)


def _height(y: float, drawing: str) -> float:
    """What a diamond whose upper corner is at `y` stands for, by the lines at 0 and 100 %."""
    lines = [float(line) for line in re.findall(r'class="grid" d="M\d+ ([\d.]+)H', drawing)]
    return (max(lines) - (y + 7)) / (max(lines) - min(lines))


def test_a_drawing_of_a_phone_has_the_values_of_the_other(old: Path) -> None:
    for plot in page_of(old / "run").plots:
        assert re.findall("<title>(.*?)</title>", plot.narrow) == re.findall("<title>(.*?)</title>", plot.svg)
        assert 'width="356"' in plot.narrow


def test_plots_are_png_where_the_extra_is(old: Path, tmp_path: Path) -> None:
    pytest.importorskip("vl_convert", reason="no vl-convert-python (extra report)")
    report(old / "run", "--plots", tmp_path / "plots")
    pictures = list((tmp_path / "plots").glob("*.png"))
    assert len(pictures) == len(list((tmp_path / "plots").glob("*.svg")))
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
