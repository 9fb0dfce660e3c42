"""Reading seed instructions: files and data sets in, distinct rows out."""

from autoevol.data.load import Loaded, iter_rows, load_rows
from autoevol.data.shapes import Seed, Shape, recognise
from autoevol.data.split import Split, split_rows
from autoevol.data.stream import Reject, RowStream

__all__ = [
    "Loaded",
    "Reject",
    "RowStream",
    "Seed",
    "Shape",
    "Split",
    "iter_rows",
    "load_rows",
    "recognise",
    "split_rows",
]
