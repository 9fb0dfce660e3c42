"""`autoevol search` from end to end: result, cost, resume, budget, and the file for --config."""

from __future__ import annotations

import importlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from autoevol.data.split import split_rows
from autoevol.reports.following import followed
from autoevol.store.files import read_json
from searching import DEV, HOLDOUT, arguments, command, finished, result, stored, study_of, told
from served_world import Served, serving
from synthetic import rows, task_of
from tracking_services import mlflow


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(0.0) as server:
        yield server


def searched(served: Served, folder: Path, *more: object, trials: int = 8) -> dict[str, Any]:
    done = command(arguments(served, folder, *more, trials=trials))
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_search_tells_a_service_of_its_trials(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[Any, ...]] = []
    monkeypatch.setitem(sys.modules, "mlflow", mlflow(said))
    found = searched(served, tmp_path, "--track", "mlflow", "--no-pruning", trials=2)
    metrics = [(one[2], one[3], one[4]) for one in said if one[0] == "log_metric"]
    losses = [(name, step) for name, _, step in metrics if name == "trial_loss"]
    assert losses == [("trial_loss", 0), ("trial_loss", 1)]
    best = next(t for t in found["trials"] if t["trial"] == found["best"]["trial"])["dev"]["rate"]
    assert ("best_failure_rate", best, 0) in metrics
    texts = [one[3] for one in said if one[0] == "log_text"]
    assert texts == ["methods/trial-0.txt", "methods/trial-1.txt", "report/report.html"]
    assert [one.status.outcome for one in followed(tmp_path / "s")] == ["done"]


@pytest.mark.slow
def test_a_search_leaves_trials_front_holdout_and_best(served: Served, tmp_path: Path) -> None:
    found = searched(served, tmp_path)
    assert found == result(tmp_path)
    shown = command(["show", str(tmp_path / "s")])
    assert shown.exit_code == 0
    assert "holdout: first configuration" in shown.stdout
    assert "8 finished" in shown.stdout
    assert len(found["trials"]) == 8
    assert found["trials"][0]["params"] == {"batch_size": 2, "m": 2, "steps": 2}
    assert len({json.dumps(trial["params"]) for trial in found["trials"]}) == 8
    assert found["first"] == 0
    complete = {trial["trial"]: trial for trial in found["trials"] if not trial["pruned"]}
    rates = {number: trial["dev"]["rate"] for number, trial in complete.items()}
    assert found["best"]["trial"] == min(rates, key=lambda n: (rates[n], complete[n]["calls"]))
    assert set(found["front"]) == {
        number
        for number, trial in complete.items()
        if not any(
            (rates[n], other["calls"]) != (rates[number], trial["calls"])
            and rates[n] <= rates[number]
            and other["calls"] <= trial["calls"]
            for n, other in complete.items()
        )
    }
    assert all(abs(sum(shares.values()) - 1) < 1e-6 for shares in found["importances"].values())
    compared = {line["trial"]: line for line in found["holdout"]}
    assert {found["first"], found["best"]["trial"]} <= compared.keys()
    assert compared[0]["difference"] is None
    for line in found["holdout"][1:]:
        assert line["failure"]["passed"] + line["failure"]["failed"] == HOLDOUT
        gap = line["failure"]["rate"] - compared[0]["failure"]["rate"]
        assert line["difference"]["difference"] == pytest.approx(gap)
        assert line["difference"]["low"] <= gap + 1e-9
        assert line["difference"]["high"] >= gap - 1e-9
        assert line["corrected"]["difference"] == pytest.approx(gap)
        assert "all pairs" in line["corrected"]["interval"]
        beside = "tied" if line["tied"] else "better" if gap < 0 else "worse"
        (row,) = [row for row in shown.stdout.splitlines() if f"holdout: trial {line['trial']}" in row]
        assert f": {beside}; " in row


@pytest.mark.slow
def test_equal_prefixes_are_paid_once_and_every_trial_costs_what_it_costs_alone(
    served: Served, tmp_path: Path
) -> None:
    price = ("--price", "world=1,2")
    found = searched(served, tmp_path / "many", "--no-pruning", *price)
    assert found["ledger"]["total"]["calls"] == served.arrivals == len(stored(tmp_path / "many"))
    assert max(served.asked.values()) == 1
    asked = sum(trial["calls"] for trial in found["trials"])
    assert sum(trial["paid_calls"] for trial in found["trials"]) < asked / 2
    last = found["trials"][-1]
    assert last["paid_calls"] < last["calls"]
    params = {name.replace("_", "-"): value for name, value in last["params"].items()}
    words = [word for name, value in params.items() for word in (f"--{name}", value)]
    alone = searched(served, tmp_path / "alone", *words, *price, trials=1)["trials"][0]
    assert alone["paid_calls"] == alone["calls"] == last["calls"]
    assert (alone["tokens"], alone["row_cost"]) == (last["tokens"], last["row_cost"])
    assert alone["usd"] == pytest.approx(last["usd"]) == pytest.approx(alone["tokens"] * 1.3e-6, rel=0.3)
    assert alone["curve"] == last["curve"]
    assert alone["method_id"] == last["method_id"]


