"""The cleaner as a gate of a run: what repeats is refused, on record, and counted over resumes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from dspy import lm15
from dspy.lm15 import Request

from autoevol.dataset.benchmarks import Benchmarks
from autoevol.dataset.cleaner import Cleaner
from autoevol.evolution.gates import CleanGate
from autoevol.evolution.policy import Choice, Policy
from autoevol.lm.budget import Caps
from autoevol.lm.transport import Reply
from autoevol.testing import Answer
from evolving import METHOD, Bulk, is_evolution, number_of, rows, tagged

PLACES = (
    "harbour",
    "orchard",
    "museum",
    "quarry",
    "stable",
    "bakery",
    "tunnel",
    "library",
    "meadow",
    "foundry",
)
SEEDS = [
    f"row {number} Plan a day of work at the {place} for a crew of {number} people and list the tools"
    for number, place in enumerate(PLACES)
]
SAME = "Draw the route of a letter from a village in the hills to the capital and name every person on it"
EXAM = "How many crates does the ferry carry over the lake in a week if it never rests at noon on a Sunday"


def evolves(asked: Request) -> Answer:
    """Rows 2 and 5 become the same; row 3 becomes an item of a benchmark; the rest add a sentence."""
    number = number_of(asked)
    if not is_evolution(asked):
        return Reply(f"answer to row {number}", "stop", 1, 1)
    parent = (asked.messages[-1].text or "").rpartition("#Instruction#:\n")[2]
    text = {2: f"row 2 {SAME}", 5: f"row 5 {SAME}", 3: f"row 3 {EXAM}"}.get(number)
    return Reply(tagged(text or f"{parent} Also give a reason for choice {number} of {len(parent)}."))


def gate() -> CleanGate:
    return CleanGate(Cleaner(benchmarks=Benchmarks([("exam.jsonl, line 1", EXAM)])))


def test_what_is_refused_is_on_record_and_counted_over_resumes(tmp_path: Path) -> None:
    seeds = rows(*SEEDS, SEEDS[0].upper(), f"{SEEDS[1]} now")
    gates = [gate()]
    whole, cut = Bulk(tmp_path, evolves), tmp_path / "cut"
    cut.mkdir()
    tally = whole.run(seeds, gates=gates, concurrency=1, part_rows=2)
    assert tally.refused == {
        ("clean", "repeated"): 1,
        ("clean", "nearly repeated"): 2,
        ("clean", "shares 13 words with a benchmark"): 1,
    }
    reasons = {record["seed_id"]: record["reason"] for record in whole.rejected}
    assert reasons.keys() == {seeds[number].id for number in (3, 5, 10, 11)}
    assert reasons[seeds[3].id].startswith("clean: shares 13 words with a benchmark: exam.jsonl, line 1 (")
    assert reasons[seeds[5].id] == f"clean: nearly repeated: {seeds[2].id} (similarity 0.83)"
    assert len(whole.transport.requests) == 8 * 2 + 2, "what a gate refuses is not answered, or not evolved"

    paid = 0
    for calls in (7, 5, 1000):
        part = Bulk(cut, evolves)
        again = part.run(seeds, gates=[gate()], concurrency=1, part_rows=2, caps=Caps(calls=paid + calls))
        paid += len(part.transport.requests)
    assert again.refused == tally.refused
    assert Bulk(cut, evolves).kept == whole.kept
    assert Bulk(cut, evolves).rejected == whole.rejected


def test_rounds_of_one_row_may_be_alike_and_are_still_held_against_others(tmp_path: Path) -> None:
    """Round 2 is like round 1, which the other row's text is not like enough to be refused for."""
    last = SAME.split()

    def grown(asked: Request) -> Answer:
        if not is_evolution(asked):
            return f"answer to row {number_of(asked)}"
        text = asked.messages[-1].text or ""
        if number_of(asked) == 1 or "first" in text:
            return tagged(" ".join(["row", str(number_of(asked)), *last[:-1], "both", "second", "third"]))
        return tagged(" ".join(["row", "0", *last, "first"]))

    bulk, cleaning = Bulk(tmp_path, grown), gate()
    two = Policy((Choice("plain", METHOD, 1.0),), rounds=2)
    bulk.run(rows("row 0 short", "row 1 brief"), two, gates=[cleaning], concurrency=1, keep="all")
    assert Counter(record["seed_id"] for record in bulk.kept) == {rows("row 0 short")[0].id: 2}
    assert [record["fate"] for record in bulk.rejected] == ["gated"]


def test_a_process_that_resumes_remembers_texts_and_counts_nothing() -> None:
    cleaner = Cleaner(benchmarks=Benchmarks())
    told = CleanGate(cleaner)
    told.remember(SEEDS[0], seed_id="a", round=0)
    told.remember(SAME, seed_id="a", round=1)
    assert not cleaner.removed
    assert told.check(f"{SEEDS[0]} now", seed_id="b", round=0) is not None
    assert told.check(f"{SAME} now", seed_id="b", round=1) is not None
    assert told.check(f"{SAME} now", seed_id="a", round=2) is None
    assert told.report()["near"] == 0.8


def test_the_same_question_after_other_turns_is_another_one() -> None:
    """Live, and in a process that was only told of the first."""
    asked, told = gate(), gate()
    for number, first in ((0, SEEDS[0]), (1, SAME)):
        assert asked.check(first, seed_id="a", round=number, context="About rivers.") is None
        told.remember(first, seed_id="a", round=number, context="About rivers.")
        for judge in (asked, told):
            same = judge.check(f"{first} now", seed_id="b", round=number, context="About rivers.")
            assert same is not None
            assert judge.check(f"{first} now", seed_id="c", round=number, context="About hills.") is None
    assert asked.check(SEEDS[0], seed_id="d", round=1, context="About rivers.") is not None, "the seed of a"
    assert asked.check(SEEDS[5], seed_id="e", round=0, context=EXAM) is not None, "a turn is a benchmark's"


def test_a_rewrite_whose_response_was_lost_is_still_held_against_others(tmp_path: Path) -> None:
    def serve(asked: Request) -> Answer:
        lost = number_of(asked) == 2 and not is_evolution(asked)
        return lm15.ServerError("bad gateway") if lost else evolves(asked)

    seeds, bulk = rows(*SEEDS), Bulk(tmp_path, serve)
    bulk.run(seeds[:3], gates=[gate()], part_rows=3)
    (dead,) = bulk.dead
    assert dead["instruction"] == f"row 2 {SAME}"
    tally = bulk.run(seeds, gates=[gate()], part_rows=3)
    assert tally.refused["clean", "nearly repeated"] == 1, "by a process that was told of it only"
