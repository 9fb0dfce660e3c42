"""Evolve instruction data, and optimise the method that evolves it.

The public names are loaded at first use, so that `autoevol --help` need not import DSPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoevol.commands.again import again
    from autoevol.commands.answers import judge_answers
    from autoevol.commands.calibrate import calibrate
    from autoevol.commands.datasets import clean, export
    from autoevol.commands.doctor import doctor
    from autoevol.commands.estimate import estimate
    from autoevol.commands.headroom import headroom
    from autoevol.commands.label import label
    from autoevol.commands.quality import quality
    from autoevol.commands.report import report
    from autoevol.commands.result import Result
    from autoevol.commands.retry import retry
    from autoevol.commands.run import evolve, optimize, run
    from autoevol.commands.transfer import transfer
    from autoevol.comparison.job import compare
    from autoevol.config import (
        AgainConfig,
        AnswersConfig,
        CompareConfig,
        EndpointConfig,
        EvolConfig,
        LoopConfig,
        MethodConfig,
        ModelConfig,
        ProveConfig,
        RoleConfig,
        SearchConfig,
        Settings,
        TransferConfig,
    )
    from autoevol.core.errors import (
        AccessDenied,
        AutoEvolError,
        BudgetReached,
        EndpointDown,
        InputError,
        InUse,
        MethodError,
        StopRun,
        StoreError,
        StoreLost,
    )
    from autoevol.core.progress import Progress, Silent
    from autoevol.core.records import (
        Case,
        Demo,
        Evolution,
        FailureKind,
        Method,
        Outcome,
        Row,
        Score,
        Step,
        Trajectory,
        Verdict,
    )
    from autoevol.data.load import load_rows
    from autoevol.hypersearch.job import search
    from autoevol.lm.session import Session
    from autoevol.lm.transport import Reply, Transport
    from autoevol.metrics.base import Detector, Metric
    from autoevol.metrics.ensemble import Ensemble
    from autoevol.metrics.failure import FailureMetric, FailureRate
    from autoevol.optimization.adaptive import AdaptiveRace
    from autoevol.optimization.race import Race
    from autoevol.optimization.rule import SelectionRule
    from autoevol.optimization.teleprompter import AutoEvol, as_examples
    from autoevol.programs.evolver import Evolver
    from autoevol.programs.methods import COMPACT, INITIAL, WEAK
    from autoevol.programs.respond import answering_with
    from autoevol.proof.job import prove
    from autoevol.store.journal import FileJournal
    from autoevol.store.method_files import load_method

_HOMES = {
    "AccessDenied": "autoevol.core.errors",
    "AgainConfig": "autoevol.config",
    "AnswersConfig": "autoevol.config",
    "AutoEvol": "autoevol.optimization.teleprompter",
    "AutoEvolError": "autoevol.core.errors",
    "BudgetReached": "autoevol.core.errors",
    "COMPACT": "autoevol.programs.methods",
    "Case": "autoevol.core.records",
    "CompareConfig": "autoevol.config",
    "Demo": "autoevol.core.records",
    "Detector": "autoevol.metrics.base",
    "EndpointConfig": "autoevol.config",
    "EndpointDown": "autoevol.core.errors",
    "Ensemble": "autoevol.metrics.ensemble",
    "EvolConfig": "autoevol.config",
    "Evolution": "autoevol.core.records",
    "Evolver": "autoevol.programs.evolver",
    "FailureKind": "autoevol.core.records",
    "FailureMetric": "autoevol.metrics.failure",
    "FailureRate": "autoevol.metrics.failure",
    "FileJournal": "autoevol.store.journal",
    "INITIAL": "autoevol.programs.methods",
    "InUse": "autoevol.core.errors",
    "InputError": "autoevol.core.errors",
    "LoopConfig": "autoevol.config",
    "Method": "autoevol.core.records",
    "MethodConfig": "autoevol.config",
    "MethodError": "autoevol.core.errors",
    "Metric": "autoevol.metrics.base",
    "ModelConfig": "autoevol.config",
    "Outcome": "autoevol.core.records",
    "Progress": "autoevol.core.progress",
    "ProveConfig": "autoevol.config",
    "AdaptiveRace": "autoevol.optimization.adaptive",
    "Race": "autoevol.optimization.race",
    "Reply": "autoevol.lm.transport",
    "Result": "autoevol.commands.result",
    "RoleConfig": "autoevol.config",
    "Row": "autoevol.core.records",
    "Score": "autoevol.core.records",
    "SearchConfig": "autoevol.config",
    "SelectionRule": "autoevol.optimization.rule",
    "Session": "autoevol.lm.session",
    "Settings": "autoevol.config",
    "Silent": "autoevol.core.progress",
    "Step": "autoevol.core.records",
    "StopRun": "autoevol.core.errors",
    "StoreError": "autoevol.core.errors",
    "StoreLost": "autoevol.core.errors",
    "Trajectory": "autoevol.core.records",
    "TransferConfig": "autoevol.config",
    "Transport": "autoevol.lm.transport",
    "Verdict": "autoevol.core.records",
    "WEAK": "autoevol.programs.methods",
    "again": "autoevol.commands.again",
    "answering_with": "autoevol.programs.respond",
    "as_examples": "autoevol.optimization.teleprompter",
    "calibrate": "autoevol.commands.calibrate",
    "clean": "autoevol.commands.datasets",
    "compare": "autoevol.comparison.job",
    "doctor": "autoevol.commands.doctor",
    "estimate": "autoevol.commands.estimate",
    "evolve": "autoevol.commands.run",
    "export": "autoevol.commands.datasets",
    "headroom": "autoevol.commands.headroom",
    "judge_answers": "autoevol.commands.answers",
    "label": "autoevol.commands.label",
    "load_method": "autoevol.store.method_files",
    "load_rows": "autoevol.data.load",
    "optimize": "autoevol.commands.run",
    "prove": "autoevol.proof.job",
    "quality": "autoevol.commands.quality",
    "report": "autoevol.commands.report",
    "retry": "autoevol.commands.retry",
    "run": "autoevol.commands.run",
    "search": "autoevol.hypersearch.job",
    "transfer": "autoevol.commands.transfer",
}

__version__ = "0.1.0"

__all__ = [
    "COMPACT",
    "INITIAL",
    "WEAK",
    "AccessDenied",
    "AdaptiveRace",
    "AgainConfig",
    "AnswersConfig",
    "AutoEvol",
    "AutoEvolError",
    "BudgetReached",
    "Case",
    "CompareConfig",
    "Demo",
    "Detector",
    "EndpointConfig",
    "EndpointDown",
    "Ensemble",
    "EvolConfig",
    "Evolution",
    "Evolver",
    "FailureKind",
    "FailureMetric",
    "FailureRate",
    "FileJournal",
    "InUse",
    "InputError",
    "LoopConfig",
    "Method",
    "MethodConfig",
    "MethodError",
    "Metric",
    "ModelConfig",
    "Outcome",
    "Progress",
    "ProveConfig",
    "Race",
    "Reply",
    "Result",
    "RoleConfig",
    "Row",
    "Score",
    "SearchConfig",
    "SelectionRule",
    "Session",
    "Settings",
    "Silent",
    "Step",
    "StopRun",
    "StoreError",
    "StoreLost",
    "Trajectory",
    "TransferConfig",
    "Transport",
    "Verdict",
    "again",
    "answering_with",
    "as_examples",
    "calibrate",
    "clean",
    "compare",
    "doctor",
    "estimate",
    "evolve",
    "export",
    "headroom",
    "judge_answers",
    "label",
    "load_method",
    "load_rows",
    "optimize",
    "prove",
    "quality",
    "report",
    "retry",
    "run",
    "search",
    "transfer",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 (PEP 562)
    if name not in _HOMES:
        raise AttributeError(f"module 'autoevol' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
