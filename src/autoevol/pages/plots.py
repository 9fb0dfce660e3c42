"""Small drawings as SVG: no script, no style attribute, colours that follow the page, a table with each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autoevol.pages.blocks import Grid, Plot
from autoevol.pages.canvas import (
    Canvas,
    axes_frame,
    axis_label,
    plotted,
    round_numbers,
    safe,
    short,
    text_width,
)

# Where a drawing stands alone; in a page its classes have the colours of the page.
_ALONE = """<style>
text{font:13px system-ui,sans-serif;fill:#333a44}.axis{stroke:#5a6370;fill:none}.grid{stroke:#d5d9df}
.one{stroke:#0067b1;fill:#0067b1}.two{stroke:#b4490a;fill:#b4490a}.line{fill:none;stroke-width:2}
.whisker{stroke-width:1.5}.open{fill:#ffffff;stroke-width:2}
</style><rect width="100%" height="100%" fill="#ffffff"/>"""

_BAR, _GAP = 18, 9
"""Height of a bar, and what lies between groups of them, in pixels."""


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

    def draw(canvas: Canvas) -> tuple[Canvas, list[str]]:
        def at(x: float, y: float) -> tuple[float, float]:
            return canvas.left + (0.03 + 0.94 * x / end) * canvas.across, canvas.ground - y * canvas.up

        parts = [*axes_frame(canvas, [(at(0, step / 4)[1], f"{step * 25}%") for step in range(5)], axis)]
        parts += [axis_label(canvas, at(x, 0)[0], f"{x:,.0f}") for x in round_numbers(end)]
        path = sorted((spot for spot in spots if spot.chosen), key=lambda spot: spot.x)
        if len(path) > 1:
            points = " ".join("{:.1f},{:.1f}".format(*at(spot.x, spot.y)) for spot in path)
            parts.append(f'<polyline class="one line" points="{points}"/>')
        ordered = sorted(spots, key=lambda spot: spot.chosen)
        return canvas, [*parts, *(_spot(spot, at) for spot in ordered)]

    return plotted(name, draw, caption, grid)


def _spot(spot: Spot, at: Callable[[float, float], tuple[float, float]]) -> str:
    x, y = at(spot.x, spot.y)
    shade = "one" if spot.chosen else "two open"
    low, high = at(0, spot.low)[1], at(0, spot.high)[1]
    drawn = (
        f'<path class="one" d="M{x:.1f} {y - 7:.1f}l7 7l-7 7l-7 -7z"/>'
        if spot.chosen
        else f'<circle class="two open" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
    )
    whisker = f'<path class="{shade} whisker" d="M{x:.1f} {low:.1f}V{high:.1f}"/>'
    return f"<g><title>{safe(spot.told)}</title>{whisker}{drawn}</g>"


def step_chart(
    name: str,
    curves: Mapping[str, Sequence[tuple[int, float]]],
    end: int,
    axis: str,
    caption: str,
    grid: Grid,
) -> Plot:
    """Shares (0..1) that stay until they change, each prolonged to `end`, where its number stands."""

    def draw(canvas: Canvas) -> tuple[Canvas, list[str]]:
        canvas = canvas.sized(right=34)
        ticks = [(canvas.ground - canvas.up * step / 4, f"{step * 25}%") for step in range(5)]
        parts = axes_frame(canvas, ticks, axis)
        parts += [
            axis_label(canvas, canvas.left + canvas.across * x / max(1, end), f"{x:,.0f}")
            for x in round_numbers(end)
        ]
        taken: list[float] = []
        for number, (label, curve) in enumerate(curves.items()):
            taken.append(_free(canvas, canvas.ground - canvas.up * curve[-1][1], taken))
            parts.append(_curve(canvas, number, label, curve, end, taken[-1]))
        return canvas, parts

    names = ", ".join(f"{number} {label}" for number, label in enumerate(curves, 1))
    return plotted(name, draw, f"{caption} At the right end: {names}.", grid)


def _free(canvas: Canvas, wanted: float, taken: Sequence[float]) -> float:
    """The height nearest to the one that is wanted at which no number stands."""
    heights = sorted(range(canvas.top, canvas.ground), key=lambda height: abs(height - wanted))
    free = (height for height in heights if all(abs(height - other) >= 14 for other in taken))
    return next(free, wanted)


def _curve(
    canvas: Canvas, number: int, label: str, curve: Sequence[tuple[int, float]], end: int, height: float
) -> str:
    path = ""
    for calls, rate in curve:
        x, y = canvas.left + canvas.across * calls / max(1, end), canvas.ground - canvas.up * rate
        path += f"H{x:.1f}V{y:.1f}" if path else f"M{x:.1f} {y:.1f}"
    dash = ("", ' stroke-dasharray="7 4"', ' stroke-dasharray="2 3"')[number // 2 % 3]
    shade, right = ("one", "two")[number % 2], canvas.left + canvas.across
    return (
        f'<g><title>{safe(label)}</title><path class="{shade} line"{dash} d="{path}H{right}"/>'
        f'<text x="{right + 6}" y="{height + 4:.1f}">{number + 1}</text></g>'
    )


def bar_chart(
    name: str,
    groups: Mapping[str, Sequence[float]],
    series: Sequence[str],
    axis: str,
    caption: str,
    tell: Callable[[float], str] = "{:,.0f}".format,
) -> Plot:
    """Groups of one or two bars to the right, each with its number; the second is drawn as an outline.

    Args:
        name: See `Plot`.
        groups: Values >= 0 by the name of the group, one for each series.
        series: Names of the series.
        axis: What the groups are.
        caption: What is to be seen.
        tell: Writes a value.
    """
    rows = [(group, *map(tell, values)) for group, values in groups.items()]
    most = max((value for values in groups.values() for value in values), default=1.0) or 1.0
    longest = max((text_width(cell) for row in rows for cell in row[1:]), default=0)
    labels, step = max(map(text_width, groups), default=0), _BAR * len(series) + _GAP

    def draw(canvas: Canvas) -> tuple[Canvas, list[str]]:
        left, top = min(labels, canvas.width * 45 // 100) + 10, 30 if len(series) > 1 else 6
        canvas = canvas.sized(left=left, right=longest + 14, height=top + step * len(groups))
        parts = _legend(series, left) if len(series) > 1 else []
        for number, (group, *cells) in enumerate(rows):
            middle = top + number * step + (step - _GAP) / 2
            label = safe(short(group, (left - 10) // 8))
            parts.append(f'<text x="{left - 8}" y="{middle + 4:.1f}" text-anchor="end">{label}</text>')
            for place, (value, said) in enumerate(zip(groups[group], cells, strict=True)):
                told = f"{group}, {series[place]}: {said}"
                y = top + number * step + place * _BAR
                parts.append(_bar(canvas, y, place, canvas.across * value / most, (told, said)))
        return canvas, parts

    return plotted(name, draw, caption, Grid.of(caption, (axis, *series), rows))


def _bar(canvas: Canvas, y: int, place: int, length: float, words: tuple[str, str]) -> str:
    shade, long = "one" if place == 0 else "two open", max(length, 1.0)
    told, said = map(safe, words)
    return (
        f'<g><title>{told}</title><rect class="{shade}" x="{canvas.left}" y="{y + 1}" width="{long:.1f}"'
        f' height="{_BAR - 3}"/><text x="{canvas.left + long + 6:.1f}" y="{y + 13}">{said}</text></g>'
    )


def _legend(series: Sequence[str], left: int) -> list[str]:
    shades = ("one", "two open")
    return [
        f'<rect class="{shade}" x="{left + 110 * number}" y="6" width="12" height="12"/>'
        f'<text x="{left + 18 + 110 * number}" y="17">{safe(name)}</text>'
        for number, (shade, name) in enumerate(zip(shades, series, strict=False))
    ]
