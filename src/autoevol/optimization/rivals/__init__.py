"""Other optimizers of the evolving method, after their papers, to compare AutoEvol with."""

from autoevol.optimization.rivals.ape import APE
from autoevol.optimization.rivals.opro import OPRO

__all__ = ["APE", "OPRO"]
