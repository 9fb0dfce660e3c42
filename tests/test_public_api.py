"""The public names, and that asking for help does not load DSPy."""

from __future__ import annotations

import subprocess
import sys

import pytest

import autoevol


def test_the_public_names_are_these() -> None:
    assert set(autoevol.__all__) == {
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
    }


def test_all_and_the_lazy_table_agree() -> None:
    assert sorted(autoevol.__all__) == sorted(autoevol._HOMES)
    assert set(autoevol.__all__) <= set(dir(autoevol))


@pytest.mark.parametrize("name", autoevol.__all__)
def test_every_public_name_is_found_where_the_table_says(name: str) -> None:
    found = getattr(autoevol, name)
    home = autoevol._HOMES[name]
    assert getattr(found, "__module__", home) in (home, "autoevol.core.records")  # methods are records


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
