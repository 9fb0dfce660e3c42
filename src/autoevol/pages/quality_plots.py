"""Drawings of what `autoevol quality` found: scores by round, and the map of topics."""

from __future__ import annotations

from collections.abc import Mapping

from autoevol.dataset.quality import Scores
from autoevol.metrics.topics import MapSpot, TopicMap
from autoevol.pages.blocks import Grid, Plot
from autoevol.pages.canvas import Canvas, axes_frame, axis_label, plotted, safe


def score_chart(name: str, scores: Mapping[str, Scores], scale: tuple[float, float], caption: str) -> Plot:
    """Mean scores by stage with their 95 % intervals, joined by a line; `scale` is what a judge may say."""
    low, high = scale

    def draw(canvas: Canvas) -> tuple[Canvas, list[str]]:
        canvas = canvas.sized(top=28)  # for the number above the highest point
        step = canvas.across / max(1, len(scores))

        def height_of(score: float) -> float:
            return canvas.ground - canvas.up * (min(max(score, low), high) - low) / (high - low)

        ticks = [low + (high - low) * part / 3 for part in range(4)]
        parts = [*axes_frame(canvas, [(height_of(tick), f"{tick:g}") for tick in ticks], "stage")]
        path, drawn = [], []
        for number, (stage, of) in enumerate(scores.items()):
            x, y = canvas.left + (number + 0.5) * step, height_of(of.mean)
            if stage != "final":  # the rounds lead on; what came out at the end is no further one
                path.append(f"{x:.1f},{y:.1f}")
            drawn.append(_score(x, y, height_of(of.mean + of.margin), stage, of))
            parts.append(axis_label(canvas, x, stage, step))
        return canvas, [*parts, f'<polyline class="one line" points="{" ".join(path)}"/>', *drawn]

    rows = [
        (stage, f"{of.mean:.2f}", f"{of.margin:.2f}", of.scored, of.unscored) for stage, of in scores.items()
    ]
    grid = Grid.of(caption, ("stage", "mean", "±", "scored", "not scored"), rows)
    return plotted(name, draw, caption, grid)


def _score(x: float, y: float, top: float, stage: str, of: Scores) -> str:
    """A point with its whisker, which reaches as far down as up."""
    told = f"{stage}: {of.mean:.2f} ± {of.margin:.2f}, {of.scored} scored, {of.unscored} not"
    return (
        f'<g><title>{safe(told)}</title><path class="one whisker" d="M{x:.1f} {top:.1f}V{2 * y - top:.1f}"/>'
        f'<circle class="one" cx="{x:.1f}" cy="{y:.1f}" r="5"/></g>'
        f'<text x="{x:.1f}" y="{min(top, y - 5) - 5:.1f}" text-anchor="middle">{of.mean:.2f}</text>'
    )


def map_chart(found: TopicMap) -> Plot:
    """Seeds as open circles, evolved instructions as filled diamonds, each topic's number in its middle."""
    caption = (
        f"Seeds (open circles) and evolved instructions (filled diamonds) by {found.space}; the two axes "
        f"show {found.shown:.0%} of the variance. Numbers are topics, in the middle of their texts."
    )
    # Evolved ones first: what came later must not hide where it came from.
    ordered = sorted(found.spots, key=lambda spot: not spot.evolved)

    def draw(canvas: Canvas) -> tuple[Canvas, list[str]]:
        canvas = canvas.sized(height=canvas.width * 6 // 7)
        frame = f'<path class="axis" d="M4 4H{canvas.width - 4}V{canvas.height - 4}H4z"/>'
        parts = [frame, *(_drawn(canvas, spot) for spot in ordered)]
        for number, _ in enumerate(found.topics):
            mine = [_place(canvas, spot) for spot in found.spots if spot.topic == number]
            x, y = (sum(values) / len(mine) for values in zip(*mine, strict=True))
            parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{number + 1}</text>')
        return canvas, parts

    rows = [
        (number, ", ".join(topic.words), topic.before, topic.after)
        for number, topic in enumerate(found.topics, 1)
    ]
    grid = Grid.of("Topics, largest first", ("topic", "its words", "seeds", "evolved"), rows)
    return plotted("map", draw, caption, grid)


def _place(canvas: Canvas, spot: MapSpot) -> tuple[float, float]:
    middle, half = canvas.width / 2, canvas.height / 2
    return middle + spot.x * (middle - 20), half - spot.y * (half - 20)


def _drawn(canvas: Canvas, spot: MapSpot) -> str:
    x, y = _place(canvas, spot)
    if spot.evolved:
        return f'<path class="one" d="M{x:.1f} {y - 4:.1f}l4 4l-4 4l-4 -4z"/>'
    return f'<circle class="two open" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
