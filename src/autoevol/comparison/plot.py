"""Step curves as a small SVG file, so that a comparison can be looked at without further packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from xml.sax.saxutils import escape

Curve = Sequence[tuple[int, float]]

_WIDTH, _HEIGHT, _LEFT, _TOP, _LEGEND = 720, 400, 60, 40, 170
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
_DASHES = ("", "6 3", "2 3")


def curves_svg(curves: Mapping[str, Curve], title: str, end: int, axis: str = "calls paid") -> str:
    """A drawing of `curves` (calls, failure rate 0..1), each prolonged to `end` calls.

    Args:
        curves: Ascending in calls, each beginning at 0.
        title: Stands above; say here what is simulated.
        end: Right edge, >= 1.
        axis: What runs to the right.
    """
    top = max((rate for curve in curves.values() for _, rate in curve), default=1.0) or 1.0
    right, bottom = _WIDTH - _LEGEND, _HEIGHT - 50

    def position(calls: float, rate: float) -> tuple[float, float]:
        return _LEFT + calls / end * (right - _LEFT), bottom - rate / top * (bottom - _TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{escape(title)}</text>',
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="black"/>',
        f'<text x="{(_LEFT + right) // 2}" y="{_HEIGHT - 12}" text-anchor="middle">{escape(axis)}</text>',
    ]
    for step in range(5):
        x, y = position(end * step / 4, top * step / 4)
        parts.append(f'<text x="{x:.0f}" y="{bottom + 16}" text-anchor="middle">{end * step // 4}</text>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{top * step / 4:.0%}</text>')
    for number, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        dash = _DASHES[number // len(_COLOURS) % len(_DASHES)]
        line = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
        parts.append(f'<polyline points="{_steps(curve, end, position)}" {line}/>')
        y = _TOP + 18 * number
        parts.append(f'<polyline points="{right + 14},{y} {right + 38},{y}" {line}/>')
        parts.append(f'<text x="{right + 44}" y="{y + 4}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _steps(curve: Curve, end: int, position: Callable[[float, float], tuple[float, float]]) -> str:
    corners: list[tuple[float, float]] = []
    for (calls, rate), (until, _) in zip(curve, [*curve[1:], (end, 0.0)], strict=True):
        corners += [position(calls, rate), position(until, rate)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
