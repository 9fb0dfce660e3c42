"""Small drawings as SVG: no script, no style attribute, colours that follow the page, a table with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from autoevol.core.text import printable
from autoevol.pages.blocks import Grid, Plot

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 64, 16, 16, 46

# Where a drawing stands alone; in a page its classes have the colours of the page.
_ALONE = """<style>
text{font:13px system-ui,sans-serif;fill:#333a44}.axis{stroke:#5a6370;fill:none}.grid{stroke:#d5d9df}
.one{stroke:#0067b1;fill:#0067b1}.two{stroke:#b4490a;fill:#b4490a}.line{fill:none;stroke-width:2}
.whisker{stroke-width:1.5}.open{fill:#ffffff;stroke-width:2}
</style><rect width="100%" height="100%" fill="#ffffff"/>"""


@dataclass(frozen=True)
class Spot:
    """One point of a scatter.

    Attributes:
        x: >= 0.
        y: 0..1.
        low: Lower end of the interval of `y`.
        high: Upper end.
        chosen: On the path that was taken.
        told: What it is, for whoever points at it.
    """

    x: float
    y: float
    low: float
    high: float
    chosen: bool
    told: str


def standing_alone(svg: str) -> str:
    """A drawing of a page as a file of its own."""
    head, _, rest = svg.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg">{_ALONE}{rest}\n'


def rate_chart(name: str, spots: Sequence[Spot], axis: str, caption: str, grid: Grid) -> Plot:
    """Shares (0..1) over `axis`, with intervals; chosen points are filled and joined by a line."""
    end = max((spot.x for spot in spots), default=1.0) or 1.0
    span_x, span_y = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + (0.03 + 0.94 * x / end) * span_x, TOP + (1 - y) * span_y

    parts = [*axes_frame([(at(0, step / 4)[1], f"{step * 25}%") for step in range(5)], axis)]
    parts += [axis_label(at(end * step / 4, 0)[0], f"{end * step / 4:,.0f}") for step in range(5)]
    path = sorted((spot for spot in spots if spot.chosen), key=lambda spot: spot.x)
    if len(path) > 1:
        points = " ".join("{:.1f},{:.1f}".format(*at(spot.x, spot.y)) for spot in path)
        parts.append(f'<polyline class="one line" points="{points}"/>')
    for spot in sorted(spots, key=lambda spot: spot.chosen):
        x, y = at(spot.x, spot.y)
        shade = "one" if spot.chosen else "two open"
        whisker = (
            f'<path class="{shade} whisker" d="M{x:.1f} {at(0, spot.low)[1]:.1f}V{at(0, spot.high)[1]:.1f}"/>'
        )
        drawn = (
            f'<path class="one" d="M{x:.1f} {y - 7:.1f}l7 7l-7 7l-7 -7z"/>'
            if spot.chosen
            else f'<circle class="two open" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
        )
        parts.append(f"<g><title>{safe(spot.told)}</title>{whisker}{drawn}</g>")
    return Plot(name, drawing(parts, HEIGHT, caption), caption, grid)


def step_chart(
    name: str,
    curves: Mapping[str, Sequence[tuple[int, float]]],
    end: int,
    axis: str,
    caption: str,
    grid: Grid,
) -> Plot:
    """Shares (0..1) that stay until they change, each prolonged to `end`, where its number stands."""
    span_x, span_y, bottom = WIDTH - LEFT - 60, HEIGHT - TOP - BOTTOM, HEIGHT - BOTTOM
    parts = [*axes_frame([(bottom - span_y * step / 4, f"{step * 25}%") for step in range(5)], axis)]
    parts += [axis_label(LEFT + span_x * step / 4, f"{end * step / 4:,.0f}") for step in range(5)]
    taken: list[float] = []
    names = []
    for number, (label, curve) in enumerate(curves.items()):
        path = ""
        for calls, rate in curve:
            x, y = LEFT + span_x * calls / max(1, end), bottom - span_y * rate
            path += f"H{x:.1f}V{y:.1f}" if path else f"M{x:.1f} {y:.1f}"
        dash = ("", ' stroke-dasharray="7 4"', ' stroke-dasharray="2 3"')[number // 2 % 3]
        shade = ("one", "two")[number % 2]
        last = bottom - span_y * curve[-1][1]
        while any(abs(last - other) < 14 for other in taken):
            last -= 14
        taken.append(last)
        parts.append(
            f'<g><title>{safe(label)}</title><path class="{shade} line"{dash} d="{path}H{LEFT + span_x}"/>'
            f'<text x="{LEFT + span_x + 6}" y="{last + 4:.1f}">{number + 1}</text></g>'
        )
        names.append(f"{number + 1} {label}")
    caption = f"{caption} At the right end: {', '.join(names)}."
    return Plot(name, drawing(parts, HEIGHT, caption), caption, grid)


def bar_chart(
    name: str, groups: Mapping[str, Sequence[float]], series: Sequence[str], axis: str, caption: str
) -> Plot:
    """Groups of one or two upright bars; the second series is hatched by an outline.

    Args:
        name: See `Plot`.
        groups: Values >= 0 by the name of the group, one for each series.
        series: Names of the series.
        axis: What the groups are.
        caption: What is to be seen.
    """
    most = max((value for values in groups.values() for value in values), default=1.0) or 1.0
    span_y, step = HEIGHT - TOP - BOTTOM - 20, (WIDTH - LEFT - RIGHT) / max(1, len(groups))
    top, bottom = TOP + 20, HEIGHT - BOTTOM
    ticks = [(bottom - span_y * part / 4, f"{most * part / 4:,.0f}") for part in (0, 2, 4)]
    parts = [*axes_frame(ticks, axis, top), *(_legend(series) if len(series) > 1 else ())]
    width = min(46.0, step * 0.8 / len(series))
    for number, (group, values) in enumerate(groups.items()):
        middle = LEFT + (number + 0.5) * step
        for place, value in enumerate(values):
            height, left = span_y * value / most, middle + (place - len(values) / 2) * width
            shade = "one" if place == 0 else "two open"
            told = f"{group}, {series[place]}: {value:,.0f}"
            parts.append(
                f'<g><title>{safe(told)}</title><rect class="{shade}" x="{left + 1:.1f}"'
                f' y="{bottom - height:.1f}" width="{width - 2:.1f}" height="{height:.1f}"/></g>'
            )
        parts.append(axis_label(middle, group))
    rows = [(group, *(f"{value:,.0f}" for value in values)) for group, values in groups.items()]
    return Plot(name, drawing(parts, HEIGHT, caption), caption, Grid.of(caption, (axis, *series), rows))


def lying_bar_chart(name: str, values: Mapping[str, float], unit: str, caption: str) -> Plot:
    """One bar to the right for each name and its value, which a phone shows first; the same as a table."""
    most, left = max(values.values(), default=1.0) or 1.0, 260
    height, room = 28 * len(values) + 12, WIDTH - left - RIGHT
    parts = []
    for number, (label, value) in enumerate(values.items()):
        y, length = 8 + 28 * number, room * value / most
        parts += [
            f'<text x="{left - 70}" y="{y + 15}" text-anchor="end">{safe(_short(label, 26))}</text>',
            f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{_number(value)}</text>',
            f'<rect class="one" x="{left}" y="{y}" width="{max(length, 1):.1f}" height="20"/>',
        ]
    grid = Grid.of(caption, ("", unit), [(label, _number(value)) for label, value in values.items()])
    return Plot(name, drawing(parts, height, caption), caption, grid)


def drawing(parts: Sequence[str], height: int, caption: str) -> str:
    """The whole picture of parts that are SVG already."""
    head = f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img"'
    return f"{head} aria-label={quoteattr(printable(caption))}>{''.join(parts)}</svg>"


def axes_frame(ticks: Sequence[tuple[float, str]], axis: str, top: int = TOP) -> list[str]:
    """The axes, and a line with its name at each height."""
    bottom = HEIGHT - BOTTOM
    lines = [
        f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{safe(name)}</text>'
        for y, name in ticks
    ]
    middle = (LEFT + WIDTH - RIGHT) // 2
    name = f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{safe(axis)}</text>'
    return [*lines, f'<path class="axis" d="M{LEFT} {top}V{bottom}H{WIDTH - RIGHT}"/>', name]


def _legend(series: Sequence[str]) -> list[str]:
    shades = ("one", "two open")
    return [
        f'<rect class="{shade}" x="{LEFT + 8 + 150 * number}" y="6" width="12" height="12"/>'
        f'<text x="{LEFT + 26 + 150 * number}" y="17">{safe(name)}</text>'
        for number, (shade, name) in enumerate(zip(shades, series, strict=False))
    ]


def axis_label(x: float, text: str) -> str:
    """A name below the horizontal axis, shortened to what has room."""
    y, name = HEIGHT - BOTTOM + 17, safe(_short(text, 14))
    return f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{name}</text>'


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def safe(text: str) -> str:
    """A text of anybody as content of an element."""
    return escape(printable(text))
