"""Exports: the same pairs in the notation that each trainer reads, with their provenance beside."""

from autoevol.export.examples import Example, read_example
from autoevol.export.formats import FORMATS, Format
from autoevol.export.write import Exported, export_file

__all__ = ["FORMATS", "Example", "Exported", "Format", "export_file", "read_example"]
