"""Comparing optimizers of the evolving method at an equal budget, under one referee."""

from autoevol.comparison.catalog import all_contestants, find_contestants
from autoevol.comparison.entry import Bench, Contestant, Entry, Heat
from autoevol.comparison.tournament import Terms, hold
from autoevol.reports.comparison import ComparisonReport, Finished, Point, Standing

__all__ = [
    "Bench",
    "ComparisonReport",
    "Contestant",
    "Entry",
    "Finished",
    "Heat",
    "Point",
    "Standing",
    "Terms",
    "all_contestants",
    "find_contestants",
    "hold",
]