def test_the_study_keeps_what_a_reader_needs(served: Served, tmp_path: Path) -> None:
    searched(served, tmp_path, trials=3)
    assert study_of(tmp_path).metric_names == ["failure rate", "calls"]
    trial = finished(tmp_path)[0]
    attrs = trial.user_attrs
    assert trial.values == [attrs["rate"], attrs["calls"]]
    assert attrs["low"] <= attrs["rate"] <= attrs["high"]
    assert attrs["passed"] + attrs["failed"] == DEV
    assert attrs["method"]["id"] == attrs["method_id"]
    assert attrs["curve"][-1][:2] == [2, attrs["calls"]]
    assert sum(attrs["kinds"].values()) == attrs["failed"]


def test_several_loops_count_with_their_means(served: Served, tmp_path: Path) -> None:
    found = searched(served, tmp_path, "--loop-seeds", 2, "--no-pruning", trials=2)
    for trial, kept in zip(found["trials"], finished(tmp_path), strict=True):
        assert len(trial["losses"]) == len(kept.user_attrs["methods"]) == 2
        assert trial["dev"]["rate"] == pytest.approx(sum(trial["losses"]) / 2) == kept.values[0]
        assert trial["dev"]["failed"] + trial["dev"]["passed"] == DEV
        best = min((0, 1), key=lambda loop: trial["losses"][loop])
        assert kept.user_attrs["methods"][best]["id"] == trial["method_id"]
        assert trial["tokens"] > trial["calls"] > 0
        assert trial["row_cost"]["calls"] == pytest.approx(2 / (1 - trial["dev"]["rate"]), rel=0.5)
    first = found["trials"][0]
    alone = searched(served, tmp_path / "one", trials=1)["trials"][0]
    assert first["losses"][0] == alone["losses"][0]  # the first loop is that of a search with one
    assert first["curve"] == alone["curve"]
    shown = command(["show", str(tmp_path / "s")]).stdout
    assert "by loop " in shown
    assert "a usable row" in shown


@pytest.mark.slow
def test_no_trial_sees_the_holdout(served: Served, tmp_path: Path) -> None:
    seen: dict[str, set[int]] = {}
    for name, extra in (("few", ()), ("more", ("--space", "dev-size=5:10"))):
        searched(served, tmp_path / name, "--top", 1, *extra, trials=3)
        store = [json.loads(request)["messages"] for request in stored(tmp_path / name)]
        cut = next(n for n, m in enumerate(store) if holdout_rows() & {task(m)})
        trials = [m for m in store if "Task" in m[-1]["content"]]
        assert trials
        # Rows of the holdout come last, and nothing else comes after them.
        assert {task(m) for m in store[cut:]} == holdout_rows()
        seen[name] = {task(m) for m in store[:cut]}
        assert not seen[name] & holdout_rows()


def holdout_rows() -> set[int]:
    split = split_rows(rows(40), dev=DEV, holdout=HOLDOUT, seed=0)
    return {task_of(row.instruction) for row in split.holdout}


def task(messages: list[dict[str, Any]]) -> int:
    text = messages[-1]["content"]
    return task_of(text) if "Task" in text and "#Cases#" not in text else -1


@pytest.mark.slow
def test_trials_over_their_budget_are_infeasible(served: Served, tmp_path: Path) -> None:
    found = searched(served, tmp_path, "--trial-calls", 70)
    over = [trial for trial in found["trials"] if trial["calls"] > 70]
    assert over
    assert not any(trial["feasible"] for trial in over)
    assert all(trial["feasible"] for trial in found["trials"] if trial["calls"] <= 70)
    assert not {trial["trial"] for trial in over} & set(found["front"])
    assert any(trial["why_pruned"] == "over the budget of a trial" for trial in over)
    assert not found["trials"][0]["pruned"], "the first configuration runs to its end"


@pytest.mark.slow
def test_pruned_trials_had_fallen_behind(served: Served, tmp_path: Path) -> None:
    wide = ("--space", "m=1:6", "--space", "steps=1:6")
    found = searched(served, tmp_path / "pruned", *wide, trials=5)
    pruned = [trial for trial in found["trials"] if trial["pruned"]]
    assert pruned
    for trial in pruned:
        assert trial["why_pruned"] == "above the median at equal cost"
        assert 0 < trial["curve"][-1][0] < trial["params"]["steps"]
        assert trial["dev"] is None
    whole = searched(served, tmp_path / "whole", *wide, "--no-pruning", trials=5)
    assert [trial["params"] for trial in whole["trials"]] == [trial["params"] for trial in found["trials"]]
    assert not any(trial["pruned"] for trial in whole["trials"])


