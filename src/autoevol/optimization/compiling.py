"""What every teleprompter of evolving methods needs: rows, batches, checked proposals, a program."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from autoevol.core.errors import InputError, MethodError
from autoevol.core.records import Candidate, Mark, Method, Outcome, Row, Score, Step, digest
from autoevol.core.seeds import derived_random
from autoevol.data.split import reserve_of, split_rows
from autoevol.optimization.first_look import FirstLook
from autoevol.programs.evolver import Evolver
from autoevol.programs.propose import check_new, says_the_same


@dataclass(frozen=True)
class Optimized:
    """What the optimisation stage found.

    Attributes:
        before: The first starting method.
        chosen: The method in force at the end.
        steps: All steps.
        stopped: steps, patience, solved, budget or share; without a step `not worth it`, `no full step` or
            `never`.
        holdout: Scores of `before` and `chosen` on the holdout; None where the budget did not
            reach that far.
        split: Sizes of train, dev, reserve and holdout.
        look: What was seen before the first step; None where no look was taken.
    """

    before: Method
    chosen: Method
    steps: tuple[Step, ...]
    stopped: str
    holdout: tuple[Score | None, Score | None]
    split: dict[str, int]
    look: FirstLook | None = None


class BatchSampler(Protocol):
    """Draws the mini-batch of a step. A pure function of its arguments."""

    def draw(self, rows: Sequence[Row], size: int, step: int, seed: int) -> tuple[Row, ...]:
        """At most `size` distinct rows of `rows`."""
        ...


class RandomBatches:
    """Every step draws anew, without replacement within a step (the paper's sampling)."""

    def draw(self, rows: Sequence[Row], size: int, step: int, seed: int) -> tuple[Row, ...]:
        """See `BatchSampler`."""
        return tuple(derived_random(seed, step).sample(list(rows), min(size, len(rows))))


def train_and_dev(
    trainset: Sequence[Any], valset: Sequence[Any] | None, *, dev_size: int, seed: int
) -> tuple[list[Row], list[Row]]:
    """Rows of what a user passes to `compile`: rows, texts, or examples or dicts with an `instruction`.

    Without a valset, `dev_size` rows (half of them at most) are set aside by a seeded
    permutation.

    Raises:
        InputError: If there is not at least one train and one dev row, or one has no instruction.
    """
    train, dev = _rows(trainset), _rows(valset or ())
    if not dev:
        split = split_rows(train, dev=min(dev_size, len(train) // 2), holdout=0, seed=seed)
        train, dev = list(split.train), list(split.dev)
    if not train or not dev:
        raise InputError(f"need at least one train and one dev row, got {len(train)} and {len(dev)}")
    return train, dev


def with_reserve(
    train: list[Row], dev: list[Row], given: Sequence[Any] | None, *, size: int, seed: int
) -> tuple[list[Row], list[Row]]:
    """Train and reserve rows: those `given`, else up to `size` of `train`, by a seeded permutation."""
    if given is not None:
        known = {row.id for row in dev}
        return train, [row for row in _rows(given) if row.id not in known]
    count = reserve_of(len(train), len(dev), size)
    if not count:
        return train, []
    split = split_rows(train, dev=0, holdout=0, seed=seed, reserve=count)
    return list(split.train), list(split.reserve)


def _rows(given: Sequence[Any]) -> list[Row]:
    """Repeated instructions count once."""
    if isinstance(given, str | os.PathLike) or not isinstance(given, Iterable):
        raise InputError(
            f"a trainset is a list of rows or examples, not a {type(given).__name__}; "
            "`autoevol.load_rows(path).rows` reads one from a file"
        )
    rows = map(_row, given)
    return list({row.id: row for row in rows}.values())


def _row(item: Any) -> Row:  # noqa: ANN401 (what a user passes)
    if isinstance(item, Row):
        return item
    fields = item if isinstance(item, Mapping) else {"instruction": getattr(item, "instruction", item)}
    text = fields.get("instruction")
    if not isinstance(text, str) or not text.strip():
        raise InputError(
            "a trainset holds rows, texts, or examples or dicts with an `instruction`; "
            f"this is none: {item!r:.80}"
        )
    return Row(digest(text), text)


def without_repeats(
    candidates: Iterable[Candidate], known: Iterable[Method], undecided: Sequence[Method] = ()
) -> list[Candidate]:
    """The candidates in order; one that repeats a known method or an earlier one loses its method.

    One that says the same as an `undecided` method, which was dropped before it was scored in
    full, comes again as that method, and with the marks that it has.
    """
    seen, checked = list(known), []
    for candidate in candidates:
        if (method := candidate.method) is not None:
            method = next((other for other in undecided if says_the_same(other, method)), method)
            try:
                check_new(method, seen)
            except MethodError as error:
                candidate = replace(candidate, method=None, problem=str(error))
            else:
                candidate = replace(candidate, method=method)
                seen.append(method)
        checked.append(candidate)
    return checked


def compiled(
    student: Evolver,
    steps: Sequence[Step],
    methods: Mapping[str, Method],
    stopped: str,
    decided: Collection[str],
) -> Evolver:
    """The student with the method that the last step chose, and DSPy's usual attributes.

    These are `candidate_programs` (the chosen one, then the others of the ids `decided`, then
    those dropped before, each best first; score 0..100, higher is better), `trial_logs` (by
    step), `score` (None if the method was scored on no row), and `stopped`. Scores are over all rows
    of all steps, so that rows drawn anew pull a lucky one down.
    """
    latest = total_scores(steps)
    chosen = methods[steps[-1].chosen_id] if steps else student.method
    best: Any = student.with_method(chosen)  # DSPy hangs its results on the program
    ranked = sorted(
        latest.values(),
        key=lambda score: (score.method_id != chosen.id, score.method_id not in decided, score.loss),
    )
    best.candidate_programs = [
        {"score": _percent(score), "program": student.with_method(methods[score.method_id])}
        for score in ranked
    ]
    best.trial_logs = {step.number: step for step in steps}
    found = latest.get(chosen.id)
    is_scored = found is not None and found.count(Outcome.UNSCORED) < len(found.marks)
    best.score = _percent(found) if found and is_scored else None
    best.stopped = stopped
    return best


def total_scores(steps: Iterable[Step]) -> dict[str, Score]:
    """By method id, all marks of all steps; where a row was marked again, the later mark."""
    marks: dict[str, dict[str, Mark]] = {}
    for step in steps:
        for score in step.scores:
            marks.setdefault(score.method_id, {}).update(score.marks)
    return {method_id: Score(method_id, found) for method_id, found in marks.items()}


def decided_methods(steps: Sequence[Step], row_sets: Iterable[Collection[str]]) -> set[str]:
    """Ids of the methods whose marks cover all rows of at least one of `row_sets`."""
    wanted = [set(row_ids) for row_ids in row_sets if row_ids]
    return {
        method_id
        for method_id, score in total_scores(steps).items()
        if any(score.covers(row_ids) for row_ids in wanted)
    }


def steps_made(steps: Iterable[Step]) -> int:
    """Steps that tried rewrites: all but step 0 and a confirmation."""
    return sum(step.number > 0 and not is_confirmation(step) for step in steps)


def is_confirmation(step: Step) -> bool:
    """Whether a step only held the last method against the first: every other one reads a mini-batch."""
    return step.number > 0 and not step.batch_ids


def _percent(score: Score) -> float:
    return round(100.0 * (1.0 - score.loss), 2)
