"""Drawings of what `autoevol quality` found: scores by round, and the map of topics."""

from __future__ import annotations

from collections.abc import Mapping

from autoevol.dataset.quality import Scores
from autoevol.metrics.topics import MapSpot, TopicMap
from autoevol.pages.blocks import Grid, Plot
from autoevol.pages.plots import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    axes_frame,
    axis_label,
    drawing,
    safe,
)

_MAP = 620
"""Height of the map."""


def score_chart(name: str, scores: Mapping[str, Scores], scale: tuple[float, float], caption: str) -> Plot:
    """Mean scores by stage with their 95 % intervals, joined by a line; `scale` is what a judge may say."""
    low, high = scale
    span, step = HEIGHT - TOP - BOTTOM, (WIDTH - LEFT - RIGHT) / max(1, len(scores))

    def height_of(score: float) -> float:
        return HEIGHT - BOTTOM - span * (min(max(score, low), high) - low) / (high - low)

    ticks = [low + (high - low) * part / 3 for part in range(4)]
    parts = [*axes_frame([(height_of(tick), f"{tick:g}") for tick in ticks], "stage")]
    path, drawn = [], []
    for number, (stage, of) in enumerate(scores.items()):
        x, y = LEFT + (number + 0.5) * step, height_of(of.mean)
        if stage != "final":  # the rounds lead on; what came out at the end is no further one
            path.append(f"{x:.1f},{y:.1f}")
        top, bottom = height_of(of.mean + of.margin), height_of(of.mean - of.margin)
        told = f"{stage}: {of.mean:.2f} ± {of.margin:.2f}, {of.scored} scored, {of.unscored} not"
        drawn.append(
            f'<g><title>{safe(told)}</title><path class="one whisker" d="M{x:.1f} {top:.1f}V{bottom:.1f}"/>'
            f'<circle class="one" cx="{x:.1f}" cy="{y:.1f}" r="5"/></g>'
            f'<text x="{x - 8:.1f}" y="{y - 8:.1f}" text-anchor="end">{of.mean:.2f}</text>'
        )
        parts.append(axis_label(x, stage))
    parts.append(f'<polyline class="one line" points="{" ".join(path)}"/>')
    rows = [
        (stage, f"{of.mean:.2f}", f"{of.margin:.2f}", of.scored, of.unscored) for stage, of in scores.items()
    ]
    grid = Grid.of(caption, ("stage", "mean", "±", "scored", "not scored"), rows)
    return Plot(name, drawing([*parts, *drawn], HEIGHT, caption), caption, grid)


def map_chart(found: TopicMap) -> Plot:
    """Seeds as open circles, evolved instructions as filled diamonds, each topic's number in its middle."""
    caption = (
        f"Seeds (open circles) and evolved instructions (filled diamonds) by {found.space}; the two axes "
        f"show {found.shown:.0%} of the variance. Numbers are topics, in the middle of their texts."
    )
    # Evolved ones first: what came later must not hide where it came from.
    ordered = sorted(found.spots, key=lambda spot: not spot.evolved)
    parts = [f'<path class="axis" d="M8 8H{WIDTH - 8}V{_MAP - 8}H8z"/>', *map(_drawn, ordered)]
    for number, _ in enumerate(found.topics):
        mine = [_place(spot) for spot in found.spots if spot.topic == number]
        x, y = (sum(values) / len(mine) for values in zip(*mine, strict=True))
        parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{number + 1}</text>')
    rows = [
        (number, ", ".join(topic.words), topic.before, topic.after)
        for number, topic in enumerate(found.topics, 1)
    ]
    grid = Grid.of("Topics, largest first", ("topic", "its words", "seeds", "evolved"), rows)
    return Plot("map", drawing(parts, _MAP, caption), caption, grid)


def _place(spot: MapSpot) -> tuple[float, float]:
    return WIDTH / 2 + spot.x * (WIDTH / 2 - 24), _MAP / 2 - spot.y * (_MAP / 2 - 24)


def _drawn(spot: MapSpot) -> str:
    x, y = _place(spot)
    if spot.evolved:
        return f'<path class="one" d="M{x:.1f} {y - 4:.1f}l4 4l-4 4l-4 -4z"/>'
    return f'<circle class="two open" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