@pytest.mark.slow
def test_the_same_command_again_pays_nothing_and_a_larger_one_goes_on(served: Served, tmp_path: Path) -> None:
    first = searched(served, tmp_path / "s", trials=4)
    paid = served.arrivals
    again = searched(served, tmp_path / "s", trials=4)
    assert served.arrivals == paid
    assert again["trials"] == first["trials"]
    assert again["holdout"] == first["holdout"]
    more = searched(served, tmp_path / "s", trials=7)
    assert more["trials"][:4] == first["trials"]
    searched(served, tmp_path / "whole", trials=7)
    assert told(tmp_path / "s") == told(tmp_path / "whole")


@pytest.mark.slow
def test_a_budget_ends_the_search_with_3_and_a_larger_one_goes_on(served: Served, tmp_path: Path) -> None:
    capped = command(arguments(served, tmp_path / "s", "--max-calls", 150))
    assert capped.exit_code == 3
    assert served.arrivals == 150
    told_then = json.loads(capped.stdout.splitlines()[-1])
    assert told_then["holdout"] is None
    assert told_then["ledger"]["total"]["calls"] == 150
    assert 0 < len(told_then["trials"]) < 8
    states = {trial.state for trial in study_of(tmp_path / "s").trials}
    assert TrialState.RUNNING not in states
    done = searched(served, tmp_path / "s")
    assert done["ledger"]["total"]["calls"] == served.arrivals
    assert max(served.asked.values()) == 1
    searched(served, tmp_path / "whole")
    assert told(tmp_path / "s") == told(tmp_path / "whole")


def test_one_process_spends_the_parts_of_all_workers(served: Served, tmp_path: Path) -> None:
    capped = command(arguments(served, tmp_path, "--max-calls", 101, "--workers", 2))
    assert capped.exit_code == 3
    assert served.arrivals == 100
    assert json.loads(capped.stdout.splitlines()[-1])["ledger"]["total"]["calls"] == 100


@pytest.mark.slow
def test_optimize_takes_the_best_configuration(served: Served, tmp_path: Path) -> None:
    found = searched(served, tmp_path)
    best = tmp_path / "s" / "best.json"
    assert read_json(best) == {"schema": "autoevol.settings/1", **found["best"]["settings"]}
    paid = served.arrivals
    # Of the words of the search, only what is no setting of the loop.
    words = ["optimize", str(tmp_path / "seeds.jsonl"), "--detector", "paper", "--evol-model", "world"]
    words += [
        "--api-base",
        served.url,
        "--config",
        str(best),
        "--store",
        str(tmp_path / "s" / "calls.sqlite"),
    ]
    done = command([*words, "--out", str(tmp_path / "o"), "--json"])
    assert done.exit_code == 0, done.stderr
    # The whole optimisation was in the store; only the starting method is new to the holdout.
    assert served.arrivals == paid + 2 * HOLDOUT
    trial = next(t for t in found["trials"] if t["trial"] == found["best"]["trial"])
    assert (read_json(tmp_path / "o" / "method.json") or {})["id"] == trial["method_id"]
    settings = (read_json(tmp_path / "o" / "run.json") or {})["settings"]["loop"]
    assert {name: settings[name] for name in trial["params"]} == trial["params"]
    other = command([*words, "--out", str(tmp_path / "p"), "--m", "1", "--steps", "0"])
    assert other.exit_code == 0, other.stderr
    assert (read_json(tmp_path / "p" / "run.json") or {})["settings"]["loop"]["m"] == 1


@pytest.mark.slow
def test_any_storage_url_will_do(served: Served, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    found = searched(served, tmp_path, "--storage", url, trials=3)
    assert found["storage"] == url
    assert len(found["trials"]) == 3
    assert not (tmp_path / "s" / "study.journal").exists()
    paid = served.arrivals
    assert searched(served, tmp_path, "--storage", url, trials=3)["trials"] == found["trials"]
    assert served.arrivals == paid


def test_the_dashboard_opens_the_study_as_it_is(served: Served, tmp_path: Path) -> None:
    wsgi = pytest.importorskip("optuna_dashboard", reason="optuna-dashboard (extra) is missing").wsgi
    get_storage = importlib.import_module("optuna_dashboard._storage_url").get_storage

    found = searched(served, tmp_path, trials=3)
    # The storage as its command line makes it from the path.
    application = wsgi(get_storage(str(tmp_path / "s" / "study.journal")))

    def fetch(path: str) -> Any:
        status: list[str] = []
        environ = {
            "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "x",
            "SERVER_PORT": "80", "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
        }  # fmt: skip

        def start(code: str, headers: Any, info: Any = None) -> Any:
            status.append(code)

        body = b"".join(application(environ, start))
        assert status == ["200 OK"], body
        return json.loads(body)

    (listed,) = fetch("/api/studies")["study_summaries"]
    assert listed["study_name"] == found["study"]
    shown = fetch(f"/api/studies/{listed['study_id']}")
    assert [trial["state"] for trial in shown["trials"]] == ["Complete"] * 3
    attrs = {attr["key"] for attr in shown["trials"][0]["user_attrs"]}
    assert {"method_id", "calls", "rate", "low", "high", "kinds", "paid_tokens"} <= attrs
