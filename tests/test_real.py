"""The whole job on a real model: the embedded one, over real seeds of three shapes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autoevol.commands.report import report
from browsing import Opened
from embedded import needs_embedded

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    needs_embedded,
]

SMALL = (
    "--limit 6 --start compact --start weak --dev-size 1 --holdout-size 1 --batch-size 1 --m 1 --steps 1"
    " --reply-tokens 64 --temperature 0.5 --concurrency 4 --on-failure again"
)


def autoevol(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "autoevol", *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("gsm8k_train_1000.jsonl", "gsm8k"),
        ("code_alpaca_800.json", "alpaca"),
        ("alpaca_seed_tasks_110.json", "alpaca"),
    ],
)
def test_real_seeds_become_a_dataset(data_folder: Path, tmp_path: Path, name: str, shape: str) -> None:
    out = tmp_path / "run"
    first = autoevol("run", str(data_folder / name), "--out", str(out), "--json", *SMALL.split())
    assert first.returncode == 0, first.stderr
    summary = json.loads(first.stdout.splitlines()[-1])
    assert summary["seeds"]["shape"] == shape
    assert summary["ledger"]["total"]["calls"] > 0

    kept = [json.loads(line) for line in (out / "dataset.jsonl").read_text().splitlines()]
    dropped = [json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines()]
    assert len({row["id"] for row in kept + dropped}) == 6
    assert all(row["instruction"] and row["response"] for row in kept)
    assert all(row["kinds"] or row["outcome"] == "unscored" for row in dropped)

    again = autoevol("run", str(data_folder / name), "--out", str(out), "--json", *SMALL.split())
    repeated = json.loads(again.stdout.splitlines()[-1])
    assert repeated["ledger"]["total"]["calls"] == summary["ledger"]["total"]["calls"]
    assert [json.loads(line) for line in (out / "dataset.jsonl").read_text().splitlines()] == kept


def test_the_report_of_a_real_run_says_what_the_model_cannot(browser: Any, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert autoevol("run", "sample:short", "--out", str(out), *SMALL.split()).returncode == 0
    opened = Opened(browser, report(out)[0].as_uri(), 390)
    assert opened.page.locator("#count").inner_text() == "6 of 6 rows"
    assert "do not train on its rows" in opened.page.locator("#verdict").inner_text()
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert opened.noise == []
