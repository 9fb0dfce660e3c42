"""What a search leaves behind: `search.json`, `best.json`, and the table that is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial, TrialState

from autoevol.commands.workflow import Result
from autoevol.hypersearch import holdout
from autoevol.hypersearch.space import describe
from autoevol.hypersearch.study import SharedStudy, without_password
from autoevol.lm.recorder import LedgerLine
from autoevol.reports import report
from autoevol.store.files import write_json

if TYPE_CHECKING:
    from autoevol.hypersearch.job import Ended

_FACTS = ("calls", "paid_calls", "paid_tokens", "steps", "stopped", "pruned", "method_id", "seconds", "curve")
_RATE = ("rate", "low", "high", "failed", "passed", "unscored", "kinds")


def write(study: SharedStudy, ended: Ended, metric: dict[str, Any]) -> Result:
    """Write the result of a search that has ended, or only say how far it is."""
    found = summary(study, ended, metric)
    if not ended.others:
        path = study.folder.path
        write_json(path / "search.json", found)
        if found["best"] is not None:
            write_json(path / "best.json", found["best"]["settings"])
    return Result(found, ended.stopped_by)


def summary(study: SharedStudy, ended: Ended, metric: dict[str, Any]) -> dict[str, Any]:
    """All figures of a search, as JSON."""
    done, front = study.finished(), holdout.front(study)
    first = holdout.baseline(study)
    path, best = study.folder.path, _best(study, front)
    paths = {"result": str(path / "search.json")}
    if best is not None:
        paths["best configuration"] = str(path / "best.json")
    lines = [LedgerLine(role, spent, 0) for role, spent in sorted(study.folder.spent().items())]
    return {
        "study": study.name,
        "storage": without_password(study.config.storage) or str(study.folder.journal),
        "wanted": study.config.trials,
        "configurations": study.space.size,
        "others_at_work": ended.others,
        "trials": [trial_json(trial) for trial in done],
        "first": first.number if first else None,
        "front": [trial.number for trial in front],
        "importances": holdout.importances(study),
        "holdout": None if ended.compared is None else [holdout.compared_json(c) for c in ended.compared],
        "best": best,
        "metric": metric,
        "ledger": report.ledger_json(lines),
        "seconds": ended.seconds,
        "paths": paths,
    }


def trial_json(trial: FrozenTrial) -> dict[str, Any]:
    """A finished trial: its settings, what it found, and what it cost."""
    attrs = trial.user_attrs
    return {
        "trial": trial.number,
        "params": trial.params,
        "pruned": trial.state is TrialState.PRUNED,
        "dev": {key: attrs[key] for key in _RATE} if "rate" in attrs else None,
        **{key: attrs[key] for key in _FACTS if key in attrs and key != "pruned"},
        "why_pruned": attrs.get("pruned"),
        "feasible": all(value <= 0 for value in trial.constraints.values()),
    }


def _best(study: SharedStudy, front: list[FrozenTrial]) -> dict[str, Any] | None:
    """The lowest failure rate on dev, the fewest calls among equals. The holdout has no say in it."""
    if not front:
        return None
    configuration = study.space.configuration(front[0].params)
    return {"trial": front[0].number, "settings": configuration.to_json()}


def search_rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    """The result as (label, value) rows, in the order in which they are printed."""
    trials = {trial["trial"]: trial for trial in found["trials"]}
    pruned = sum(trial["pruned"] for trial in trials.values())
    of = f"of {found['wanted']}, from {found['configurations']} configurations"
    rows = [("trials", f"{len(trials)} finished, {pruned} of them pruned, {of}")]
    if found["others_at_work"]:
        rows.append(("other workers", "still at work; the last one compares the best on the holdout"))
    else:
        rows += _holdout_rows(found, trials)
    rows += [(f"front: trial {number}", _on_dev(trials[number])) for number in found["front"]]
    for objective, shares in found["importances"].items():
        rows.append(
            (f"decides {objective}", ", ".join(f"{name} {share:.0%}" for name, share in shares.items()))
        )
    asked, total = sum(trial["calls"] for trial in trials.values()), found["ledger"]["total"]
    money = f", ${total['usd']:.4f}" if total["usd"] else ""
    rows += [
        ("measured by", report.metric_text(found["metric"])),
        ("LM calls paid", f"{total['calls']} by all workers, holdout included{money}"),
        ("LM calls of the trials", f"{asked}, had each configuration been run alone"),
        ("tokens", f"{total['input_tokens']} in, {total['output_tokens']} out"),
        ("time", f"{found['seconds']:.0f} s"),
        ("study", f"{found['study']} in {found['storage']}"),
    ]
    return rows if found["others_at_work"] else rows + list(found["paths"].items())


def _holdout_rows(found: dict[str, Any], trials: dict[int, dict[str, Any]]) -> list[tuple[str, str]]:
    if found["holdout"] is None:
        return [("holdout", "not reached")]
    rows = []
    for compared in found["holdout"]:
        number = compared["trial"]
        label = "first configuration" if number == found["first"] else f"trial {number}"
        gap, p = compared["difference"], compared["p_value"]
        text = report.rate_text(compared["failure"])
        if gap:
            text += f", {gap['difference']:+.1%} [{gap['low']:+.1%}, {gap['high']:+.1%}] against the first"
        if p is not None:
            text += f", McNemar p = {p:.3f}"
        best = found["best"] and found["best"]["trial"] == number
        rows.append(
            (f"holdout: {label}{' (best)' if best else ''}", f"{text}; {describe(trials[number]['params'])}")
        )
    return rows


def _on_dev(trial: dict[str, Any]) -> str:
    return f"{report.rate_text(trial['dev'])} on dev, {trial['calls']} calls; {describe(trial['params'])}"
