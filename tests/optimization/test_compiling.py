"""What every optimizer of this package shares when it compiles."""

from __future__ import annotations

from typing import Any

from autoevol.core.records import Candidate, Method, Score, Step
from autoevol.optimization.compiling import compiled, with_reserve, without_repeats
from autoevol.programs.evolver import Evolver
from synthetic import MARKS, START, rows

A, B = Method("challenger a"), Method("challenger b")


def test_a_repeat_of_an_undecided_method_is_that_method() -> None:
    old = Method("Rewrite it, way 1, with care.")
    again = Candidate(Method("rewrite  it, way 1, with CARE."), "parent", "feedback")
    first, second = without_repeats([again, again], [START], [old])
    assert first.method == old
    assert first.feedback == "feedback"
    assert second.method is None
    (refused,) = without_repeats([again], [START, old])
    assert "repeats" in (refused.problem or "")


def test_methods_that_saw_few_rows_do_not_outrank_complete_ones() -> None:
    dev = rows(4)
    marks = [
        {row.id: MARKS[letter] for row, letter in zip(dev, seen, strict=False)}
        for seen in ("fpp", "ffp", "p")
    ]
    full = {dev[3].id: MARKS["p"]}
    scores = (
        Score(START.id, marks[1] | full),
        Score(A.id, marks[0] | full),
        Score(B.id, marks[2]),
    )
    step = Step(0, (), (), scores, A.id, improved=True)
    best: Any = compiled(Evolver(START), [step], {m.id: m for m in (START, A, B)}, "steps", {START.id, A.id})
    assert [entry["program"].method.id for entry in best.candidate_programs] == [A.id, START.id, B.id]
    assert best.score == 75.0


def test_compile_takes_the_reserve_from_train_or_as_given() -> None:
    train, dev = rows(60), rows(10, 100)
    left, reserve = with_reserve(train, dev, None, size=25, seed=1)
    assert (len(left), len(reserve)) == (35, 25)
    assert {row.id for row in [*left, *reserve]} == {row.id for row in train}
    assert with_reserve(rows(20), dev, None, size=25, seed=1) == (rows(20), [])
    assert with_reserve(train, dev, [*rows(2, 200), dev[0]], size=25, seed=1) == (train, rows(2, 200))
