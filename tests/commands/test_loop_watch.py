"""What a step of the optimisation is at, from the rows that it runs."""

from __future__ import annotations

from autoevol.commands.loop_watch import LoopWatch, rows_left
from autoevol.config import LoopConfig
from autoevol.core.progress import Silent
from autoevol.core.records import Case, Outcome, Row, Step, Verdict
from autoevol.core.status import StepStatus
from autoevol.data.split import Split
from autoevol.optimization.rules import find_rule
from autoevol.store.journal import MemoryJournal

TRAIN = [Row(f"t{n}", f"Task {n}.") for n in range(4)]
CONFIG = LoopConfig(steps=2, m=3, batch_size=2, dev_size=2)


class Heard(Silent):
    """Keeps what the loop is said to be at."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def at(self, step: StepStatus) -> None:
        self.told.append(str(step))


def case(row_id: str) -> Case:
    return Case(row_id, Verdict(Outcome.PASSED))


def step(number: int) -> Step:
    return Step(number, (), (), (), "m", improved=False, note="")


def test_every_part_of_a_step_is_told() -> None:
    heard = Heard()
    watch = LoopWatch(heard, CONFIG, TRAIN, starts=2)
    for method, row in [("a", "d0"), ("b", "d0"), ("a", "d1")]:
        watch.row(method, case(row))
    watch.step(step(0))
    for method, row in [("a", "t0"), ("a", "t1"), ("a", "d0"), ("x", "d0"), ("a", "d1")]:
        watch.row(method, case(row))
    watch.step(step(1))
    watch.row("x", case("t2"))
    watch.step(step(2))
    watch.row("a", case("d9"))
    assert heard.told == [
        "starting methods, scoring method 1 of at most 2",
        "starting methods, scoring method 2 of at most 2",
        "starting methods, scoring method 1 of at most 2",
        "step 1 of at most 2",
        "step 1 of at most 2, evolving a mini-batch",
        "step 1 of at most 2, rewriting the method",
        "step 1 of at most 2, scoring method 1 of at most 4",
        "step 1 of at most 2, scoring method 2 of at most 4",
        "step 1 of at most 2, scoring method 1 of at most 4",
        "step 2 of at most 2",
        "step 2 of at most 2, evolving a mini-batch",
        "step 2 of at most 2",
        "confirming the last method",
    ]


def test_where_rows_may_be_of_either_kind_only_steps_are_told() -> None:
    heard = Heard()
    watch = LoopWatch(heard, CONFIG, None, starts=1)
    watch.step(step(0))
    watch.row("a", case("t0"))
    assert heard.told == ["step 1 of at most 2", "step 1 of at most 2"]


def test_what_may_still_be_run_gets_less_with_every_step_of_the_journal() -> None:
    dev = tuple(Row(f"d{n}", f"Dev task {n}.") for n in range(2))
    split, journal, rule = Split(tuple(TRAIN), dev, ()), MemoryJournal(), find_rule("paper")
    left = [rows_left(CONFIG, rule, split, 2, journal)]
    for number in range(3):
        journal.append(step(number))
        left.append(rows_left(CONFIG, rule, split, 2, journal))
    # Two starts on two dev rows; then a batch of two and three rewrites on two dev rows for each step.
    assert left == [4 + 2 * 8, 2 * 8, 8, 0]
