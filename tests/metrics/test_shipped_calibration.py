"""The calibration that ships with the package: it loads, and it is true."""

import json
from importlib import resources
from pathlib import Path

import pytest

from autoevol.commands.calibrate import calibrate_text
from autoevol.metrics.calibration import load
from autoevol.metrics.labels import load_labelled
from metrics_support import main, real_data

SHIPPED = Path(str(resources.files("autoevol.samples"))) / "calibration.json"
SAMPLES = SHIPPED.with_name("labelled.jsonl")


def test_it_loads_and_says_what_it_was_measured_on() -> None:
    for found in load(SHIPPED):
        assert (found.pairs, found.unscored) == (93, 0)
        assert f"on {found.confusions['fatal'].total} labelled pairs" in found.sentence()
    for entry in json.loads(SHIPPED.read_text(encoding="utf-8")):
        assert entry["data"] == "labelled_evolutions.jsonl"
        assert entry["measured"]


def test_it_equals_a_fresh_measurement() -> None:
    path = real_data("labelled_evolutions.jsonl")
    if path is None:
        pytest.skip(
            "no real labelled pairs here: set AUTOEVOL_DATA to the folder that has labelled_evolutions.jsonl"
        )
    assert load(SHIPPED) == calibrate_text(load_labelled(path))


def test_the_command_writes_such_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(SAMPLES), "--save", str(tmp_path / "mine.json")]) == 0
    assert load(tmp_path / "mine.json") == calibrate_text(load_labelled(SAMPLES))
    assert capsys.readouterr().out
