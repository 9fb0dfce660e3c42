"""Comparing optimizers of the evolving method at an equal budget, under one referee."""

from autoevol.comparison.catalog import all_contestants, find_contestants
from autoevol.comparison.entry import Bench, Contestant, Entry, Heat
from autoevol.comparison.results import Finished, Point
from autoevol.comparison.standings import Standing
from autoevol.comparison.tournament import Comparison, compare

__all__ = [
    "Bench",
    "Comparison",
    "Contestant",
    "Entry",
    "Finished",
    "Heat",
    "Point",
    "Standing",
    "all_contestants",
    "compare",
    "find_contestants",
]
