"""One name per thing: public classes and functions say what they are without their module beside them."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_TOP = ("programs", "signatures", "metrics")
# Names that say nothing by themselves, so that at most one function may have them: the library's own.
BARE = ("compare", "measure", "run", "table_rows")


def modules() -> list[tuple[str, Path]]:
    """Every module of the library with its folder."""
    package = _ROOT / "src" / "autoevol"
    inside = [(path.relative_to(package).parts[0], path) for path in sorted(package.rglob("*.py"))]
    # Inside src/autoevol, the folders of the top are links.
    own = [(folder, path) for folder, path in inside if folder not in (*_TOP, "experiments")]
    return own + [(folder, path) for folder in _TOP for path in sorted((_ROOT / folder).rglob("*.py"))]


def public(path: Path, kinds: tuple[type[ast.stmt], ...]) -> list[str]:
    """The public definitions of these kinds at the top of a module."""
    found = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, kinds)]
    return [name for node in found if not (name := getattr(node, "name", "_")).startswith("_")]


def clashes(named: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Names with more than one place, and these places."""
    places: dict[str, set[str]] = defaultdict(set)
    for name, place in named:
        places[name].add(place)
    return {name: sorted(where) for name, where in places.items() if len(where) > 1}


def functions() -> list[tuple[str, str, Path]]:
    """Name, folder and module of every public function; commands are named for the shell."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        (name, folder, path) for folder, path in modules() if folder != "cli" for name in public(path, kinds)
    ]


def test_no_two_public_classes_share_a_name() -> None:
    named = [(name, str(path)) for _, path in modules() for name in public(path, (ast.ClassDef,))]
    assert len(named) > 100, "the walk goes past the library"
    assert clashes(named) == {}


def test_no_public_function_is_named_in_two_folders() -> None:
    assert clashes((name, folder) for name, folder, _ in functions()) == {}


def test_what_says_nothing_by_itself_is_the_name_of_one_function() -> None:
    assert clashes((name, str(path)) for name, _, path in functions() if name in BARE) == {}


def test_a_clash_is_found(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("class Entry: ...\nclass _Own: ...\nasync def measure(): ...\n")
    paths = sorted(tmp_path.iterdir())
    named = [(name, path.name) for path in paths for name in public(path, (ast.ClassDef,))]
    assert clashes(named) == {"Entry": ["a.py", "b.py"]}
    assert [public(path, (ast.AsyncFunctionDef,)) for path in paths] == [["measure"], ["measure"]]
