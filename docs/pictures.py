"""The pictures of docs/report.md: `python docs/pictures.py REPORT.html FOLDER`. Needs chromium."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Literal

# Name of the picture, section of the page, width of the window, light or dark.
_SHOWN: tuple[tuple[str, str, int, Literal["light", "dark"]], ...] = (
    ("verdict", "verdict", 1000, "light"),
    ("rate", "rate", 760, "light"),
    ("funnel", "funnel", 760, "light"),
    ("phone", "verdict", 390, "dark"),
    ("row", "rows", 1000, "light"),
)
_HIGHEST, _MARGIN = 760, 16


def main(report: Path, folder: Path) -> None:
    """Take each picture of the report."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("no chromium: apt-get install chromium")
    folder.mkdir(exist_ok=True)
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, section, width, scheme in _SHOWN:
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.goto(report.resolve().as_uri())
            if section == "rows":
                page.locator("#list details.row > summary").first.click()
            box = page.locator(f"#{section}").bounding_box()
            assert box is not None
            height = min(box["height"], _HIGHEST)
            top = box["y"] + page.evaluate("window.scrollY")
            left = max(0, box["x"] - _MARGIN)
            clip = {"x": left, "y": top, "width": min(width, box["width"] + 2 * _MARGIN), "height": height}
            page.screenshot(path=folder / f"{name}.png", full_page=True, clip=clip)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
