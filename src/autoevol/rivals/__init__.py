"""Other optimizers of the evolving method, after their papers, to compare AutoEvol with."""

from autoevol.rivals.ape import APE
from autoevol.rivals.opro import OPRO

__all__ = ["APE", "OPRO"]
