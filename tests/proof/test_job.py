"""`prove` from data to verdict, with a student that needs no PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autoevol.core.errors import InputError
from autoevol.pages.folder_page import page_of
from autoevol.proof.job import collect, prove
from autoevol.proof.plan import frozen
from autoevol.reports.folder import read_folder
from autoevol.reports.proof import ProofVerdict
from command_line import command, summary
from proving import CountingStudent, pair_file

SMALL: dict[str, Any] = {"heldout": 12, "seeds": 3, "steps": 4, "step_tokens": 60, "rates": (0.1, 0.4)}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, str]:
    """Data that teaches topics, and seeds that teach fewer words of them."""
    found = pair_file(tmp_path / "found.jsonl", range(100, 150))
    return found, f"seeds={pair_file(tmp_path / 'seeds.jsonl', range(60), ' and so on and on')}"


def test_from_data_to_a_verdict(files: tuple[Path, str], tmp_path: Path) -> None:
    found, seeds = files
    student, out = CountingStudent(), tmp_path / "proof"
    done = prove(found, out, against=[seeds], make_student=lambda *_: student, **SMALL)
    conclusion = done.report.conclusion
    assert not conclusion.void
    assert conclusion.verdict("shuffled") is ProofVerdict.WORSE
    assert done.report.rate == 0.4
    # A look at the pace, two rates, three arms with three seeds.
    assert len(student.trained) == 1 + 2 + 9
    assert set(conclusion.means["found"]) == {"heldout_nll", "choice"}
    assert "verdict" not in dict(done.report.table_rows())
    assert read_folder(out).report == done.report
    verdict = page_of(out).verdict
    assert verdict.startswith("Beside a model tuned on the seeds: found ")
    assert "shuffled worse (gain -" in verdict
    assert verdict.endswith("nats a token).")
    assert summary(command("show", out, "--json"))["proof"]["plan"] == done.report.plan


def test_no_finished_student_is_tuned_again_wherever_it_was_stopped(
    files: tuple[Path, str], tmp_path: Path
) -> None:
    found, seeds = files
    whole = prove(
        found, tmp_path / "whole", against=[seeds], make_student=lambda *_: CountingStudent(), **SMALL
    )
    out, finished = tmp_path / "proof", 0
    stopped, done = 0, None
    while done is None:
        student = CountingStudent(stop_after=3)
        try:
            done = prove(found, out, against=[seeds], make_student=lambda *_, made=student: made, **SMALL)
        except KeyboardInterrupt:
            now = len(list((out / "tuned").glob("*.json")))
            assert now >= finished
            finished, stopped = now, stopped + 1
            assert stopped < 20
    assert done.report.conclusion == whole.report.conclusion


def test_a_changed_plan_is_refused(files: tuple[Path, str], tmp_path: Path) -> None:
    found, seeds = files
    with pytest.raises(KeyboardInterrupt):
        prove(found, tmp_path / "p", against=[seeds], make_student=lambda *_: CountingStudent(0), **SMALL)
    plan = frozen(tmp_path / "p")
    with pytest.raises(InputError, match=r"other settings.*steps"):
        prove(
            found,
            tmp_path / "p",
            against=[seeds],
            make_student=lambda *_: CountingStudent(),
            **{**SMALL, "steps": 5},
        )
    assert frozen(tmp_path / "p") == plan


def test_a_proof_that_lacks_students_is_not_concluded(files: tuple[Path, str], tmp_path: Path) -> None:
    found, seeds = files
    with pytest.raises(KeyboardInterrupt):
        prove(found, tmp_path / "p", against=[seeds], make_student=lambda *_: CountingStudent(4), **SMALL)
    with pytest.raises(InputError, match="lacks 8 of 10 students"):
        collect(tmp_path / "p")


def test_exact_answers_are_compared(files: tuple[Path, str], tmp_path: Path) -> None:
    found, seeds = files
    options = {**SMALL, "exact": 5}
    done = prove(found, tmp_path / "p", against=[seeds], make_student=lambda *_: CountingStudent(), **options)
    assert 0 <= done.report.conclusion.means["found"]["exact"] <= 1


def test_arms_of_a_file_cannot_be_made(files: tuple[Path, str], tmp_path: Path) -> None:
    done = command("prove", files[0], "--against", "ops", "--out", tmp_path / "p")
    assert done.exit_code == 2
    assert "only a run folder says how to make seeds, ops" in done.stderr
    assert command("prove", files[0], "--recipe", "trk", "--out", tmp_path / "p").exit_code == 2
    assert command("prove", files[0], "--against", files[1]).exit_code == 2
