"""Who may import whom, who may print, and who may write files."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_TOP = ("programs", "signatures", "metrics", "experiments")

# A part is a package or a module of autoevol. It may import parts of a lower level and itself.
LEVEL = {
    "records": 0,
    "errors": 0,
    "context": 0,
    "config": 0,
    "selection": 0,
    "aio": 0,
    "signatures": 1,
    "data": 1,
    "racing": 1,
    "strategies": 2,
    "store": 1,
    "samples": 1,
    "clean": 2,
    "lm": 2,
    "programs": 2,
    "metrics": 2,
    "testing": 3,
    "evaluate": 3,
    "export": 3,
    "report": 3,
    "compiling": 3,
    "teleprompt": 4,
    "rivals": 4,
    "pipeline": 4,
    "prices": 3,
    "jobs": 5,
    "plan": 6,
    "workflow": 7,
    "summary": 6,
    "merging": 7,
    "launching": 7,
    "extrapolate": 7,
    "estimate": 8,
    "compare": 6,
    "calibrate": 6,
    "quality": 6,
    "console": 6,
    "options": 6,
    "search": 8,
    "author_log": 2,
    "passport_page": 4,
    "passport": 5,
    "transfer": 8,
    "again": 8,
    "cli": 9,
    "__main__": 10,
    "experiments": 10,
}
# Where a level says too little: the only parts above level 0 that these may import.
ONLY = {
    "config": {"errors"},
    "selection": {"records"},
    "signatures": set(),
    "data": set(),
    "racing": set(),
    "strategies": {"racing"},
    "store": set(),
    "clean": {"config", "data", "store"},
    "lm": {"store"},
    "programs": {"signatures"},
    "metrics": {"signatures"},
    "testing": {"lm"},
    "evaluate": {"programs"},
    "report": {"store", "metrics"},
    "prices": {"lm"},
    "compiling": {"data", "programs"},
    "export": {"config", "data", "store", "metrics"},
    "author_log": {"store"},
    "passport_page": {"report"},
    "passport": {"report", "store", "passport_page"},
    "console": set(),
    "options": {"config"},
}
# Packages that a part may import besides the standard library; absent means any.
OUTSIDE = {
    "records": set(),
    "errors": set(),
    "context": set(),
    "config": set(),
    "prices": set(),
    "aio": set(),
    "selection": set(),
    "racing": set(),
    "strategies": set(),
    "signatures": {"dspy"},
    "programs": {"dspy"},
    "store": {"orjson", "pyarrow"},
    "report": set(),
    "author_log": set(),
    "passport": set(),
    "passport_page": set(),
}
MAY_PRINT = {"cli", "console"}


def sources() -> Iterator[tuple[str, Path]]:
    """Every module of the library with the part that it belongs to."""
    for folder in _TOP:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            yield folder, path
    package = _ROOT / "src" / "autoevol"
    for path in sorted(package.rglob("*.py")):
        part = path.relative_to(package).parts[0].removesuffix(".py")
        if part not in (*_TOP, "__init__"):
            yield part, path


SOURCES = list(sources())
each_source = pytest.mark.parametrize(
    ("part", "path"), SOURCES, ids=[str(p.relative_to(_ROOT)) for _, p in SOURCES]
)


def nodes(path: Path) -> Iterator[ast.AST]:
    """All nodes that run: blocks under TYPE_CHECKING are left out."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))


def imported(path: Path) -> Iterator[str]:
    """Full names of what a file imports; `from a import b` is a.b, which may be a module or not."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import in line {node.lineno}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@each_source
def test_imports_go_down_only(part: str, path: Path) -> None:
    assert part in LEVEL, f"{part} has no level yet"
    for name in imported(path):
        first, _, rest = name.partition(".")
        if first != "autoevol":
            continue
        other = rest.partition(".")[0]
        assert other in LEVEL, f"{path.name} imports {name}: only modules have a level"
        if other == part or (LEVEL[other] == 0 and LEVEL[part] > 0 and part != "config"):
            continue
        assert LEVEL[other] < LEVEL[part] or LEVEL[part] == 0, f"{part} imports {name}"
        if LEVEL[part] == 0:
            assert other in ONLY.get(part, set()), f"{part} imports {name}"
        elif part in ONLY:
            assert other in ONLY[part], f"{part} imports {name}"
        if part == "experiments":
            assert other not in ("cli", "__main__"), f"experiments import {name}"


@each_source
def test_imports_from_outside_are_the_agreed_ones(part: str, path: Path) -> None:
    outside = {name.partition(".")[0] for name in imported(path)} - sys.stdlib_module_names - {"autoevol"}
    assert not outside & set(_TOP), "generic names of this repository are imported as autoevol.*"
    if part in OUTSIDE:
        assert outside <= OUTSIDE[part]


# DSPy costs seconds to import, so metrics that are pure text stay free of it.
def test_metrics_touch_dspy_only_in_its_faces() -> None:
    users = {path.stem for part, path in SOURCES if part == "metrics" and uses_dspy(path)}
    assert "failure" in users
    pure = {"base", "rules", "eliminator", "intervals", "ensemble", "form", "textual", "growth", "lexicon"}
    assert not users & pure


def uses_dspy(path: Path) -> bool:
    return any(name.partition(".")[0] == "dspy" for name in imported(path))


@each_source
def test_only_the_console_prints(part: str, path: Path) -> None:
    prints = [
        node.lineno
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not prints or part in MAY_PRINT | {"experiments"}


def writes(node: ast.AST) -> bool:
    """Whether `node` opens a file for writing or writes one whole."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in ("write_text", "write_bytes"):
        return True
    given = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
    modes = [arg.value for arg in given if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    return name == "open" and any(set(mode) <= set("rwaxbt+") and set(mode) & set("wax+") for mode in modes)


@each_source
def test_only_the_store_writes_files(part: str, path: Path) -> None:
    lines = [getattr(node, "lineno", 0) for node in nodes(path) if writes(node)]
    allowed = part in ("store", "experiments")
    assert not lines or allowed, f"{path} writes a file in line {lines}"


@each_source
def test_library_code_never_configures_dspy(part: str, path: Path) -> None:
    for node in nodes(path):
        if isinstance(node, ast.Attribute) and node.attr in ("configure", "configure_cache"):
            assert ast.unparse(node.value) not in ("dspy", "dspy.settings", "settings")


def test_nothing_generic_is_imported_from_the_top() -> None:
    """In a process of its own: test runners may put the repository's root on the path."""
    code = (
        "import importlib, pkgutil, sys, autoevol\n"
        "for found in pkgutil.walk_packages(autoevol.__path__, 'autoevol.'):\n"
        "    if not found.name.endswith('__main__'): importlib.import_module(found.name)\n"
        f"print([name for name in {_TOP!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=_ROOT, check=False
    )
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stderr


def test_experiments_may_not_be_imported_by_the_library() -> None:
    for part, path in SOURCES:
        if part != "experiments":
            assert not any(name.startswith("autoevol.experiments") for name in imported(path)), path
