"""Every contestant under a small budget: an independent count, the cap, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from dspy.lm15 import Request

from arena import Arena, simulated
from autoevol.comparison.catalog import all_contestants, find_contestants
from autoevol.comparison.entry import Heat
from autoevol.comparison.own import Loop
from autoevol.comparison.play import run_entry
from autoevol.core.errors import InputError
from autoevol.core.records import Method, Row
from autoevol.experiments.testbed import TestbedConfig
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.rules import PaperRules
from autoevol.optimization.rules import RULES, Evaluate, Selection
from autoevol.programs.evolver import Evolver
from autoevol.testing import Answer, ScriptedTransport
from synthetic import START, kind_of, rows, strength_of, tagged, task_of, world

EVERYONE = all_contestants()
PAYING = [contestant for contestant in EVERYONE if contestant.group != "fixed"]
PAYING += find_contestants("gepa-instance")


@pytest.mark.parametrize("budget", [7, 150])
@pytest.mark.parametrize("contestant", PAYING, ids=lambda contestant: contestant.name)
def test_the_ledger_is_the_count_at_the_transport_and_never_above_the_budget(
    contestant: Any, budget: int, tmp_path: Path
) -> None:
    heat, counted = simulated(concurrency=4)
    done = run_entry(contestant, heat, budget, tmp_path / "entry.json")
    assert done.calls == counted.asked == counted.replied == sum(done.by_role.values())
    assert done.calls <= budget
    assert done.curve[0].calls == 0
    assert done.curve[0].method == heat.student.method
    assert [point.calls for point in done.curve] == sorted(point.calls for point in done.curve)
    assert done.curve[-1].method == done.method
    assert done.curve[-1].calls <= done.calls
    if budget == 7:  # less than the start on all dev rows: nobody can know anything better
        assert done.calls == 7
        assert done.ending == "budget"
        assert done.method == heat.student.method
    else:
        # Whoever ended early did so with less left than one score on the dev rows.
        assert done.ending == "budget" or budget - done.calls < 2 * len(heat.dev)


@pytest.mark.parametrize(
    "contestant", [c for c in PAYING if c.group != "demos"], ids=lambda contestant: contestant.name
)
def test_everyone_but_random_search_tunes_instructions_alone(contestant: Any, tmp_path: Path) -> None:
    heat, _ = simulated(3)
    done = run_entry(contestant, heat, 600, tmp_path / "entry.json")
    assert len(done.curve) > 1, "600 calls on 8 dev rows, and never a better method"
    assert all(point.method.demos == () for point in done.curve)
    assert any(point.method.text != heat.student.method.text for point in done.curve)


def world_with_demos(request: Request) -> Answer:
    """The synthetic world, in which every demo makes an evolution two stronger."""
    plain = world(request)
    if kind_of(request) != "evolve" or not isinstance(plain, str):
        return plain
    strength = strength_of(plain) + len(request.messages) - 1
    return tagged("final_instruction", f"Task {task_of(plain)}: [strength {strength}]")


def test_random_search_tunes_demos_alone(tmp_path: Path) -> None:
    (contestant,) = find_contestants("demos")
    bench = Arena(ScriptedTransport(world_with_demos), measure=FailureMetric(PaperRules()))
    heat = Heat(0, bench, Evolver(START), tuple(rows(20, 100)), tuple(rows(10)))
    done = run_entry(contestant, heat, 200, tmp_path / "entry.json")
    assert done.method.text == START.text
    assert done.method.demos
    assert {point.method.text for point in done.curve} == {START.text}


@pytest.mark.parametrize("contestant", [c for c in EVERYONE if c.group == "fixed"], ids=lambda c: c.name)
def test_a_fixed_method_costs_nothing(contestant: Any, tmp_path: Path) -> None:
    heat, counted = simulated()
    done = run_entry(contestant, heat, 50, tmp_path / "entry.json")
    assert (done.calls, counted.asked, done.ending, done.turns) == (0, 0, "done", 1)
    assert done.method != heat.student.method


@pytest.mark.parametrize("name", ["copro", "mipro"])
def test_an_unparsable_proposal_ends_a_turn_and_is_told(name: str, tmp_path: Path) -> None:
    heat, counted = simulated(config=TestbedConfig(unusable=0.97))
    (contestant,) = find_contestants(name)
    done = run_entry(contestant, heat, 120, tmp_path / "entry.json")
    assert any("AdapterParseError" in note for note in done.notes)
    assert done.calls == counted.asked <= 120
    assert isinstance(done.method, Method)


def test_an_entry_can_be_repeated_to_the_call(tmp_path: Path) -> None:
    for contestant in PAYING:
        runs = []
        for number in range(2):
            heat, counted = simulated(1)
            path = tmp_path / f"{contestant.name}-{number}.json"
            done = run_entry(contestant, heat, 120, path)
            runs.append((done.method, done.curve, done.by_role, counted.asked))
        assert runs[0] == runs[1], contestant.name


def test_contestants_are_found_by_name_and_by_group() -> None:
    names = [contestant.name for contestant in EVERYONE]
    assert len(set(names)) == len(names)
    assert [c.name for c in find_contestants("autoevol")] == [*RULES, "paper-fresh"]
    assert [c.name for c in find_contestants("miprov2,MIPROv2")] == ["mipro"]
    assert [c.name for c in find_contestants(" gepa, paper ,gepa")] == ["paper", "gepa"]
    assert [c.name for c in find_contestants("all")] == names
    assert "gepa-instance" not in names
    named = [c.name for c in find_contestants("gepa-instance,gepa,rivals")]
    assert named == [*(c.name for c in find_contestants("rivals")), "gepa-instance"]
    assert {"initial", "weak", "compact", "deepen", "breadth"} <= {c.name for c in find_contestants("fixed")}


@pytest.mark.parametrize("words", ["", " , ", "gepa,nobody"])
def test_unknown_contestants_are_refused(words: str) -> None:
    with pytest.raises(InputError, match="--optimizers"):
        find_contestants(words)


class HalfTheRows:
    """A rule that looks at half of the dev rows only, as a race does at first."""

    name = "half"
    uses_reserve = False
    dev_rows = "fixed"
    confirms = False

    async def select(
        self,
        incumbent: Method,
        challengers: Sequence[Method],
        rows: Sequence[Row],
        evaluate: Evaluate,
        reserve: Sequence[Row] = (),
    ) -> Selection:
        half = rows[: len(rows) // 2]
        scores = tuple([await evaluate(method, half) for method in (incumbent, *challengers)])
        best = min(range(len(scores)), key=lambda place: scores[place].rate)
        return Selection((incumbent, *challengers)[best], scores, "half of the rows")


def test_a_rule_that_scores_less_makes_more_steps_of_its_budget(tmp_path: Path) -> None:
    chosen = {}
    for rule in (HalfTheRows, RULES["paper"]):
        heat, counted = simulated(2)
        done = run_entry(Loop(rule), heat, 400, tmp_path / f"{rule.name}.json")
        assert done.calls == counted.asked == 400
        chosen[done.contestant] = done
    assert chosen["half"].by_role["optimizer"] > chosen["paper"].by_role["optimizer"]
    assert chosen["half"].sizes == chosen["paper"].sizes
