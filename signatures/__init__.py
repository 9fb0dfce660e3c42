"""Prompts as DSPy signatures: no logic here."""

from autoevol.signatures.analyze import AnalyzeTrajectories
from autoevol.signatures.evolve import Evolve
from autoevol.signatures.propose import ImproveMethod

__all__ = ["AnalyzeTrajectories", "Evolve", "ImproveMethod"]
