"""Reports in a real browser: quiet, asking nobody, quick to filter, the same in light and dark."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from autoevol.commands.report import report
from browsing import Opened
from command_line import at, command
from commanding import Served, evolve, write_seeds
from report_folders import OLD, hostile_folder, lineage, write_folder
from servers import Endpoint

pytestmark = pytest.mark.slow


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """The report of 300 rows, every third of which has failed."""
    made = [lineage(n, f"Task {n}: " + "name a prime. " * (1 + n % 5), passes=n % 3 > 0) for n in range(300)]
    return report(write_folder(tmp_path / "run", made))[0]


# Charts and tables whose content is wider than they are; those that are read across keep their first column.
_MOVES = """width => [...document.querySelectorAll("figure > div, .wide")]
  .filter(box => box.clientWidth > 0 && box.scrollWidth > box.clientWidth + 1)
  .filter(box => width > 640 || !box.classList.contains("across"))
  .filter(box => width < 640 || !box.classList.contains("wide"))
  .map(box => box.className + ": " + box.textContent.slice(0, 80))"""


def three_rounds(folder: Path) -> None:
    """A run of three rounds behind a gate, in a folder that an estimate was given."""
    seeds = write_seeds(folder.parent)
    with Endpoint(Served()) as endpoint:
        said = command("estimate", seeds, "--evolve", "--sample", 3, "--out", folder, *at(endpoint))
        done = evolve(seeds, endpoint, folder, "--rounds", 3, "--clean")
    assert (said.exit_code, done.exit_code) == (0, 0), said.output + done.output


MADE = {"hostile": hostile_folder, "three rounds": three_rounds}


@pytest.mark.parametrize("name", ["run", "evolve", "search", "compare", "transfer", *MADE])
def test_a_report_is_quiet_and_fits(browser: Any, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    MADE[name](folder) if name in MADE else shutil.copytree(OLD / name, folder)
    path = report(folder)[0]
    for width, scheme in ((390, "light"), (1440, "dark")):
        opened = Opened(browser, path.as_uri(), width, scheme)
        for summary in opened.page.locator("summary").all()[:60]:
            if summary.is_visible():
                summary.click()
        assert opened.noise == []
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.page.evaluate(_MOVES, width) == [], "only what is read across moves sideways"
        assert opened.page.locator("img").count() == 0
        opened.page.close()


def test_filters_leave_the_rows_that_were_asked_for(browser: Any, many: Path) -> None:
    opened = Opened(browser, many.as_uri())
    page, count = opened.page, opened.page.locator("#count")
    assert count.inner_text() == "300 of 300 rows"
    page.select_option("#f-outcome", "failed")
    page.locator("#count", has_text="100 of 300 rows").wait_for()
    page.fill("#f-text", "task 27:")
    page.locator("#count", has_text=re.compile("^1 of 300 rows")).wait_for()
    row = page.locator("#list details.row")
    row.locator("summary").first.click()
    assert "Task 27:" in row.inner_text()
    assert row.locator("ins").first.inner_text().strip().startswith("And say why")
    assert "I thought." in (row.text_content() or "")
    page.click("#filters button[type=reset]")
    page.locator("#count", has_text="300 of 300 rows").wait_for()
    page.click("#next")
    assert page.locator("#at").inner_text() == "page 2 of 15"
    page.select_option("#f-kind", "lost information")
    page.locator("#count", has_text="100 of 300 rows").wait_for()
    assert opened.noise == []


def test_light_and_dark_by_keyboard(browser: Any, many: Path) -> None:
    page = Opened(browser, many.as_uri(), scheme="dark").page
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "theme"
    page.keyboard.press("Enter")
    assert page.evaluate(paper) != dark


def test_without_javascript_the_tables_are_there(browser: Any, many: Path) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(many.as_uri())
    assert page.locator("table").count() >= 3
    assert page.locator("#browser").is_hidden()
    assert "needs JavaScript" in page.locator("noscript").first.inner_text()
