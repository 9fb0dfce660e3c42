"""The calibration that ships with the package: it loads, and it is true."""

import json
from importlib import resources
from pathlib import Path

import pytest

from autoevol.experiments.calibrate import main
from autoevol.metrics.calibration import calibrate, load
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.labels import load_labelled
from metrics_support import real_data

SHIPPED = Path(str(resources.files("autoevol.samples"))) / "calibration.json"
SAMPLES = SHIPPED.with_name("labelled.jsonl")


def test_it_loads_and_says_what_it_was_measured_on() -> None:
    (found,) = load(SHIPPED)
    assert (found.detector, found.pairs, found.unscored) == ("text", 93, 0)
    assert f"on {found.confusions['fatal'].total} labelled pairs" in found.sentence()
    (entry,) = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert set(entry) == {
        "version", "detector", "pairs", "unscored", "confusions", "agreement", "data", "measured", "command",
    }  # fmt: skip


def test_it_equals_a_fresh_measurement() -> None:
    path = real_data("labelled_evolutions.jsonl")
    if path is None:
        pytest.skip(
            "no real labelled pairs here: set AUTOEVOL_DATA to the folder that has labelled_evolutions.jsonl"
        )
    assert load(SHIPPED) == [calibrate(load_labelled(path), default_text_ensemble())]


def test_the_command_writes_such_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(SAMPLES), "--save", str(tmp_path / "mine.json")]) == 0
    assert load(tmp_path / "mine.json") == [calibrate(load_labelled(SAMPLES), default_text_ensemble())]
    assert capsys.readouterr().out
