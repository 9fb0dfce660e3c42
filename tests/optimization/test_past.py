"""What finished steps tell the next rewrites, on steps whose scores are written by hand."""

from __future__ import annotations

from autoevol.core.records import Candidate, FailureKind, Mark, Method, Outcome, Score, Step
from autoevol.optimization.past import COMBINED, Past
from autoevol.programs.analyze import OtherRewrites
from autoevol.programs.track_record import TrackRecord, TriedChange

START = Method("Make it harder.", name="start")
BRAVE = Method("Make it harder. Be brave.")
BRIEF = Method("Make it harder. Be brief.")
BOTH = Method("Make it harder. Be brave. Be brief.")
CALM = Method("Make it harder. Be brave. Be calm.")
METHODS = {method.id: method for method in (START, BRAVE, BRIEF, BOTH, CALM)}
MARKS = {
    "p": Mark(Outcome.PASSED),
    "r": Mark(Outcome.FAILED, FailureKind.REFUSED),
    "l": Mark(Outcome.FAILED, FailureKind.LEAKED),
    "u": Mark(Outcome.UNSCORED),
}


def score(method: Method, marks: str, first: int = 0) -> Score:
    """One letter of `MARKS` per row, from row number `first` on."""
    return Score(method.id, {str(number): MARKS[mark] for number, mark in enumerate(marks, first)})


def step(number: int, parent: Method, chosen: Method, *scores: Score, said: str = "") -> Step:
    ids = [found.method_id for found in scores[1:]]
    candidates = tuple(Candidate(METHODS[method_id], parent.id, said) for method_id in ids)
    return Step(number, (), candidates, scores, chosen.id, chosen.id != parent.id)


FIRST = step(0, START, START, score(START, "rlpp"))
# Of four rows, one more each: "Be brave." cures two and breaks one, "Be brief." cures one.
SECOND = step(1, START, BRAVE, score(START, "rlrpp", 4), score(BRAVE, "pprrp", 4), score(BRIEF, "prupp", 4))


def past(*steps: Step) -> Past:
    return Past(steps, METHODS)


def test_a_change_is_held_against_the_method_without_it() -> None:
    told = past(FIRST, SECOND).record(changes=9, kinds=False)
    assert told == TrackRecord(
        [
            TriedChange("Be brave.", "", 2, 1, 5, kept=True),
            TriedChange("Be brief.", "", 1, 0, 4),  # a row lost to the network counts for neither
        ]
    )
    assert past(FIRST, SECOND).record(changes=1, kinds=False).changes == told.changes[1:]
    assert past(FIRST, SECOND).record(changes=0, kinds=False) == TrackRecord([])


def test_the_same_change_again_adds_up_and_is_told_last() -> None:
    third = step(2, BRAVE, BRAVE, score(BRAVE, "rrr", 9), score(CALM, "ppr", 9), score(BOTH, "rrp", 9))
    told = past(FIRST, SECOND, third).record(changes=9, kinds=False).changes
    assert [(a.added, a.cured, a.broken, a.rows) for a in told] == [
        ("Be brave.", 2, 1, 5),
        ("Be calm.", 2, 0, 3),
        ("Be brief.", 2, 0, 7),
    ]


def test_what_a_race_dropped_has_no_counts_and_is_no_partner() -> None:
    # On rows that the method in force failed, whoever is looked at can only cure.
    third = step(2, BRAVE, BRAVE, score(BRAVE, "rrpp", 9), score(CALM, "pp", 9), score(BOTH, "prpp", 9))
    told = past(FIRST, third)
    assert told.record(changes=9, kinds=False).changes == [
        TriedChange("Be calm.", "", dropped=1),
        TriedChange("Be brief.", "", 1, 0, 4),
    ]
    assert told.partner() == BOTH
    lost = step(2, BRAVE, BRAVE, score(BRAVE, "rrpu", 9), score(CALM, "ppp", 9))
    assert past(FIRST, lost).record(changes=9, kinds=False).changes == [TriedChange("Be calm.", "", 2, 0, 3)]


def test_kinds_are_counted_over_all_steps_for_the_method_in_force_alone() -> None:
    again = step(2, BRAVE, BRAVE, score(BRAVE, "llpu", 9), score(CALM, "rrrr", 9))
    told = past(FIRST, SECOND, again).record(changes=0, kinds=True)
    assert told.failures == {FailureKind.REFUSED: 2, FailureKind.LEAKED: 2}
    assert told.rows == 8


def test_a_row_is_stubborn_if_the_other_methods_of_the_last_step_failed_it_too() -> None:
    assert past(FIRST).others() == {}
    told = past(FIRST, SECOND).others()
    assert told == {
        "4": OtherRewrites(2, 1),
        "5": OtherRewrites(2, 2),
        "6": OtherRewrites(1, 1),
        "7": OtherRewrites(2, 0),
        "8": OtherRewrites(2, 0),
    }


def test_the_partner_is_the_best_rewrite_that_never_came_into_force() -> None:
    assert past(FIRST).partner() is None
    assert past(FIRST, SECOND).partner() == BRIEF
    better = step(2, BRAVE, BRAVE, score(BRAVE, "rrr", 9), score(CALM, "ppr", 9))
    assert past(FIRST, SECOND, better).partner() == CALM
    worse = step(2, BRAVE, BRAVE, score(BRAVE, "rpp", 9), score(CALM, "prr", 9))
    assert past(FIRST, SECOND, worse).partner() == BRIEF


def test_two_methods_are_combined_once_and_none_with_what_it_says_already() -> None:
    said = f"{COMBINED} {BRIEF.id}, which did good."
    combined = step(2, BRAVE, BRAVE, score(BRAVE, "rrp", 9), score(BOTH, "ppr", 9), said=said)
    assert past(FIRST, SECOND, combined).partner() == BOTH
    adopted = step(3, BRAVE, BOTH, score(BRAVE, "rrp", 12), score(BOTH, "ppp", 12))
    # The new method in force says all that the others say.
    assert past(FIRST, SECOND, combined, adopted).partner() is None


def test_a_failed_combination_is_not_asked_for_again() -> None:
    failed = Candidate(None, BRAVE.id, f"{COMBINED} {BRIEF.id}, which did good.", problem="marks no method")
    third = Step(2, (), (failed,), (score(BRAVE, "rrp", 9),), BRAVE.id, False)
    assert past(FIRST, SECOND, third).partner() is None
