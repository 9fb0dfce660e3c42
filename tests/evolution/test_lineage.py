"""The records of the bulk stage: true to what happened, and the same again from disk, old lines too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from dspy import lm15
from dspy.lm15 import Request

from autoevol.core.errors import StoreError
from autoevol.core.records import Assessment, Evolution, FailureKind, Outcome, Trajectory, Verdict
from autoevol.evolution.lineage import End, Fate, Judged, Lineage, decode_lineage, encode_lineage
from autoevol.lm.transport import Reply
from autoevol.store.parts import Parts
from autoevol.testing import Answer
from evolving import ONE_ROUND, Bulk, Judge, evolves, is_evolution, number_of, rows, tagged

OLD = Path(__file__).parents[1] / "fixtures" / "run_folders_0.1"
OLD_PARTS = sorted(OLD.glob("*/parts/part-*.jsonl"))
THREE = replace(ONE_ROUND, rounds=3)


def lineages(bulk: Bulk) -> list[Lineage]:
    return [decode_lineage(line) for line in Parts(bulk.folder / "parts", None).lines()]


@pytest.mark.parametrize("path", OLD_PARTS, ids=[str(path.relative_to(OLD)) for path in OLD_PARTS])
def test_lines_of_the_first_release_come_back_byte_for_byte(path: Path) -> None:
    for line in path.read_bytes().splitlines():
        told = orjson.loads(line)
        lineage = decode_lineage(told)
        assert orjson.dumps({**encode_lineage(lineage), "record": told["record"]}) == line
        texts = {told["seed_id"]: told["seed"]} | {step["id"]: step["instruction"] for step in told["rounds"]}
        for step in lineage.rounds:
            assert step.evolution is None or step.evolution.instruction == texts[step.parent_id]
        assert lineage.end == told["end"]


def test_there_are_old_lines_of_rows_kept_and_dead() -> None:
    ends = [orjson.loads(line)["end"] for path in OLD_PARTS for line in path.read_bytes().splitlines()]
    assert {"kept", "dead"} <= set(ends)


class Watching(Judge):
    """Remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[Trajectory] = []

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        self.shown.append(trajectory)
        return await super().ajudge(trajectory)


def test_a_judge_sees_what_was_said_and_nothing_made_up(tmp_path: Path) -> None:
    def serve(asked: Request) -> Answer:
        said = evolves(asked)
        assert isinstance(said, Reply)
        return replace(said, finish_reason="length" if is_evolution(asked) else "stop")

    judge = Watching()
    Bulk(tmp_path, serve).run(rows("row 0"), replace(THREE, rounds=2), judge=judge)
    first, second = judge.shown
    evolution = first.evolutions[0]
    assert evolution == Evolution("row 0", "harder row 0", tagged("harder row 0"), "length")
    # The reply of a round that passed is not kept, and none is put in its place.
    assert second.evolutions[0] == replace(evolution, reply=None)
    assert second.evolutions[1].reply == tagged("harder harder row 0")


def hostile(asked: Request) -> Answer:
    """Rows that end in every way that there is, by their number."""
    number, evolving = number_of(asked), is_evolution(asked)
    late = "harder row" in (asked.messages[-1].text or "")
    if number == 1 and evolving:
        return "I would rather not."
    if number == 2 and evolving:
        return lm15.ServerError("bad gateway")
    if number == 3 and not evolving:
        return lm15.ServerError("bad gateway")
    if number == 4 and evolving:
        return Reply("", "content_filter", 1, 0)
    if number == 5 and not evolving:
        return Reply("", "content_filter", 1, 0)
    if number == 6 and evolving and late:
        return lm15.ServerError("bad gateway")
    if number == 7 and evolving:
        return tagged("refuse row 7")
    if number == 8 and evolving:
        return lm15.InvalidRequestError("blocked", provider_code="content_filter")
    if number == 9 and not evolving:
        return lm15.InvalidRequestError("blocked", provider_code="content_filter")
    return evolves(asked)


class Absent(Judge):
    """Judges all but row 10, whose judge is away."""

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        if "row 10" in trajectory.seed:
            return Verdict(Outcome.UNSCORED, reason="server_error: the judge is away")
        return await super().ajudge(trajectory)


class NoEleven:
    """Refuses one seed."""

    name = "no-eleven"

    def check(self, text: str, *, seed_id: str, round: int, context: str = "") -> str | None:
        return "It says eleven." if text == "row 11" else None

    def remember(self, text: str, *, seed_id: str, round: int, context: str = "") -> None: ...

    def report(self) -> dict[str, int]:
        return {}


# Row, outcome, and what led there: evolutions, or None where a call to evolve or respond failed for good.
CASES = [
    (0, Outcome.PASSED, 2),
    (1, Outcome.FAILED, 1),
    (2, Outcome.UNSCORED, None),
    (3, Outcome.UNSCORED, None),
    (4, Outcome.FAILED, 1),
    (5, Outcome.FAILED, 1),
    (6, Outcome.UNSCORED, None),
    (7, Outcome.FAILED, 1),
    (8, Outcome.FAILED, None),
    (9, Outcome.FAILED, None),
    (10, Outcome.UNSCORED, 1),
    (11, Outcome.FAILED, None),
]


