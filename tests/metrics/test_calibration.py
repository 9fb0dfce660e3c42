"""Calibration: counted by hand on small sets, then on the real labelled pairs where they are."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.errors import InputError
from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed, unscored
from autoevol.metrics.calibration import (
    Calibration,
    Confusion,
    calibrate_detector,
    count_verdicts,
    load,
)
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.labels import load_labelled, parse_labelled
from autoevol.metrics.rules import AuthorRules
from autoevol.metrics.tables import render_table
from metrics_support import main, real_data

K = FailureKind
LABELS: list[tuple[bool | None, bool | None, list[str], list[str]]] = [
    (False, True, ["unsolvable"], ["unsolvable", "stagnant"]),
    (False, True, ["unsolvable"], ["unsolvable"]),
    (False, False, ["stagnant"], ["stagnant"]),
    (True, False, [], []),
    (None, None, [], ["unsolvable"]),
]


def entry(
    number: int, ok: bool | None, fatal: bool | None, kinds: list[str], either: list[str]
) -> dict[str, object]:
    return {
        "id": f"p{number}",
        "original": "a?",
        "evolved": f"b {number}?",
        "response": None,
        "ok": ok,
        "fatal": fatal,
        "kinds": kinds,
        "kinds_either": either,
        "raters": {
            "A": {"ok": bool(ok), "kinds": either, "severity": 2 * bool(fatal)},
            "B": {"ok": bool(ok), "kinds": kinds, "severity": 2 * bool(fatal)},
        },
    }


def entries() -> list[dict[str, object]]:
    return [entry(number, *label) for number, label in enumerate(LABELS)]


class Script:
    """Gives the listed verdicts in the order of the ids."""

    name = "script"
    kinds = frozenset({K.UNSOLVABLE, K.STAGNANT})
    calls = 0

    def __init__(self, *verdicts: Verdict) -> None:
        self.verdicts = verdicts

    def judge(self, trajectory: Trajectory) -> Verdict:
        return self.verdicts[int((trajectory.evolved or "").split()[1][0])]


def test_counts_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, entries())) + "\n")
    script = Script(
        failed("script", K.UNSOLVABLE, "x"),
        failed("script", K.STAGNANT, "x"),
        failed("script", K.UNSOLVABLE, "x", K.STAGNANT),
        passed("script"),
        passed("script"),
    )
    found = calibrate_detector(load_labelled(path), script)
    # Pair 4 is disputed in every respect and pair 0 as to stagnation: both are left out there.
    assert found.confusions["fatal"] == Confusion(tp=1, fp=1, fn=1, tn=1)
    assert found.confusions["usable"] == Confusion(tp=1, fp=0, fn=0, tn=3)
    assert found.confusions["unsolvable"] == Confusion(tp=1, fp=1, fn=1, tn=1)
    assert found.confusions["stagnant"] == Confusion(tp=1, fp=1, fn=0, tn=2)
    assert found.agreement["fatal"] == 1.0
    assert found.agreement["unsolvable"] == pytest.approx(0.6154, abs=1e-4)
    assert found.sentence() == (
        "this detector finds 50 % [9, 91] of fatal cases, 50 % [9, 91] false alarms, on 4 labelled pairs"
    )
    table = render_table([found])
    assert found.sentence() in table.replace("\n", " ")
    assert all(len(line) <= 80 for line in table.splitlines())
    assert [line.split()[0] for line in table.splitlines()[3:]] == list(found.confusions)


def test_unscored_pairs_are_counted_apart() -> None:
    pairs = [parse_labelled(data) for data in entries()]
    found = count_verdicts(pairs, [unscored("x", "down")] * 2 + [passed("x")] * 3, "x", {K.UNSOLVABLE})
    assert (found.pairs, found.unscored) == (5, 2)
    assert found.confusions["fatal"].total == 2
    assert "unknown" in found.sentence()


def test_saved_and_read_again(tmp_path: Path) -> None:
    pairs = [parse_labelled(data) for data in entries()]
    found = [calibrate_detector(pairs, default_text_ensemble()), calibrate_detector(pairs, AuthorRules())]
    (tmp_path / "c.json").write_text(json.dumps([calibration.to_json() for calibration in found]))
    assert load(tmp_path / "c.json") == found


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_rates_lie_in_their_intervals(tp: int, fp: int, fn: int, tn: int) -> None:
    counts = Confusion(tp, fp, fn, tn)
    for value, interval in (
        (counts.recall, counts.recall_interval),
        (counts.precision, counts.precision_interval),
        (counts.false_alarms, counts.false_alarms_interval),
    ):
        assert value != value or interval.low <= value <= interval.high
    if tp:
        assert min(counts.recall, counts.precision) <= counts.f1 + 1e-12
        assert counts.f1 <= max(counts.recall, counts.precision) + 1e-12
    saved = Calibration("d", 3, 1, {"fatal": counts}, {"fatal": 0.5})
    assert Calibration.from_json(json.loads(json.dumps(saved.to_json()))) == saved


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 1"),
        (json.dumps({"id": "x"}), "evolved"),
        (json.dumps({**entry(0, True, False, [], []), "kinds": ["odd"]}), "odd"),
        (json.dumps({**entry(0, True, False, [], []), "ok": "yes"}), "ok must be"),
        (json.dumps({**entry(0, True, False, [], []), "raters": {"a": "yes"}}), "raters must be"),
        ("\n".join([json.dumps(entry(0, True, False, [], []))] * 2), "twice"),
        ("", "no labelled pairs"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(
    tmp_path: Path, line: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(line)
    with pytest.raises(InputError, match=says):
        load_labelled(path)
    assert main([str(path)]) == 2
    assert "bad.jsonl" in capsys.readouterr().err


def test_optional_keys_reach_the_detector() -> None:
    data = {
        **entry(0, False, True, ["truncated"], ["truncated"]),
        "evolved": None,
        "reply": "#Plan#",
        "finish_reason": "length",
    }
    assert default_text_ensemble().judge(parse_labelled(data).trajectory).kinds == (K.TRUNCATED,)


def test_runs_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, entries())))
    assert main([str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["detector"] == "text"
    assert main([str(path)]) == 0
    assert "author-rules" in capsys.readouterr().out


def real_pairs() -> Path:
    path = real_data("labelled_evolutions.jsonl")
    if path is None:
        pytest.skip(
            "no real labelled pairs here: set AUTOEVOL_DATA to the folder that has labelled_evolutions.jsonl"
        )
    return path


def test_real_pairs_against_the_authors_rules() -> None:
    pairs = [pair for pair in load_labelled(real_pairs()) if pair.trajectory.response is not None]
    ours = calibrate_detector(pairs, default_text_ensemble()).confusions["fatal"]
    theirs = calibrate_detector(pairs, AuthorRules()).confusions["fatal"]
    assert theirs.recall < 0.1
    assert ours.recall > 0.5
    assert ours.false_alarms <= 0.2


LABEL = st.sampled_from([True, False, None])


@given(st.lists(st.tuples(LABEL, LABEL, st.integers(0, 3)), max_size=12))
def test_every_decision_is_counted_once_in_any_order(
    rows: list[tuple[bool | None, bool | None, int]],
) -> None:
    pairs = [parse_labelled(entry(place, ok, fatal, [], [])) for place, (ok, fatal, _) in enumerate(rows)]
    answers = [
        passed("x"),
        failed("x", K.UNSOLVABLE, "y"),
        failed("x", K.STAGNANT, "y"),
        unscored("x", "y"),
    ]
    verdicts = [answers[choice] for _, _, choice in rows]
    found = count_verdicts(pairs, verdicts, "x", {K.UNSOLVABLE, K.STAGNANT})
    assert (
        found.confusions
        == count_verdicts(pairs[::-1], verdicts[::-1], "x", {K.UNSOLVABLE, K.STAGNANT}).confusions
    )
    scored = [row for row in rows if row[2] != 3]
    assert found.pairs - found.unscored == len(scored)
    for question, known in (
        ("fatal", [row for row in scored if row[1] is not None]),
        ("usable", [row for row in scored if row[0] is not None]),
    ):
        counts = found.confusions[question]
        assert counts.total == len(known)
        assert -1 <= counts.mcc <= 1
    assert all(value != value or -1 <= value <= 1 for value in found.agreement.values())
