"""The paper's studies in small testbeds: what each table says, and that it says *simulated*."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoevol.config import LoopConfig, Settings
from autoevol.core.errors import InputError
from autoevol.core.records import Case, Evolution, FailureKind, Method, Outcome, Row, Trajectory, Verdict
from autoevol.experiments.ablations import studies
from autoevol.experiments.ablations.__main__ import STUDIES, main
from autoevol.experiments.ablations.estimate import most_calls
from autoevol.experiments.ablations.grounds import ModelGround, Site, TestbedGround
from autoevol.experiments.ablations.mixing import evolve_rounds, rounds, usable_text
from autoevol.experiments.ablations.studies import Plan, by_method, padded
from autoevol.experiments.ablations.table import Table, line, whiskers_svg
from autoevol.experiments.loop import Reached
from autoevol.experiments.testbed import Testbed
from autoevol.store.calls import CallStore
from servers import Answer, Endpoint, says

GROUND = TestbedGround(2, 8)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(LoopConfig(batch_size=3, m=2, steps=2, dev_size=8), "paper", tmp_path)


def start_rate() -> float:
    testbeds = [Testbed(0), Testbed(1)]
    return sum(testbed.true_rate(testbed.start) for testbed in testbeds) / 2


def names(table: Table) -> list[str]:
    return [one.name for one in table.lines]


def test_m_is_compared_with_the_true_rate_of_the_start(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies, "MS", (1, 3))
    table = studies.m(GROUND, plan)
    assert names(table) == ["start", "m = 1", "m = 3"]
    assert table.lines[0].rate.value == pytest.approx(start_rate())
    for one in table.lines[1:]:
        assert one.gain is not None
        assert one.gain.difference == pytest.approx(one.rate.value - start_rate())
    assert table.lines[2].facts["calls"] > table.lines[1].facts["calls"]
    assert studies.m(GROUND, plan) == table  # from the stores


def test_steps_have_a_curve_of_true_rates_and_of_dev_rates(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "STEPS", (1, 3))
    table = studies.steps(GROUND, plan)
    assert names(table) == ["0 steps", "1 steps", "3 steps"]
    true, dev = table.curves["true failure rate"], table.curves["dev rows"]
    assert [place for place, _ in true] == [0, 1, 2, 3]
    assert true[0][1] == pytest.approx(start_rate())
    assert table.lines[-1].rate.value == pytest.approx(true[-1][1])
    # The rule takes nothing that is worse on the dev rows.
    assert [rate for _, rate in dev] == sorted((rate for _, rate in dev), reverse=True)


def test_a_loop_that_has_nothing_left_to_do_stays_where_it_is() -> None:
    last = Reached(9, Method("b"), 0.0, True)
    walk = [Reached(4, Method("a"), 0.5, False), last]
    assert padded(walk, 4) == [*walk, last, last]
    assert padded(walk, 2) == walk


def test_the_weak_start_is_weaker(plan: Plan) -> None:
    table = studies.start(GROUND, plan)
    weak, _, default, optimised = table.lines
    assert weak.rate.value > default.rate.value
    assert default.rate.value == pytest.approx(start_rate())
    assert default.gain is None
    assert optimised.rate.value <= weak.rate.value


def test_models_cross_two_worlds_with_two_degrees_of_insight(plan: Plan) -> None:
    table = studies.models(GROUND, plan)
    assert len(table.lines) == 4
    weaker, stronger = table.lines[:2], table.lines[2:]
    assert [one.facts["start"] for one in weaker] == pytest.approx([start_rate()] * 2)
    assert all(0.2 <= one.facts["start"] <= 0.3 for one in stronger)


def test_a_method_is_rated_elsewhere_against_the_start_in_the_same_place(plan: Plan) -> None:
    table = studies.transfer(GROUND, plan)
    assert len(table.lines) == 3
    for one in table.lines:
        assert one.gain is not None
        assert one.gain.difference == pytest.approx(one.rate.value - one.facts["start"])
    other = Testbed(1000)
    start = GROUND.sites()[0].heat.student.method
    assert GROUND.others()["another world"][0].rate([start]) == [[other.true_rate(start)]]


def test_what_is_usable_after_a_round_is_what_the_next_one_evolves(plan: Plan) -> None:
    site = GROUND.sites()[0]
    site = Site(site.name, site.heat, site.weak, site.fresh[:20], site.rate)
    first, second, third = evolve_rounds(site, site.heat.student.method, plan)
    assert len(first.usable) == 20
    assert len(second.usable) == sum(first.usable) == len(first.texts)
    assert len(third.usable) == sum(second.usable)
    originals = [row.instruction for row in site.fresh]
    assert all(any(text.startswith(original) for original in originals) for text in first.texts)
    assert all(any(text.startswith(earlier) for earlier in first.texts) for text in second.texts)


def test_mixtures_of_rounds_grow_and_are_said_to_be_measured_not_true(plan: Plan) -> None:
    table = rounds(GROUND, plan)
    assert names(table)[:3] == ["start, rounds 1", "start, rounds 1+2", "start, rounds 1+2+3"]
    kept = [one.facts["kept"] for one in table.lines[:3]]
    words = [one.facts["words"] for one in table.lines[:3]]
    assert kept == sorted(kept)
    assert words == sorted(words)
    assert "there is no truth beyond the first round" in table.text()


def test_only_what_passed_goes_on() -> None:
    trajectory = Trajectory((Evolution("a", "b", "b"),))
    assert usable_text(Case("1", Verdict(Outcome.PASSED), trajectory)) == "b"
    assert usable_text(Case("1", Verdict(Outcome.FAILED, (FailureKind.LEAKED,)), trajectory)) is None
    assert usable_text(Case("1", Verdict(Outcome.UNSCORED))) is None


def test_rates_of_sites_are_put_together_by_method() -> None:
    assert by_method([[[0.1, 0.2], [0.3, 0.4]], [[0.5], [0.6]]]) == [[0.1, 0.2, 0.5], [0.3, 0.4, 0.6]]


def test_a_table_says_its_label_in_every_line_and_draws_every_line() -> None:
    lines = (line("a", [0.5, 0.7]), line("b <", [0.2, 0.2], [0.5, 0.7], calls=[10, 20]))
    table = Table("m", "simulated", "rate", "a", lines, notes=("a note",))
    text = table.text().splitlines()
    assert all(one.startswith("simulated  ") for one in text)
    assert "60.0% [50.0%, 70.0%]" in text[1]
    assert "-40.0% [-50.0%, -30.0%]" in text[2]
    assert "calls 15" in text[2]
    drawn = whiskers_svg(lines, "title")
    assert drawn.count("<circle") == 2
    assert "b &lt;" in drawn


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_one_command_leaves_table_and_plot(
    study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        study,
        "--testbed",
        "--testbeds",
        "1",
        "--dev",
        "6",
        "--batch-size",
        "2",
        "--m",
        "1",
        "--steps",
        "1",
    ]
    monkeypatch.setattr(sys, "argv", ["ablations", *words, "--out", str(tmp_path)])
    main()
    assert all(printed.startswith("simulated  ") for printed in capsys.readouterr().out.splitlines())
    record = json.loads((tmp_path / f"{study}.json").read_text())
    assert record["label"] == "simulated"
    assert record["lines"]
    assert "(simulated)" in (tmp_path / f"{study}.svg").read_text()


def reply(body: dict[str, Any]) -> Answer:
    """Model `good` evolves, any other hands back its input; proposals differ by their seed."""
    text = body["messages"][-1]["content"]
    if "#Cases#:" in text:
        return says("Nothing was added.")
    if "<improved_method>" in text:
        return says(f"<improved_method>\nRewrite it in way {body['seed']}.\n</improved_method>")
    if "#Instruction#:\n" in text:
        task = text.rpartition("#Instruction#:\n")[2].partition("\n\n")[0]
        added = " Compare two ways and name the risk of each." if body["model"] == "good" else ""
        return says(f"<final_instruction>\n{task}{added}\n</final_instruction>")
    return says("The first way is slower. The second way is faster, and its risk is small.")


def model_ground(folder: Path, url: str, evols: list[str], **more: Any) -> ModelGround:
    settings = Settings.of(evol_model="served", api_base=url)
    folder.mkdir(exist_ok=True)
    return ModelGround("sample", settings, evols, [], folder, dev=4, holdout=6, **more)


def test_on_models_a_unit_is_a_holdout_row(tmp_path: Path) -> None:
    plan = Plan(LoopConfig(batch_size=2, m=1, steps=1, dev_size=4), "paper", tmp_path)
    with Endpoint(reply) as served:
        ground = model_ground(tmp_path, served.url, ["lazy", "good"])
        (site,) = ground.sites()
        rows: set[Row] = {*site.heat.train, *site.heat.dev}
        assert not rows & set(site.fresh)
        assert site.rate([site.heat.student.method]) == [[1.0] * 6]
        table = studies.transfer(ground, plan)
    assert ground.label == "lazy, optimizer lazy"
    here, there = table.lines
    assert (here.facts["start"], here.rate.value) == (1.0, 1.0)
    assert there.name == "good"
    assert there.facts["start"] < 0.5


def test_studies_of_several_models_ask_for_several(tmp_path: Path) -> None:
    ground = model_ground(tmp_path, "http://127.0.0.1:9", ["one"])
    with pytest.raises(InputError, match="two evol models"):
        ground.crossed()
    with pytest.raises(InputError, match="other-seeds"):
        ground.others()
    assert len(model_ground(tmp_path, "http://127.0.0.1:9", ["one", "two"]).crossed()) == 4


def test_rates_are_means_over_loops_and_calls_are_counted_for_each(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "MS", (2,))
    one, two = studies.m(GROUND, plan), studies.m(GROUND, replace(plan, loops=2))
    again = [
        studies.rated(site, plan, lambda here: [plan.run(here, "m2", m=2)[-1].method])[0][0]
        for world in GROUND.sites()
        for site in replace(plan, loops=2).again(world)
    ]
    assert two.lines[1].rate.value == pytest.approx(sum(again) / 4)
    assert one.lines[1].rate.value == pytest.approx((again[0] + again[2]) / 2)
    assert two.lines[0] == one.lines[0]


@pytest.mark.parametrize("study", ["m", "start", "transfer"])
def test_a_study_pays_for_no_more_than_was_said(
    study: str, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "MS", (1, 2))
    monkeypatch.setattr("autoevol.experiments.ablations.estimate.MS", (1, 2))
    said = most_calls(study, GROUND, replace(plan, loops=2), 0)
    STUDIES[study](GROUND, replace(plan, loops=2))
    paid = 0
    for path in plan.folder.glob("*.sqlite"):
        store = CallStore(path)
        paid += sum(spent.calls for spent in store.spent().values())
        store.close()
    assert 0 < paid <= said


def test_a_cap_holds_over_loops_and_referee_and_a_larger_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["start", "--seeds", "sample", "--evol-model", "lazy", "--out", str(tmp_path), "--dev", "4"]
    words += ["--batch-size", "2", "--m", "1", "--steps", "1", "--holdout", "6", "--selection", "paper"]

    def run(*more: str) -> None:
        monkeypatch.setattr(sys, "argv", ["ablations", *words, *more])
        main()

    with Endpoint(reply) as served:
        where = ("--api-base", served.url)
        run(*where, "--dry-run")
        assert not served.seen
        most = int(capsys.readouterr().out.split("at most ")[1].split()[0])
        for cap in (10, 10, 30):
            with pytest.raises(SystemExit) as stopped:
                run(*where, "--max-calls", str(cap))
            assert stopped.value.code == 3
            assert len(served.seen) == cap
        assert "a larger cap goes on" in capsys.readouterr().err
        run(*where, "--max-calls", str(most))
        assert 30 < len(served.seen) <= most
    assert (tmp_path / "start.json").exists()