def test_a_case_has_a_trajectory_unless_a_call_failed_for_good(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, hostile)
    seeds = rows(*(f"row {number}" for number in range(12)))
    bulk.run(seeds, replace(ONE_ROUND, rounds=2), judge=Absent(), gates=[NoEleven()])
    assert [case.row_id for case in bulk.cases] == [row.id for row in seeds]
    told = [
        (number, case.verdict.outcome, case.trajectory and len(case.trajectory.evolutions))
        for number, case in enumerate(bulk.cases)
    ]
    assert told == CASES
    for case, lineage in zip(bulk.cases, lineages(bulk), strict=True):
        if case.trajectory is not None:
            assert case.trajectory.seed == lineage.row.instruction
            assert case.trajectory.response == lineage.decisive.response
        assert not case.verdict.kinds or case.verdict.outcome is Outcome.FAILED
        assert decode_lineage(orjson.loads(orjson.dumps(encode_lineage(lineage)))) == lineage


def test_a_kept_row_is_told_of_by_the_round_that_passed(tmp_path: Path) -> None:
    def serve(asked: Request) -> Answer:
        late = is_evolution(asked) and "harder row" in (asked.messages[-1].text or "")
        return tagged("refuse row 0") if late else evolves(asked)

    bulk = Bulk(tmp_path, serve)
    bulk.run(rows("row 0"), replace(ONE_ROUND, rounds=2))
    (lineage,), (case,) = lineages(bulk), bulk.cases
    assert (lineage.end, lineage.rounds[-1].fate) == (End.KEPT, Fate.FAILED)
    assert lineage.rounds[-1].kinds == (FailureKind.REFUSED,)
    assert (case.verdict.outcome, case.verdict.kinds, case.verdict.reason) == (Outcome.PASSED, (), "")
    assert case.trajectory is not None
    assert case.trajectory.stages == ("row 0", "harder row 0")


@pytest.mark.parametrize("damage", [{}, {"rounds": [{}]}, {"scores": 1, "context": [3]}])
def test_a_line_that_is_none_is_told_with_its_row(damage: dict[str, object]) -> None:
    line = orjson.loads(OLD_PARTS[0].read_bytes().splitlines()[0])
    whole = {**line, **damage} if damage else {"seed_id": line["seed_id"]}
    with pytest.raises(StoreError, match=f"row {line['seed_id']} .* is damaged"):
        decode_lineage(whole)


def test_a_round_keeps_its_parent_whatever_has_become_of_that(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, evolves)
    bulk.run(rows("row 0"), replace(ONE_ROUND, rounds=2))
    (lineage,) = lineages(bulk)
    first, second = lineage.rounds
    # As `again` leaves a row whose first round fails by another measure, or is lost and stands last.
    for renewed in (
        replace(lineage, rounds=(replace(first, fate=Fate.FAILED), second)),
        replace(lineage, rounds=(second, replace(first, fate=Fate.LOST))),
    ):
        again = decode_lineage(orjson.loads(orjson.dumps(encode_lineage(renewed))))
        assert again == renewed
        trajectory = again.trajectory(second)
        assert trajectory is not None
        assert trajectory.stages == ("row 0", "harder row 0", "harder harder row 0")
    onward = lineage.trajectory(second, after=first)
    assert onward is not None
    assert onward.stages == ("harder row 0", "harder harder row 0")


class Scoring(Judge):
    """Also says how complex both versions are, and how much was gained."""

    async def ajudge(self, trajectory: Trajectory) -> Verdict:
        verdict = await super().ajudge(trajectory)
        said = Assessment(0, gain=2.0, before=3.0, after=5.5)
        return replace(verdict, assessment=None if "row 1" in trajectory.seed else said)


def test_what_a_judge_says_of_complexity_and_gain_is_kept_with_its_round(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, evolves)
    bulk.run(rows("row 0", "row 1"), judge=Scoring())
    told, untold = lineages(bulk)
    assert told.rounds[0].judged == Judged(gain=2.0, before=3.0, after=5.5)
    assert untold.rounds[0].judged is None
    first, second = bulk.kept
    assert (first["gain"], first["complexity"], first["complexity_before"]) == (2.0, 5.5, 3.0)
    assert not {"gain", "complexity", "complexity_before"} & second.keys()
    assert [decode_lineage(encode_lineage(lineage)) for lineage in (told, untold)] == [told, untold]


def test_a_line_whose_judgement_is_damaged_is_refused(tmp_path: Path) -> None:
    bulk = Bulk(tmp_path, evolves)
    bulk.run(rows("row 0"), judge=Scoring())
    line = encode_lineage(lineages(bulk)[0])
    line["rounds"][0]["judged"] = {"grain": 2}
    with pytest.raises(StoreError, match="damaged"):
        decode_lineage(line)
