"""What is installed: everything under `autoevol`, nothing generic, and nothing that a link breaks."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import autoevol

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = ("programs", "signatures", "metrics", "experiments")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy without the links, as a zip download would give it."""
    copy = tmp_path_factory.mktemp("source") / "autoevol"
    kept = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in kept:
        if not (ROOT / name).is_symlink() and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(out),
            str(copy),
        ],
        check=True,
    )
    (found,) = out.glob("*.whl")
    return found


@pytest.mark.slow
def test_the_wheel_holds_every_module_under_one_name(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info" not in name}
    assert {name.split("/")[0] for name in names} == {"autoevol"}
    sources = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*.py")}
    sources |= {f"autoevol/{folder}/{p.relative_to(ROOT / folder).as_posix()}" for folder in FOLDERS
                for p in (ROOT / folder).rglob("*.py")}  # fmt: skip
    assert {name for name in names if name.endswith(".py")} == sources
    assert {"autoevol/py.typed", "autoevol/samples/seeds.jsonl"} <= names


@pytest.mark.slow
def test_the_wheel_works_without_the_source_tree(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "import autoevol, autoevol.programs.evolver as e; print(e.__file__, autoevol.Evolver().method.id)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); {code}"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(tmp_path) in done.stdout


def test_every_folder_with_modules_is_a_listed_package() -> None:
    """One that is missing works in an editable install and fails in a wheel."""
    folders = {path.parent.relative_to(ROOT / "src") for path in (ROOT / "src").rglob("*.py")}
    folders |= {Path("autoevol") / path.parent.relative_to(ROOT) for name in FOLDERS
                for path in (ROOT / name).rglob("*.py")}  # fmt: skip
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(".".join(f.parts) for f in folders)


def test_the_version_is_the_same_everywhere() -> None:
    assert PROJECT["project"]["version"] == autoevol.__version__
    assert f"## {autoevol.__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert f"version: {autoevol.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_lock_names_no_address() -> None:
    for name in ("requirements.lock", "requirements-model.lock"):
        assert "://" not in (ROOT / name).read_text()
