"""Comparing optimizers of the evolving method at an equal budget, under one referee."""

from autoevol.compare.catalog import all_contestants, find_contestants
from autoevol.compare.entry import Bench, Contestant, Entry, Heat
from autoevol.compare.results import Finished, Point
from autoevol.compare.standings import Standing
from autoevol.compare.tournament import Comparison, compare

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
