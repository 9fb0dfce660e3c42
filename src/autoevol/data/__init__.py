"""Reading seed instructions: files and data sets in, distinct rows out."""

from autoevol.data.entries import EntryStream, Reject, SeedRecord
from autoevol.data.load import Loaded, iter_entries, iter_rows, load_rows
from autoevol.data.shapes import Seed, Shape, recognise
from autoevol.data.split import Split, split_rows
from autoevol.data.stream import RowStream

__all__ = [
    "EntryStream",
    "Loaded",
    "Reject",
    "RowStream",
    "Seed",
    "SeedRecord",
    "Shape",
    "Split",
    "iter_entries",
    "iter_rows",
    "load_rows",
    "recognise",
    "split_rows",
]
