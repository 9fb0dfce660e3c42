"""Who may import whom, who may print, and who may write files."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_TOP = ("programs", "signatures", "metrics", "experiments")

# A folder imports those of earlier lines, and itself. `testing` and `__main__` are modules beside them.
LAYERS = (
    "core",
    "config signatures samples",
    "data store programs metrics",
    "lm",
    "testing dataset optimization answers training students",
    "evolution harnesses",
    "reports",
    "pages",
    "labelling",
    "commands",
    "comparison hypersearch proof",
    "cli experiments",
    "__main__",
)
LEVEL = {folder: level for level, line in enumerate(LAYERS) for folder in line.split()}
# Packages that a folder may import besides the standard library; absent means any.
OUTSIDE = {
    "core": set(),
    "config": set(),
    "signatures": {"dspy"},
    "programs": {"dspy"},
    "store": {"filelock", "orjson", "pyarrow"},
    "reports": set(),
}


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


def imported(path: Path, *, for_types: bool = False) -> Iterator[str]:
    """Full names of what a file imports; `from a import b` is a.b, which may be a module or not.

    With `for_types`, what only type checkers import counts as well.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if for_types else nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import in line {node.lineno}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def upward(part: str, path: Path) -> list[str]:
    """What a file imports that does not stand in an earlier line of the table."""
    names = (name.split(".") for name in imported(path) if name.startswith("autoevol."))
    others = [parts[1] for parts in names if parts[1] != part]
    return [other for other in others if LEVEL.get(other, len(LAYERS)) >= LEVEL[part]]


@each_source
def test_imports_go_down_only(part: str, path: Path) -> None:
    assert part in LEVEL, f"{part} stands in no line of the table"
    assert not upward(part, path), f"{path.name} of {part} imports {upward(part, path)}"


def test_an_upward_import_is_found(tmp_path: Path) -> None:
    copy = tmp_path / "records.py"
    text = (_ROOT / "src/autoevol/core/records.py").read_text(encoding="utf-8")
    copy.write_text(text + "\nfrom autoevol.lm.session import Session\n", encoding="utf-8")
    assert upward("core", copy) == ["lm"]
    copy.write_text(text + "\n\ndef late():\n    import autoevol.cli\n", encoding="utf-8")
    assert upward("core", copy) == ["cli"]


def test_the_imports_of_modules_make_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    # A package's `__init__` only passes names on; its modules do not import through it.
    names = {module_name(part, path): path for part, path in SOURCES if path.name != "__init__.py"}
    for name, path in names.items():
        asked = set(imported(path, for_types=True))
        asked |= {found.rpartition(".")[0] for found in asked}
        graph[name] = {other for other in asked if other in names and other != name}
    TopologicalSorter(graph).prepare()


def module_name(part: str, path: Path) -> str:
    """The dotted name of a source file."""
    root = _ROOT if part in _TOP else _ROOT / "src" / "autoevol"
    return ".".join(("autoevol", *path.relative_to(root).with_suffix("").parts))


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
    assert not prints or part == "experiments" or (part, path.name) == ("cli", "console.py")


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


def test_one_function_makes_every_session() -> None:
    """Else prices, caps, limits or moved endpoints are forgotten somewhere. Experiments are on their own."""
    places = [
        path.relative_to(_ROOT).as_posix()
        for part, path in SOURCES
        for node in nodes(path)
        if part != "experiments"
        and isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] == "Session"
    ]
    assert places == ["src/autoevol/commands/models.py"]


# Makes a `dspy.LM`, and takes what that takes.
_AS_DSPY = {"session.lm"}


@each_source
def test_no_function_takes_more_than_seven_things(part: str, path: Path) -> None:
    """A constructor's keywords are its settings, so that only what is positional counts there.

    In `cli`, typer makes an option of every parameter.
    """
    if part in ("cli", "experiments"):
        return
    functions = (n for n in nodes(path) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    for function in functions:
        spec = function.args
        names = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
        if function.name != "__init__":
            names += [arg.arg for arg in (*spec.kwonlyargs, spec.vararg, spec.kwarg) if arg]
        long = [name for name in names if name not in ("self", "cls")]
        assert len(long) <= 7 or f"{path.stem}.{function.name}" in _AS_DSPY, f"{path}: {function.name}"
