"""Invariants of the optimisation loop that is stopped and goes on; the world is that of `test_invariants`."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from dspy.lm15 import Request

from autoevol.lm.budget import Caps
from autoevol.testing import Answer
from synthetic import SMALL, START, Run, endless, kind_of, optimise, tagged

# 7. A budget stops the run cleanly and resumes where it stopped.


@pytest.mark.parametrize("calls", [0, 1, 19, 20, 21, 27, 60, 130, 219, 220])
def test_7_the_budget_is_kept_to_the_call_and_the_best_so_far_comes_back(
    whole: tuple[Run, Path], tmp_path: Path, calls: int
) -> None:
    uncut, _ = whole
    needed = len(uncut.transport.requests)
    cut = optimise(tmp_path / "cut", SMALL, endless, caps=Caps(calls=calls))
    assert len(cut.transport.requests) == min(calls, needed)
    assert cut.best.stopped == ("budget" if calls < needed else "steps")
    assert uncut.journal.startswith(cut.journal)
    steps = list(cut.best.trial_logs.values())
    assert cut.best.method.id == (steps[-1].chosen_id if steps else START.id)

    rest = optimise(tmp_path / "cut", SMALL, endless)
    assert rest.journal == uncut.journal
    assert rest.best.method == uncut.best.method
    assert len(cut.transport.requests) + len(rest.transport.requests) == needed


# 8. An interrupted run goes on after its last finished step, and pays for nothing twice.


@pytest.mark.parametrize("kept", range(SMALL.steps + 2))
def test_8_a_journal_cut_after_any_step_resumes_to_the_same_run(
    whole: tuple[Run, Path], tmp_path: Path, kept: int
) -> None:
    uncut, folder = whole
    shutil.copy(folder / "calls.sqlite", tmp_path)
    cut_journal(uncut, tmp_path, kept)
    again = optimise(tmp_path, SMALL, endless)
    assert again.journal == uncut.journal
    assert again.best.method == uncut.best.method
    assert again.stepped == list(range(SMALL.steps + 1))
    assert again.transport.requests == []


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_8_the_journal_alone_spares_the_calls_of_its_steps(
    whole: tuple[Run, Path], tmp_path: Path, kept: int
) -> None:
    cut_journal(whole[0], tmp_path, kept)
    again = optimise(tmp_path, SMALL, endless)  # with an empty call store
    assert again.journal == whole[0].journal
    per_step = 2 * (3 + 2 * 10) + 4
    assert len(again.transport.requests) == (20 if kept == 0 else 0) + per_step * (
        SMALL.steps - max(0, kept - 1)
    )


def cut_journal(run: Run, folder: Path, kept: int) -> None:
    lines = run.journal.splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join(lines[:kept]))
    (folder / "journal.last").unlink(missing_ok=True)  # it would bring the last line back


def sampled_world() -> Callable[[Request], Answer]:
    """A world where sampled responses really vary: the n-th identical request has another answer."""
    seen: Counter[str] = Counter()

    def script(request: Request) -> Answer:
        text = request.messages[-1].text or ""
        answer = endless(request)
        if kind_of(request) == "evolve":
            # Every method evolves a task into the same text, so responses are asked again and again.
            return tagged("final_instruction", f"Task {text.rpartition('Task ')[2]} [strength 5]")
        if kind_of(request) == "respond":
            seen[text] += 1
            return "Please provide more." if seen[text] % 2 else f"Answer {seen[text]}."
        return answer

    return script


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_8_a_resumed_run_draws_the_samples_that_it_would_have_drawn(tmp_path: Path, kept: int) -> None:
    hot = {"temperature": 1.0}
    uncut = optimise(tmp_path, SMALL, sampled_world(), sampling=hot)
    cut_journal(uncut, tmp_path, kept)
    again = optimise(tmp_path, SMALL, sampled_world(), sampling=hot)
    assert again.transport.requests == []
    assert again.journal == uncut.journal
