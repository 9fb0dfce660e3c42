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


def test_the_table_of_all_pairs_fits_80_columns() -> None:
    pairs = [pair for path in map(real_data, REAL) if path for pair in load_labelled(path)]
    lines = render_table(calibrate_text([*pairs, *load_labelled(SAMPLES)])).splitlines()
    assert any(line.startswith("by domain") for line in lines)
    assert max(map(len, lines)) <= 80


def test_the_command_writes_such_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(SAMPLES), "--save", str(tmp_path / "mine.json")]) == 0
    assert load(tmp_path / "mine.json") == calibrate_text(load_labelled(SAMPLES))
    assert capsys.readouterr().out
