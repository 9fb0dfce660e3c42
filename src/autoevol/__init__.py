"""Evolve instruction data, and optimise the method that evolves it.

The public names are loaded at first use, so that `autoevol --help` need not import DSPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoevol.config import LoopConfig
    from autoevol.core.records import Demo, Method, Row
    from autoevol.data.load import load_rows
    from autoevol.lm.session import Session
    from autoevol.metrics.failure import FailureMetric, FailureRate
    from autoevol.optimization.teleprompter import AutoEvol, as_examples
    from autoevol.programs.evolver import Evolver
    from autoevol.programs.methods import COMPACT, INITIAL, WEAK
    from autoevol.store.journal import FileJournal
    from autoevol.store.run import load_method

_HOMES = {
    "AutoEvol": "autoevol.optimization.teleprompter",
    "COMPACT": "autoevol.programs.methods",
    "Demo": "autoevol.core.records",
    "Evolver": "autoevol.programs.evolver",
    "FailureMetric": "autoevol.metrics.failure",
    "FailureRate": "autoevol.metrics.failure",
    "FileJournal": "autoevol.store.journal",
    "INITIAL": "autoevol.programs.methods",
    "LoopConfig": "autoevol.config.loop",
    "Method": "autoevol.core.records",
    "Row": "autoevol.core.records",
    "Session": "autoevol.lm.session",
    "WEAK": "autoevol.programs.methods",
    "as_examples": "autoevol.optimization.teleprompter",
    "load_method": "autoevol.store.run",
    "load_rows": "autoevol.data.load",
}

__version__ = "0.1.0"

__all__ = [
    "COMPACT",
    "INITIAL",
    "WEAK",
    "AutoEvol",
    "Demo",
    "Evolver",
    "FailureMetric",
    "FailureRate",
    "FileJournal",
    "LoopConfig",
    "Method",
    "Row",
    "Session",
    "as_examples",
    "load_method",
    "load_rows",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 (PEP 562)
    if name not in _HOMES:
        raise AttributeError(f"module 'autoevol' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
