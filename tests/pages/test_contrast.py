"""Colours of the pages in both themes: texts at least 4.5:1, lines and points at least 3:1 (WCAG 2.2)."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

_CSS = files("autoevol.pages").joinpath("style.css").read_text(encoding="utf-8")
TEXTS = [
    *(
        (ink, paper)
        for ink in ("ink", "faint", "link", "good", "bad", "lost")
        for paper in ("paper", "panel")
    ),
    *(("ink", paper) for paper in ("add", "cut")),
    ("paper", "link"),  # a pressed button
]
LINES = [(shade, "paper") for shade in ("one", "two", "faint", "focus")]
LEAST = [*((*pair, 4.5) for pair in TEXTS), *((*pair, 3.0) for pair in LINES)]


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block))


def _themes() -> dict[str, dict[str, str]]:
    light, by_system, by_hand = re.findall(r"\{([^{}]*--paper:[^{}]*)\}", _CSS)
    assert _colours(by_system) == _colours(by_hand), "dark is dark, whoever asked for it"
    return {"light": _colours(light), "dark": _colours(by_hand)}


THEMES = _themes()


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, 0..1."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """1..21."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_knows_the_ends_of_its_scale() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("ink", "paper", "least"), [*((*pair, 4.5) for pair in TEXTS), *((*pair, 3.0) for pair in LINES)]
)
def test_everything_can_be_read(theme: str, ink: str, paper: str, least: float) -> None:
    colours = THEMES[theme]
    assert contrast(colours[ink], colours[paper]) >= least


def test_no_colour_stands_outside_of_the_themes() -> None:
    """Else a rule could have a colour that nobody has measured."""
    rules = re.sub(r"\{[^{}]*--paper:[^{}]*\}", "", _CSS)
    for name in ("report.css", "label.css"):
        rules += files("autoevol.pages").joinpath(name).read_text(encoding="utf-8")
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\s])", rules)
    assert not re.findall(r"\brgba?\(", rules)
