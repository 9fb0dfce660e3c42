"""The table of a study: printed, as JSON, and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

from autoevol.comparison.plot import Curve, curves_svg
from autoevol.core.schema import encode
from autoevol.metrics.paired import PairedTest, PointEstimate, bootstrap_mean
from autoevol.store.files import replacing, write_json


@dataclass(frozen=True)
class Line:
    """One setting.

    Attributes:
        name: What was varied.
        rate: Mean of its rates with a 95 % bootstrap interval over the units (testbeds, or rows).
        gain: `rate` minus that of what it is compared with, paired by unit; None for the base itself.
        facts: Further means by name.
    """

    name: str
    rate: PointEstimate
    gain: PairedTest | None
    facts: Mapping[str, float]


def line(
    name: str, rates: Sequence[float], base: Sequence[float] | None = None, **facts: Sequence[float]
) -> Line:
    """A line from one rate per unit; `base` has the rates of the same units that it is compared with."""
    mean = bootstrap_mean(rates)
    gain = None if base is None else PairedTest.of(base, rates)
    return Line(name, mean, gain, {fact: sum(values) / len(values) for fact, values in facts.items()})


@dataclass(frozen=True)
class Table:
    """What a study found.

    Attributes:
        study: Its name.
        label: Said in every line: `simulated`, or the models.
        rate: What the rates are.
        against: What `gain` compares with.
        lines: The settings.
        notes: What a reader must know.
        curves: Rates over steps, where the study has them.
    """

    study: str
    label: str
    rate: str
    against: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    curves: Mapping[str, Curve] = field(default_factory=dict)

    def text(self) -> str:
        """The table as text; every line begins with the label."""
        width = max(len(line.name) for line in self.lines)
        title = f"{self.study}: {self.rate} [95 % interval]; change against {self.against}"
        rows = [
            f"{one.name:{width}}  {_percent(one.rate)}  {_change(one.gain):24}"
            + "".join(f"  {name} {value:.4g}" for name, value in one.facts.items())
            for one in self.lines
        ]
        return "\n".join(f"{self.label}  {row}".rstrip() for row in (title, *rows, *self.notes))

    def save(self, folder: Path) -> None:
        """Write `STUDY.json` and `STUDY.svg`."""
        write_json(folder / f"{self.study}.json", encode(self))
        title = f"{self.study}: {self.rate} ({self.label})"
        with replacing(folder / f"{self.study}.svg") as file:
            if self.curves:
                end = max(int(place) for curve in self.curves.values() for place, _ in curve)
                file.write(curves_svg(self.curves, title, max(1, end), "steps").encode())
            else:
                file.write(whiskers_svg(self.lines, title).encode())


def _percent(rate: PointEstimate) -> str:
    return f"{rate.value:6.1%} [{rate.low:.1%}, {rate.high:.1%}]"


def _change(gain: PairedTest | None) -> str:
    return "" if gain is None else gain.span


def whiskers_svg(lines: Sequence[Line], title: str) -> str:
    """A drawing of one point with its interval per line, on an axis from 0."""
    left, right, top, step = 210, 690, 50, 28
    bottom = top + step * len(lines)
    most = max(one.rate.high for one in lines) or 1.0

    def across(value: float) -> float:
        return left + value / most * (right - left)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{bottom + 40}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="20" font-size="14">{escape(title)}</text>',
        f'<path d="M{left} {top - 14}V{bottom}H{right}" fill="none" stroke="black"/>',
    ]
    for tick in range(5):
        value = most * tick / 4
        parts.append(
            f'<text x="{across(value):.0f}" y="{bottom + 16}" text-anchor="middle">{value:.0%}</text>'
        )
    for number, one in enumerate(lines):
        y = top + step * number
        low, middle, high = (across(v) for v in (one.rate.low, one.rate.value, one.rate.high))
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{escape(one.name)}</text>')
        parts.append(f'<path d="M{low:.1f} {y}H{high:.1f}" stroke="#0072b2" stroke-width="2"/>')
        parts.append(f'<circle cx="{middle:.1f}" cy="{y}" r="4" fill="#0072b2"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"
