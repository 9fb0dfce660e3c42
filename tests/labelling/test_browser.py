"""The page for labelling in a real browser: by keyboard, quiet, asking nobody else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autoevol.commands.label import LabelJob, serving
from autoevol.labelling.server import LabelServer
from autoevol.metrics.labels import load_labelled
from labelling_support import HOSTILE, labelling, lines, pair, pair_file

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium: `apt-get install chromium` installs the browser that these tests drive")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: `pip install playwright` (extra dev)"
    )
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Opened:
    """A page, and what it did besides asking its own server."""

    def __init__(self, browser: Any, server: LabelServer, width: int = 1440, scheme: str = "light") -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.noise: list[str] = []
        self.page.on("console", lambda message: self.noise.append(message.text))
        self.page.on("pageerror", lambda error: self.noise.append(str(error)))
        self.page.on("dialog", lambda dialog: self.noise.append(dialog.message))
        self.page.on("request", lambda request: self._asked(request.url, server.url))
        self.page.goto(server.url)
        self.page.locator("#item article").first.wait_for()

    def _asked(self, url: str, own: str) -> None:
        if not url.startswith(own) and not url.startswith("data:"):
            self.noise.append(url)

    def press(self, *keys: str) -> None:
        """Press these keys, one after another."""
        for key in keys:
            self.page.keyboard.press(key)

    def until(self, told: str) -> None:
        """Wait until the progress says so."""
        self.page.locator("#progress", has_text=told).wait_for()


def test_a_label_made_by_keyboard_arrives_in_the_file(browser: Any, tmp_path: Path) -> None:
    file = pair_file(tmp_path, [pair(number) for number in range(3)])
    kept = tmp_path / "pairs.labels" / "labelled.jsonl"
    with labelling(file, "anna") as server:
        opened = Opened(browser, server)
        assert opened.page.locator("ins").count() >= 1
        opened.press("Enter")
        opened.page.locator("#message", has_text="say first").wait_for()
        opened.press("b", "c", "1", "x", "t")
        opened.page.keyboard.type("u said twice: 2 and 3")
        opened.press("Escape", "Enter")
        opened.until("1 of 3")
        (read,) = load_labelled(kept)
        assert (read.fatal, [kind.value for kind in read.kinds]) == (True, ["contradictory"])
        assert (read.gain, read.response_right) == (1, False)
        assert lines(kept)[0]["raters"]["anna"]["note"] == "u said twice: 2 and 3"
        opened.press("z")
        opened.until("0 of 3")
        assert opened.page.locator("#note").input_value() == "u said twice: 2 and 3"
        opened.press("u", "Enter")
        for number in (1, 2):
            opened.until(f"{number} of 3")
            opened.press("u", "2", "Enter")
        opened.until("3 of 3")
        assert opened.page.locator("#end").is_visible()
        assert [one.usable for one in load_labelled(kept)] == [True] * 3
        # What the program refuses, the browser reports: one line, for the label without an answer.
        assert [line for line in opened.noise if "422" not in line] == []


@pytest.mark.parametrize(
    ("width", "scheme"), [(390, "light"), (390, "dark"), (1440, "light"), (1440, "dark")]
)
def test_hostile_texts_are_text_and_fit(browser: Any, tmp_path: Path, width: int, scheme: str) -> None:
    long = HOSTILE + "w" * 200_000
    file = pair_file(tmp_path, [pair(1, original=HOSTILE, evolved=long, response=long)])
    with labelling(file) as server:
        opened = Opened(browser, server, width, scheme)
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.page.locator("img").count() == 0
        assert opened.page.title() == "Labels"
        assert "</script><img" in opened.page.locator("article").first.inner_text()
        assert opened.noise == []


def test_answers_are_compared_by_keyboard(browser: Any, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.jsonl", "b.jsonl")]
    for file in files:
        file.write_text(f'{{"question": "Name a prime.", "answer": "From {file.stem}: 7."}}\n')
    job = LabelJob(files, pairs=True)
    with serving(job, "anna") as server:
        opened = Opened(browser, server, 390)
        left = opened.page.locator("article").nth(1).inner_text()
        opened.press("1", "Enter")
        opened.until("1 of 1")
        assert opened.noise == []
    (kept,) = lines(job.folder / "preferences.jsonl")
    assert kept["winner"] == ("A" if "From a" in left else "B")
