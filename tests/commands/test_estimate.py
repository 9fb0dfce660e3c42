"""Plans, dry runs and estimates against a loopback endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autoevol.commands.extrapolate import cost_of
from autoevol.commands.likely import likely_run
from autoevol.commands.plan import plan_evolve, plan_run
from autoevol.commands.planned import Stage
from autoevol.config import LoopConfig, MethodConfig, PipelineConfig, Settings
from autoevol.core.records import Row, digest
from autoevol.data.split import sample_rows
from autoevol.optimization.plan import Extra, planned_calls
from command_line import at, command, seed_file, summary
from priced import FLAGS, SEEDS, reply
from servers import Endpoint


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(reply) as served:
        yield served


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return seed_file(tmp_path, SEEDS)


def test_a_plan_is_what_planned_calls_says(seeds: Path) -> None:
    loop = LoopConfig(dev_size=8, batch_size=4, m=3, steps=2)
    methods = MethodConfig(rounds=2, start=("initial", "weak", "initial"))
    plan = plan_run(str(seeds), Settings(loop=loop, methods=methods))
    optimize, holdout, evolve = plan.stages
    assert optimize.calls == planned_calls(loop, rounds=2, dev=8, batch=4, starts=2, extra=Extra(moves=True))
    assert optimize.calls["respond"] == sum(optimize.rows)
    assert optimize.calls["optimizer"] == 2 * sum(optimize.chains)
    assert holdout.calls == {"evol": 32, "respond": 16}
    assert evolve.calls == {"evol": 320, "respond": 320}  # every round is answered, each up to four times
    assert plan.sample == ()


def test_a_sample_depends_on_the_rows_alone() -> None:
    rows = [Row(digest(text), text) for text in SEEDS]
    chosen, count = sample_rows(rows, 7, seed=3)
    assert count == len(rows)
    assert len(chosen) == 7
    assert sample_rows(reversed(rows), 7, seed=3) == (chosen, count)
    assert sample_rows(rows, 7, seed=4)[0] != chosen
    assert sample_rows(iter(rows), 0, seed=3) == ([], len(rows))
    assert len(sample_rows(rows, 99, seed=3)[0]) == len(rows)


@pytest.mark.parametrize("name", ["run", "optimize", "evolve"])
def test_a_dry_run_pays_nothing_and_leaves_nothing(
    name: str, endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    flags = ["--method", "weak"] if name == "evolve" else FLAGS
    plan = summary(command(name, seeds, "--out", out, *flags, *at(endpoint), "--dry-run"))
    assert endpoint.seen == []
    assert not out.exists()
    real = summary(command(name, seeds, "--out", out, *flags, *at(endpoint)))
    assert real["ledger"]["total"]["calls"] == len(endpoint.seen) <= plan["calls"]["total"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--evol-model", "openai/x", "--api-key-env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE"),
        (["--evol-model", "openai/x", "--api-base", "http://x/v1", "--max-usd", "1"], "--price"),
        (["--detector", "crystal-ball"], "crystal-ball"),
        (["--selection", "best"], "best"),
        (["--dev-size", "500"], "500 dev"),
        (["--price", "free"], "--price"),
    ],
)
@pytest.mark.parametrize("name", ["run", "estimate"])
def test_settings_are_checked_before_anything_is_paid(
    name: str, flags: list[str], said: str, seeds: Path, tmp_path: Path
) -> None:
    extra = ["--out", str(tmp_path / "o")] + (["--dry-run"] if name == "run" else [])
    done = command(
        name, seeds, *extra, "--evol-model", "openai/x", "--api-base", "http://127.0.0.1:9/v1", *flags
    )
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_what_the_sample_pays_the_run_does_not(
    temperature: float, endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    flags = [*FLAGS, *at(endpoint), "--temperature", temperature]
    summary(command("run", seeds, "--out", tmp_path / "alone", *flags))
    alone = len(endpoint.seen)
    found = summary(command("estimate", seeds, "--sample", 8, "--out", tmp_path / "run", *flags))
    sampled = len(endpoint.seen) - alone
    assert sum(found["paid"].values()) == sampled > 0
    again = summary(command("estimate", seeds, "--sample", 8, "--out", tmp_path / "run", *flags))
    assert len(endpoint.seen) == alone + sampled
    assert again["totals"]["input_tokens"] == found["totals"]["input_tokens"]
    ran = summary(command("run", seeds, "--out", tmp_path / "run", *flags))
    assert len(endpoint.seen) - alone == alone
    assert ran["ledger"]["total"]["calls"] == alone - sampled


ROUNDS = {
    "rounds": 2,
    "mix": "depth=0.7,breadth=0.3",
    "on-failure": "retry:1",
    "with-seeds": 0.5,
    "keep": "best",
}
MANY = [word for name, value in ROUNDS.items() for word in (f"--{name}", str(value))]


@pytest.mark.parametrize("method", [["--method", "weak"], ["--evolve"]])
def test_a_sample_of_rounds_is_not_paid_twice_and_tells_the_whole(
    method: list[str], endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    flags = [*MANY, *at(endpoint), "--temperature", 0.7]
    out = tmp_path / "run"
    found = summary(command("estimate", seeds, "--sample", 16, "--out", out, *method, *flags))
    sampled = len(endpoint.seen)
    assert sum(found["paid"].values()) == sampled > 16
    job = ["evolve", seeds, "--out", out, *(method if "--method" in method else []), *flags]
    most = summary(command(*job, "--dry-run"))["calls"]["total"]
    summary(command(*job))
    whole = len(endpoint.seen)
    summary(command("evolve", seeds, "--out", tmp_path / "alone", *job[4:]))
    assert len(endpoint.seen) == 2 * whole, "with the sample or without: as many calls in all"
    interval = found["totals"]["calls"]
    assert interval["low"] <= whole <= interval["high"] <= most == found["plan"]["calls"]["total"]


def test_a_run_of_rounds_is_told_by_the_calls_of_its_own_bulk_stage(
    endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    flags = [*FLAGS, "--rounds", 2, "--with-seeds", 0.5, *at(endpoint), "--temperature", 0.7]
    found = summary(command("estimate", seeds, "--sample", 14, "--out", tmp_path / "run", *flags))
    paid = len(endpoint.seen)
    ran = summary(command("run", seeds, "--out", tmp_path / "run", *flags))
    interval = found["totals"]["calls"]
    ledger = ran["ledger"]["total"]
    assert interval["low"] <= ledger["calls"] + ledger["reused"] <= interval["high"]
    assert len(endpoint.seen) == paid + ledger["calls"]


def test_a_plan_counts_rounds_retries_seeds_and_comparisons(seeds: Path) -> None:
    pipeline = PipelineConfig(on_failure="retry:2", with_seeds=1.0, keep="best", mix="deepen=1,breadth=3")
    settings = replace(Settings.of(temperature=0.5, rounds=3), pipeline=pipeline)
    plan = plan_evolve(str(seeds), None, settings, judge_calls=1)
    tries = 40 * 3 * 3
    assert plan.calls == {"evol": tries, "respond": tries + 40, "judge": tries + 40}
    assert plan.name == "deepen 25%, breadth 75%"


def test_the_truth_lies_in_the_interval(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    flags = ["--method", "weak", *at(endpoint), "--price", "served=1.0,2.0"]
    found = summary(command("estimate", seeds, "--sample", 14, "--store", tmp_path / "s.sqlite", *flags))
    ran = summary(command("evolve", seeds, "--out", tmp_path / "run", *flags))["ledger"]["total"]
    for name in ("calls", "input_tokens", "output_tokens", "usd"):
        interval = found["totals"][name]
        assert interval["low"] <= ran[name] <= interval["high"], name
        assert interval["low"] < interval["high"]
    assert found["outcomes"]["failed"] > 0
    assert found["plan"]["calls"]["total"] == 40 * 2 * (1 + 3)


def test_without_a_price_money_is_not_known(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    flags = ["--evol-model", "served", "--api-base", endpoint.url, "--store", tmp_path / "s.sqlite"]
    done = command("estimate", seeds, "--sample", 4, "--method", "weak", *flags)
    assert done.exit_code == 0, done.output
    assert re.search(r"money +not known", done.stdout)
    assert "at most 320" in done.stdout


def test_a_budget_holds_for_the_sample(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    done = command(
        "estimate",
        seeds,
        "--method",
        "weak",
        *at(endpoint),
        "--store",
        tmp_path / "s.sqlite",
        "--max-calls",
        5,
    )
    assert done.exit_code == 3
    assert len(endpoint.seen) == 5


def test_intervals_cover_new_totals_as_often_as_they_say() -> None:
    """Totals of 100 rows, from samples of 20 rows, of a skewed cost: 95 % nominal."""
    chance = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        sample = chance.gamma(4.0, 100.0, size=(20, 1)) * np.ones((1, 5))
        stage = Stage("evolve", {"evol": 10**9}, (100,))
        drawn = cost_of(stage, sample, np.zeros((0, 5)), 4, chance)
        low, high = np.quantile(drawn[:, 1], [0.025, 0.975])
        held += low <= chance.gamma(4.0, 100.0, size=100).sum() <= high
    assert held / 200 >= 0.9


def test_time_goes_by_waves() -> None:
    rows = np.tile([2.0, 0, 0, 0, 3.0], (6, 1))
    tries = np.tile([2.0, 0, 0, 0, 5.0], (2, 1))
    stage = Stage("optimize", {"evol": 1000}, rows=(2, 40), chains=(5,))
    drawn = cost_of(stage, rows, tries, 4, np.random.default_rng(0))
    # 2 rows at once, 40 rows by fours, 5 chains by fours.
    assert np.allclose(drawn[:, 4], 3.0 + 10 * 3.0 + 2 * 5.0)
    assert np.allclose(drawn[:, 0], 42 * 2 + 5 * 2)


def test_a_plan_to_evolve_counts_in_one_pass(seeds: Path) -> None:
    settings = Settings.of(limit=30, rounds=2, on_failure="again")
    plan = plan_evolve(str(seeds), "weak", settings, judge_calls=1, sample=5)
    assert plan.rows == 30
    assert plan.calls == {"evol": 60, "respond": 60, "judge": 60}
    assert len(plan.sample) == 5


def test_batches_spare_their_share_of_the_bulk_stage(endpoint: Endpoint, seeds: Path, tmp_path: Path) -> None:
    flags = ["--method", "weak", "--sample", "4", "--price", "served=1,4", "--store", tmp_path / "s.sqlite"]
    whole = summary(command("estimate", seeds, *flags, *at(endpoint)))
    spared = summary(command("estimate", seeds, *flags, *at(endpoint), "--batch", "--batch-discount", "0.25"))
    assert spared["totals"]["usd"]["mid"] == pytest.approx(0.75 * whole["totals"]["usd"]["mid"])
    assert spared["totals"]["calls"] == whole["totals"]["calls"]
    assert any("24 hours" in note for note in spared["notes"])


def test_an_estimate_says_what_is_likely_and_what_is_paid_at_most(
    endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    """With patience and racing a run asks for less than every method on every row."""
    words = ["estimate", seeds, "--sample", 10, *FLAGS, "--steps", 6, "--price", "served=1,2"]
    words += ["--evol-model", "served", "--api-base", endpoint.url, "--store", tmp_path / "s.sqlite"]
    found = summary(command(*words, "--json"))
    likely, most = found["totals"]["calls"], found["at_most"]["calls"]
    assert 0 < likely["low"] < likely["mid"] < likely["high"] <= most == found["plan"]["calls"]["total"]
    assert found["totals"]["usd"]["mid"] < found["at_most"]["usd"]
    told = command(*words).stdout
    assert re.search(r"LM calls +likely [\d,]+ \[[\d,]+, [\d,]+\], at most [\d,]+\n", told)
    assert re.search(r"optimize +likely .* calls, .*; at most [\d,]+ calls\n", told)
    assert "played 60 times with the rules of the run" in told
    assert "every method is scored on all rows" in told


def test_a_dry_run_says_what_is_likely_and_what_it_assumes(
    endpoint: Endpoint, seeds: Path, tmp_path: Path
) -> None:
    words = ["run", seeds, "--out", tmp_path / "o", *FLAGS, "--steps", 6, "--dry-run"]
    words += ["--evol-model", "served", "--api-base", endpoint.url]
    plan = summary(command(*words, "--json"))
    likely = plan["likely_calls"]
    assert 0 < likely["low"] < likely["high"] <= plan["calls"]["total"]
    told = command(*words).stdout
    assert re.search(r"LM calls +likely [\d,]+ \[[\d,]+, [\d,]+\], at most [\d,]+\n", told)
    assert "fails some 30 of 100 rows" in told
    assert endpoint.seen == []


def test_a_target_is_likely_to_end_the_bulk_stage_early(seeds: Path) -> None:
    whole = plan_evolve(str(seeds), "weak", Settings())
    some, all_rows = (likely_run(plan, Settings()).calls for plan in (replace(whole, target=5), whole))
    assert some.mid < all_rows.low <= all_rows.mid
