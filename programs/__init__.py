"""DSPy modules: one file each. They get their LM from `dspy.context` and return records."""

from autoevol.programs.analyze import AnalyzeTrajectory
from autoevol.programs.evolve import EvolveInstruction
from autoevol.programs.evolver import Evolver
from autoevol.programs.methods import BUILT_IN, COMPACT, INITIAL, WEAK
from autoevol.programs.operations import IN_DEPTH, MUTATE, OPERATIONS
from autoevol.programs.propose import ProposeMethod
from autoevol.programs.respond import RespondToInstruction

__all__ = [
    "BUILT_IN",
    "COMPACT",
    "INITIAL",
    "IN_DEPTH",
    "MUTATE",
    "OPERATIONS",
    "WEAK",
    "AnalyzeTrajectory",
    "EvolveInstruction",
    "Evolver",
    "ProposeMethod",
    "RespondToInstruction",
]
