"""The room that a drawing has, on a desk or on a phone, and the axes that it begins with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape, quoteattr

from autoevol.core.text import printable
from autoevol.pages.blocks import Grid, Plot

_LETTER = 8.0
"""Width of a letter of the texts in a drawing, in pixels: that of the widest usual font."""


@dataclass(frozen=True)
class Canvas:
    """A drawing's room, in pixels; its margins hold the names of the axes."""

    width: int
    height: int = 300
    left: int = 64
    right: int = 16
    top: int = 16
    bottom: int = 46

    @property
    def across(self) -> int:
        """From the vertical axis to the right margin."""
        return self.width - self.left - self.right

    @property
    def up(self) -> int:
        """From the horizontal axis to the top margin."""
        return self.height - self.top - self.bottom

    @property
    def ground(self) -> int:
        """Where the horizontal axis lies."""
        return self.height - self.bottom

    def sized(self, **margins: int) -> Canvas:
        """The same with other measures."""
        return replace(self, **margins)


WIDE = Canvas(720)
NARROW = Canvas(356, 280, left=46, right=12)
"""What a phone of 390 pixels has between its margins."""

Draw = Callable[[Canvas], tuple[Canvas, Sequence[str]]]
"""Parts that are SVG already, on a canvas that may be made to fit them."""


def plotted(name: str, draw: Draw, caption: str, grid: Grid) -> Plot:
    """A plot drawn twice, so that no text of it is scaled until nobody can read it."""
    wide, narrow = (_drawing(*draw(canvas), caption) for canvas in (WIDE, NARROW))
    return Plot(name, wide, narrow, caption, grid)


def _drawing(canvas: Canvas, parts: Sequence[str], caption: str) -> str:
    size = f'width="{canvas.width}" height="{canvas.height}"'
    head = f'<svg viewBox="0 0 {canvas.width} {canvas.height}" {size} role="img"'
    return f"{head} aria-label={quoteattr(printable(caption))}>{''.join(parts)}</svg>"


def axes_frame(canvas: Canvas, ticks: Sequence[tuple[float, str]], axis: str) -> list[str]:
    """The axes, and a line with its name at each height."""
    left, right = canvas.left, canvas.left + canvas.across
    lines = [
        f'<path class="grid" d="M{left} {y:.1f}H{right}"/>'
        f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{safe(name)}</text>'
        for y, name in ticks
    ]
    room = canvas.width / _LETTER
    name = f'<text x="{canvas.width // 2}" y="{canvas.height - 6}" text-anchor="middle">'
    frame = f'<path class="axis" d="M{left} {canvas.top}V{canvas.ground}H{right}"/>'
    return [*lines, frame, f"{name}{safe(short(axis, int(room)))}</text>"]


def axis_label(canvas: Canvas, x: float, text: str, room: float = 100) -> str:
    """A name below the horizontal axis, shortened to `room` pixels."""
    name = safe(short(text, max(3, int(room / _LETTER))))
    return f'<text x="{x:.1f}" y="{canvas.ground + 17}" text-anchor="middle">{name}</text>'


def round_numbers(end: float, most: int = 5) -> list[float]:
    """0 and at most `most` round numbers up to `end`, evenly apart."""
    step = 10.0 ** math.floor(math.log10(end / most)) if end > 0 else 1.0
    while end / step > most:
        step *= 2.5 if f"{step:e}".startswith("2") else 2
    step = max(1.0, step)
    return [step * number for number in range(int(end / step) + 1)]


def text_width(text: str) -> int:
    """Pixels that a text of a drawing takes, or a little more."""
    return int(len(text) * _LETTER) + 1


def short(text: str, most: int) -> str:
    """`text`, or what has room of it."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def safe(text: str) -> str:
    """A text of anybody as content of an element."""
    return escape(printable(text))
