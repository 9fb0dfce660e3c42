"""What every teleprompter of evolving methods needs: rows in, proposals checked, a program out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from autoevol.data.split import split_rows
from autoevol.errors import InputError, MethodError
from autoevol.programs.evolver import Evolver
from autoevol.programs.propose import check_new
from autoevol.records import Candidate, Method, Row, Score, Step, digest


def train_and_dev(
    trainset: Sequence[Any], valset: Sequence[Any] | None, *, dev_size: int, seed: int
) -> tuple[list[Row], list[Row]]:
    """Rows of what a user passes to `compile`: rows or examples with an `instruction`.

    Without a valset, `dev_size` rows (half of them at most) are set aside by a seeded
    permutation.

    Raises:
        InputError: If there is not at least one train and one dev row.
    """
    train, dev = _rows(trainset), _rows(valset or ())
    if not dev:
        split = split_rows(train, dev=min(dev_size, len(train) // 2), holdout=0, seed=seed)
        train, dev = list(split.train), list(split.dev)
    if not train or not dev:
        raise InputError(f"need at least one train and one dev row, got {len(train)} and {len(dev)}")
    return train, dev


def _rows(given: Sequence[Any]) -> list[Row]:
    """Repeated instructions count once."""
    rows = [
        item if isinstance(item, Row) else Row(digest(item.instruction), item.instruction) for item in given
    ]
    return list({row.id: row for row in rows}.values())


def without_repeats(candidates: Iterable[Candidate], known: Iterable[Method]) -> list[Candidate]:
    """The candidates in order; one that repeats a known method or an earlier one loses its method."""
    seen, checked = list(known), []
    for candidate in candidates:
        if candidate.method is not None:
            try:
                check_new(candidate.method, seen)
            except MethodError as error:
                candidate = Candidate(None, candidate.parent_id, candidate.feedback, str(error))
            else:
                seen.append(candidate.method)
        checked.append(candidate)
    return checked


def compiled(student: Evolver, steps: Sequence[Step], methods: Mapping[str, Method], stopped: str) -> Evolver:
    """The student with the method that the last step chose, and DSPy's usual attributes.

    These are `candidate_programs` (best first; score 0..100, higher is better), `trial_logs`
    (by step), `score` (None if the method was never scored), and `stopped`.
    """
    latest: dict[str, Score] = {score.method_id: score for step in steps for score in step.scores}
    chosen = methods[steps[-1].chosen_id] if steps else student.method
    best: Any = student.with_method(chosen)  # DSPy hangs its results on the program
    ranked = sorted(latest.values(), key=lambda score: (score.rate, score.method_id != chosen.id))
    best.candidate_programs = [
        {"score": _percent(score), "program": student.with_method(methods[score.method_id])}
        for score in ranked
    ]
    best.trial_logs = {step.number: step for step in steps}
    best.score = _percent(latest[chosen.id]) if chosen.id in latest else None
    best.stopped = stopped
    return best


def _percent(score: Score) -> float:
    return round(100.0 * (1.0 - score.rate), 2)
