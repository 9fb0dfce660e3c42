"""The student's signature. Its instructions are the evolving method itself."""

from __future__ import annotations

import dspy


class Evolve(dspy.Signature):
    """Rewrite the given instruction into a more complex version."""

    instruction: str = dspy.InputField(desc="the instruction to make more complex")
    evolved_instruction: str = dspy.OutputField(desc="the more complex instruction, and nothing else")
