"""Rows through several rounds: what becomes a parent, what is kept, and what is on record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from dspy import lm15
from dspy.lm15 import Request

from autoevol.core.records import FailureKind, Message, Outcome, Row, Trajectory, Verdict, digest
from autoevol.evolution.lineage import Fate, Lineage, decode_lineage, encode_lineage
from autoevol.evolution.policy import Choice, Policy
from autoevol.lm.budget import Caps
from autoevol.lm.transport import Reply
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.judge import decide
from autoevol.programs.operations import IN_DEPTH, MUTATE
from autoevol.store.parts import Parts
from autoevol.testing import Answer
from evolving import METHOD, ONE_ROUND, Bulk, Judge, evolves, is_evolution, rows, tagged

THREE = replace(ONE_ROUND, rounds=3)


def lineages(bulk: Bulk) -> list[Lineage]:
    return [decode_lineage(line) for line in Parts(bulk.folder / "parts", None).lines()]


def fails_in(*calls: int) -> Callable[[Request], Answer]:
    """Evolves; the evolutions of these numbers (from 0) are refused by the judge."""
    count = -1

    def serve(asked: Request) -> Answer:
        nonlocal count
        if not is_evolution(asked):
            return evolves(asked)
        count += 1
        instruction = (asked.messages[-1].text or "").rpartition("#Instruction#:\n")[2]
        return tagged(f"{'refuse' if count in calls else f'v{count}'} {instruction}")

    return serve


def test_a_round_that_failed_returns_its_parent_to_the_pool(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, fails_in(1))
    bulk.run(rows("row 0"), THREE)
    (record,) = bulk.kept
    assert record["stages"] == ["row 0", "v0 row 0", "v2 v0 row 0"]
    assert (record["round"], record["rounds"]) == (3, 2)
    (lineage,) = lineages(bulk)
    first, failed, last = lineage.rounds
    assert [step.fate for step in lineage.rounds] == [Fate.PASSED, Fate.FAILED, Fate.PASSED]
    assert first.parent_id == lineage.row.id
    assert failed.parent_id == last.parent_id == first.id
    assert (failed.kinds, failed.reason) == ((FailureKind.REFUSED,), "refused")
    assert failed.reply is not None
    assert first.reply is None
    assert decode_lineage(encode_lineage(lineage)) == lineage


def test_a_dropped_row_ends_with_its_failure_and_keeps_what_passed(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, fails_in(1))
    tally = bulk.run(rows("row 0"), replace(THREE, drop=True))
    assert [record["stages"] for record in bulk.kept] == [["row 0", "v0 row 0"]]
    assert tally.fates == {Fate.PASSED: 1, Fate.FAILED: 1}


def test_fresh_samples_in_the_same_round(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, fails_in(0, 1, 3, 4, 5))
    bulk.run(rows("row 0"), replace(THREE, rounds=2, retries=2))
    (lineage,) = lineages(bulk)
    assert [(step.round, step.attempt) for step in lineage.rounds] == [
        (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2),
    ]  # fmt: skip
    assert [record["round"] for record in bulk.kept] == [1]
    asked = [str(request.messages[0].text) for request in bulk.transport.requests if is_evolution(request)]
    assert len(asked) == 6, "the same request again is a sample of its own"
    assert len(set(asked)) == 2


def test_a_row_that_never_passes_is_rejected_once(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, fails_in(0, 1, 2))
    tally = bulk.run(rows("row 0"), THREE)
    (record,) = bulk.rejected
    assert (record["fate"], record["attempts"], record["round"]) == ("failed", 3, 3)
    assert tally.kinds == {"refused": 1}


def test_all_rounds_can_be_kept(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, fails_in(1))
    tally = bulk.run(rows("row 0"), THREE, keep="all")
    assert [record["round"] for record in bulk.kept] == [1, 3]
    assert len({record["id"] for record in bulk.kept}) == 2
    assert tally.written == 2
    assert tally.outcomes == {Outcome.PASSED: 1}


def test_the_best_round_is_the_most_complex(tmp_path: Path) -> None:
    def serve(asked: Request) -> Answer:
        text = str(asked.messages[-1].text)
        if "version 1" in text:
            shown = text[text.index("version 1") :]
            # v1 is the second round's; give it the highest score wherever it stands.
            places = [shown.index("\nv0 row"), shown.index("\nv1 "), shown.index("\nv2 ")]
            ranks = sorted(places)
            scores = ["?"] * 3
            for version, place in enumerate(places):
                scores[ranks.index(place)] = "9" if version == 1 else "4"
            return f"[[ ## scores ## ]]\n{', '.join(scores)}\n\n[[ ## completed ## ]]"
        return script(asked)

    script = fails_in()
    bulk = Bulk(tmp_path, serve)
    bulk.run(rows("row 0"), THREE, keep="best")
    assert [record["round"] for record in bulk.kept] == [2]


def test_scores_that_cannot_be_read_leave_the_last(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, evolves)
    bulk.run(rows("row 0"), THREE, keep="best")
    assert [record["round"] for record in bulk.kept] == [3]


def test_seeds_are_mixed_in_with_their_own_answer_or_the_model_s(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, evolves)
    known = Row(digest("row 1"), "row 1", "the file's answer")
    tally = bulk.run([*rows("row 0"), known], replace(ONE_ROUND, with_seeds=1.0))
    pairs = [(record["round"], record["instruction"], record["response"]) for record in bulk.kept]
    assert pairs == [
        (0, "row 0", "answer to row 0"),
        (1, "harder row 0", "answer to row 0"),
        (0, "row 1", "the file's answer"),
        (1, "harder row 1", "answer to row 1"),
    ]
    assert [record["model"] for record in bulk.kept][2] == "reference"
    assert (tally.written, tally.seeds, tally.rows) == (4, 2, 2)
    assert all(record["parent_id"] is None for record in bulk.kept if record["round"] == 0)


def test_the_context_is_shown_for_the_response_and_stays_in_the_output(tmp_path: Path) -> None:
    context = (Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hello"))
    bulk = Bulk(tmp_path, evolves)
    bulk.run([Row(digest("row 0"), "row 0", None, context)])
    evolution, response = bulk.transport.requests
    assert "Hello" not in str(evolution.messages)
    said = [(message.role, message.text) for message in response.messages]
    assert said[-3:] == [("user", "Hi"), ("assistant", "Hello"), ("user", "harder row 0")]
    assert "Be brief." in f"{response.system} {said[0]}"
    assert bulk.kept[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "harder row 0"},
        {"role": "assistant", "content": "answer to row 0"},
    ]


SEED = "A baker sells 24 rolls in the morning and 18 in the afternoon. How many rolls are that in a day?"
NEW = "An orchestra tunes 31 violins and 12 violas before a concert. How many strings are tuned in all?"


@pytest.mark.parametrize(("breadth", "fate"), [(True, Fate.PASSED), (False, Fate.FAILED)])
def test_a_new_instruction_is_no_failure_in_breadth(tmp_path: Path, breadth: bool, fate: Fate) -> None:
    def serve(asked: Request) -> Answer:
        if not is_evolution(asked):
            return "There are 31 + 12 = 43 instruments with 4 strings each, so 172 strings are tuned."
        return tagged(NEW)

    method = MUTATE if breadth else IN_DEPTH[0]
    policy = Policy((Choice(method.name, method, 1.0, breadth),))
    bulk = Bulk(tmp_path, serve)
    bulk.run([Row(digest(SEED), SEED)], policy, judge=FailureMetric(default_text_ensemble()))
    assert [step.fate for step in lineages(bulk)[0].rounds] == [fate]


def test_filtered_and_cut_off_responses_are_what_they_are(tmp_path: Path) -> None:
    def serve(asked: Request) -> Answer:
        if is_evolution(asked):
            return evolves(asked)
        text = asked.messages[-1].text or ""
        return Reply("", "content_filter", 1, 0) if "row 0" in text else Reply("It is", "length", 1, 2)

    bulk = Bulk(tmp_path, serve)
    tally = bulk.run(rows("row 0", "row 1"), judge=FailureMetric(default_text_ensemble()))
    assert [(record["fate"], record["kinds"]) for record in bulk.rejected] == [
        ("filtered", []),
        ("length", ["truncated"]),
    ]
    assert tally.fates == {Fate.FILTERED: 1, Fate.LENGTH: 1}


class NoBananas:
    """A gate that remembers what it was asked."""

    name = "fruit"

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.told: list[tuple[str, int]] = []

    def check(self, text: str, *, seed_id: str, round: int, context: str = "") -> str | None:
        self.asked.append((text, round))
        return "It names a banana." if "banana" in text else None

    def remember(self, text: str, *, seed_id: str, round: int, context: str = "") -> None:
        self.told.append((text, round))

    def report(self) -> dict[str, int]:
        return {"asked": len(self.asked)}


def test_gates_see_seeds_and_evolutions_before_anything_is_paid_for_them(tmp_path: Path) -> None:
    def serve(asked: Request) -> Answer:
        said = evolves(asked)
        bad = is_evolution(asked) and "row 1" in (asked.messages[-1].text or "")
        return tagged("banana row 1") if bad else said

    gate = NoBananas()
    bulk = Bulk(tmp_path, serve)
    seeds = rows("row 0", "row 1", "banana row 2")
    tally = bulk.run(seeds, gates=[gate], concurrency=1, part_rows=1)
    assert gate.asked == [
        ("row 0", 0), ("harder row 0", 1), ("row 1", 0), ("banana row 1", 1), ("banana row 2", 0),
    ]  # fmt: skip
    assert len(bulk.transport.requests) == 3
    assert tally.fates == {Fate.PASSED: 1, Fate.GATED: 2}
    assert [record["reason"] for record in bulk.rejected] == ["fruit: It names a banana."] * 2
    resumed = NoBananas()
    bulk.run(seeds, gates=[resumed])
    assert resumed.asked == []
    assert resumed.told[:2] == [("row 0", 0), ("harder row 0", 1)]


def test_lost_calls_end_a_row_as_dead_even_after_rounds_that_passed(tmp_path: Path) -> None:
    down = True

    def serve(asked: Request) -> Answer:
        late = "harder harder" in (asked.messages[-1].text or "")
        return lm15.ServerError("bad gateway") if down and late else evolves(asked)

    bulk = Bulk(tmp_path, serve)
    tally = bulk.run(rows("row 0"), THREE)
    assert tally.outcomes == {Outcome.UNSCORED: 1}
    (record,) = bulk.dead
    assert (record["round"], record["fate"]) == (2, "lost")
    assert "bad gateway" in record["reason"]
    down = False
    paid = len(bulk.transport.requests)
    again = bulk.run([], THREE, retry=True)
    assert again.outcomes == {Outcome.PASSED: 1}
    assert len(bulk.transport.requests) == paid + 3, "round 1 and the second rewrite are not paid again"
    assert bulk.dead == []
    assert bulk.kept[0]["stages"][-1] == "harder harder harder row 0"
    assert METHOD.id == bulk.kept[0]["method_id"]


@pytest.mark.parametrize(
    ("error", "rewrites"),
    [(lm15.ServerError("bad gateway"), 1), (lm15.InvalidRequestError("too long"), 2)],
)
def test_a_rewrite_whose_response_is_lost_is_not_paid_again(
    tmp_path: Path, error: lm15.LM15Error, rewrites: int
) -> None:
    down = True

    def serve(asked: Request) -> Answer:
        return error if down and not is_evolution(asked) else evolves(asked)

    bulk = Bulk(tmp_path, serve)
    bulk.run(rows("row 0"), forget_calls=True)
    (record,) = bulk.dead
    assert (record["instruction"], record["response"]) == ("harder row 0", None)
    down = False
    assert bulk.run([], retry=True).outcomes == {Outcome.PASSED: 1}
    assert sum(map(is_evolution, bulk.transport.requests)) == rewrites
    (kept,) = bulk.kept
    assert (kept["instruction"], kept["response"]) == ("harder row 0", "answer to row 0")
    assert kept["tokens"] == [2, 2]


def test_a_pair_whose_judge_is_lost_is_judged_and_nothing_else(tmp_path: Path) -> None:
    class Away(Judge):
        away = True

        async def ajudge(self, trajectory: Trajectory) -> Verdict:
            lost = Verdict(Outcome.UNSCORED, reason="server_error: the judge is away")
            return lost if self.away else await super().ajudge(trajectory)

    bulk, judge = Bulk(tmp_path, evolves), Away()
    assert bulk.run(rows("row 0"), judge=judge).outcomes == {Outcome.UNSCORED: 1}
    judge.away = False
    assert bulk.run([], retry=True, judge=judge).outcomes == {Outcome.PASSED: 1}
    assert len(bulk.transport.requests) == 2


def test_a_pair_whose_verdict_cannot_be_read_is_made_anew(tmp_path: Path) -> None:
    """The judge would say the same of the same pair, at temperature 0 out of the store."""

    class Mumbles(Judge):
        judged = 0

        async def ajudge(self, trajectory: Trajectory) -> Verdict:
            self.judged += 1
            return decide(None) if self.judged == 1 else await super().ajudge(trajectory)

    bulk, judge = Bulk(tmp_path, evolves), Mumbles()
    assert bulk.run(rows("row 0"), judge=judge).outcomes == {Outcome.UNSCORED: 1}
    assert bulk.run([], retry=True, judge=judge).outcomes == {Outcome.PASSED: 1}
    assert sum(map(is_evolution, bulk.transport.requests)) == 2


def test_a_budget_that_ends_a_retry_leaves_the_rest_dead(tmp_path: Path) -> None:
    down = True

    def serve(asked: Request) -> Answer:
        return lm15.ServerError("bad gateway") if down else evolves(asked)

    bulk = Bulk(tmp_path, serve)
    bulk.run(rows(*(f"row {number}" for number in range(7))), part_rows=3)
    assert len(bulk.dead) == 7
    down = False
    tally = bulk.run([], retry=True, caps=Caps(calls=8), concurrency=1)
    assert not tally.complete
    assert [record["seed"] for record in bulk.kept] == [f"row {number}" for number in range(4)]
    assert [record["seed"] for record in bulk.dead] == [f"row {number}" for number in range(4, 7)]
    assert bulk.run([], retry=True).complete
    assert len(bulk.kept) == 7
    assert len([request for request in bulk.transport.requests if not is_evolution(request)]) == 7
