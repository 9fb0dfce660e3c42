"""Clean data: no instruction twice, none that nearly repeats another, none from a benchmark."""

from autoevol.clean.benchmarks import Benchmarks, Overlap
from autoevol.clean.cleaner import Cleaner, Finding, Reason
from autoevol.clean.duplicates import Duplicates, Twin

__all__ = ["Benchmarks", "Cleaner", "Duplicates", "Finding", "Overlap", "Reason", "Twin"]
