"""The calibration that ships with the package: it loads, and it is true."""

import json
from importlib import resources
from pathlib import Path

import pytest

from autoevol.commands.calibrate import calibrate_text
from autoevol.metrics.calibration import load
from autoevol.metrics.labels import load_labelled
from autoevol.metrics.tables import render_table
from metrics_support import main, real_data

SHIPPED = Path(str(resources.files("autoevol.samples"))) / "calibration.json"
SAMPLES = SHIPPED.with_name("labelled.jsonl")


REAL = ("labelled_evolutions.jsonl", "labelled_evolutions_2.jsonl")


def test_it_loads_and_says_what_it_was_measured_on() -> None:
    for found in load(SHIPPED):
        assert (found.pairs, found.unscored) == (139, 0)
        assert f"on {found.confusions['fatal'].total} labelled pairs" in found.sentence()
        assert {part.domain for part in found.parts} == {"", "math", "code", "general"}
        assert {part.strength for part in found.parts} == {"", "strong", "weak"}
    for entry in json.loads(SHIPPED.read_text(encoding="utf-8")):
        assert entry["data"] == ", ".join(REAL)
        assert entry["measured"]


def test_it_equals_a_fresh_measurement() -> None:
    paths = [real_data(name) for name in REAL]
    if None in paths:
        pytest.skip(f"no real labelled pairs here: set AUTOEVOL_DATA to the folder that has {REAL}")
    pairs = [pair for path in paths if path for pair in load_labelled(path)]
    assert load(SHIPPED) == calibrate_text(pairs)


@pytest.mark.parametrize(
    ("name", "most"),
    [
        # Broken pairs missed, sound ones called broken, usable thrown away, unusable let through.
        (REAL[0], {"missed": 11, "false": 2}),
        (REAL[1], {"missed": 2, "false": 0, "thrown": 1, "through": 2}),
    ],
)
def test_the_text_rules_find_what_they_are_said_to_on_pairs_with_a_response(
    name: str, most: dict[str, int]
) -> None:
    path = real_data(name)
    if path is None:
        pytest.skip(f"no {name} here: set AUTOEVOL_DATA to the folder that has it")
    pairs = [pair for pair in load_labelled(path) if pair.trajectory.response is not None]
    fatal, usable = (calibrate_text(pairs)[0].confusions[question] for question in ("fatal", "usable"))
    counts = {"missed": fatal.fn, "false": fatal.fp, "thrown": usable.fn, "through": usable.fp}
    assert all(counts[what] <= limit for what, limit in most.items()), counts
    assert fatal.false_alarms <= 0.10
    table = render_table(calibrate_text(pairs))
    assert "by domain" in table
    assert max(map(len, table.splitlines())) <= 80


def test_the_command_writes_such_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(SAMPLES), "--save", str(tmp_path / "mine.json")]) == 0
    assert load(tmp_path / "mine.json") == calibrate_text(load_labelled(SAMPLES))
    assert capsys.readouterr().out
