"""The public names, and that asking for help does not load DSPy."""

from __future__ import annotations

import subprocess
import sys

import pytest

import autoevol

FUNCTIONS = {
    "run", "optimize", "evolve", "retry", "again", "clean", "export", "quality", "estimate", "search",
    "compare", "transfer", "calibrate", "judge_answers", "doctor", "headroom", "label", "prove", "report",
    "load_rows", "load_method", "as_examples",
    "answering_with",
}  # fmt: skip
PROGRAMS = {
    "AutoEvol",
    "Evolver",
    "FailureMetric",
    "FailureRate",
    "FileJournal",
    "COMPACT",
    "INITIAL",
    "WEAK",
}
EXTENDING = {
    "AdaptiveRace",
    "Detector",
    "Ensemble",
    "Metric",
    "Race",
    "Reply",
    "SelectionRule",
    "Session",
    "Transport",
}
SETTINGS = {
    "AgainConfig", "AnswersConfig", "CompareConfig", "EndpointConfig", "EvolConfig", "LoopConfig",
    "MethodConfig", "ModelConfig", "ProveConfig", "RoleConfig", "SearchConfig", "Settings", "TransferConfig",
}  # fmt: skip
RECORDS = {
    "Case", "Demo", "Evolution", "FailureKind", "Method", "Outcome", "Progress", "Result", "Row", "Score",
    "Silent", "Step", "Trajectory", "Verdict",
}  # fmt: skip
ERRORS = {
    "AccessDenied", "AutoEvolError", "BudgetReached", "EndpointDown", "InUse", "InputError", "MethodError",
    "StopRun", "StoreError", "StoreLost",
}  # fmt: skip


def test_the_public_names_are_these() -> None:
    assert set(autoevol.__all__) == FUNCTIONS | PROGRAMS | EXTENDING | SETTINGS | RECORDS | ERRORS


def test_all_and_the_lazy_table_agree() -> None:
    assert sorted(autoevol.__all__) == sorted(autoevol._HOMES)
    assert set(autoevol.__all__) <= set(dir(autoevol))


@pytest.mark.parametrize("name", autoevol.__all__)
def test_every_public_name_is_found_where_the_table_says(name: str) -> None:
    found = getattr(autoevol, name)
    home = autoevol._HOMES[name]
    # Methods are records; `config` passes on what its modules hold.
    module = getattr(found, "__module__", home)
    assert module in (home, "autoevol.core.records") or module.startswith(f"{home}.")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = autoevol.Nothing


def test_importing_autoevol_does_not_import_dspy() -> None:
    code = (
        "import sys, autoevol; print([n for n in ('dspy', 'openai', 'numpy', 'optuna') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_does_not_import_dspy() -> None:
    code = (
        "import sys\nsys.argv = ['autoevol', '--help']\nfrom autoevol.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "assert 'dspy' not in sys.modules and 'datasets' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "optimize" in done.stdout
