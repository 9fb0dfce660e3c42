"""What the report of a large run takes: time, memory, size, and how soon a browser shows it.

    python -m autoevol.experiments.bench.page ROWS [--folder DIR]

The rows are *made up*: about 2 kB each, words drawn so that no two are alike, every third failed. The report
is that of `autoevol report`. Prints one line of JSON: seconds for the report and how much of them this
process computed, its highest resident memory in MB, MB of the page, and seconds from opening to the first
rows in chromium (null where there is none).
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from autoevol.commands.report import report
from autoevol.core.records import Evolution, FailureKind, Row
from autoevol.evolution.lineage import Fate, Lineage, Round, encode_lineage, round_id
from autoevol.experiments.bench.rows import resident
from autoevol.store.parts import Parts
from autoevol.store.run import RunFolder

_PART = 1_000
_WORDS = [
    "river",
    "bridge",
    "market",
    "town",
    "winter",
    "lamp",
    "garden",
    "letter",
    "stone",
    "harbour",
    "wagon",
    "teacher",
    "window",
    "orchard",
    "clock",
    "mill",
    "valley",
]


def rows(count: int) -> Iterator[Lineage]:
    """`count` rows, every third of which fails."""
    dice = random.Random(0)
    for number in range(count):
        words = " ".join(dice.choices(_WORDS, k=24))
        row = Row(f"{number:016x}", f"Describe town {number} by these words: {words}.")
        yield Lineage(row, tuple(_rounds(row, words, failed=number % 3 == 0)))


def _rounds(row: Row, words: str, *, failed: bool) -> Iterator[Round]:
    parent_id, text = row.id, row.instruction
    for number in (1,) if failed else (1, 2):
        evolved = f"{text} Also say in round {number} how {words[: 40 * number]} came to be there."
        step = Round(
            id=round_id(row.id, number, 0, evolved),
            parent_id=parent_id,
            seed_id=row.id,
            round=number,
            attempt=0,
            operation=("deepen", "concretize")[number - 1],
            method_id="0" * 16,
            model="made-up",
            evolution=Evolution(text, evolved, f"I add one thing. {evolved}" if failed else None, "stop"),
            response=f"The town has {words}. " * 2,
            response_finish_reason="stop",
            tokens=(180, 120),
            fate=Fate.FAILED if failed else Fate.PASSED,
            kinds=(FailureKind.LOST_INFORMATION,) if failed else (),
            reason="The rewrite has lost a word." if failed else "",
        )
        yield step
        parent_id, text = step.id, evolved


def write(folder: Path, count: int) -> None:
    """A run folder of `count` rows, under way."""
    made = rows(count)
    with RunFolder(folder, {"pipeline": {"keep": "last"}}):
        parts = Parts(folder / "parts", {"of": "a benchmark"})
        for number in range(-(-count // _PART)):
            with parts.writer(number) as writer:
                for lineage in (one for _, one in zip(range(_PART), made, strict=False)):
                    record = number * _PART + writer.rows
                    writer.add(encode_lineage(lineage), lineage.row.id, record=record)
                writer.seal()


def shown_after(page: Path) -> float | None:
    """Seconds until chromium shows the first rows of a page; None without chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        started = time.monotonic()
        tab.goto(page.resolve().as_uri())
        tab.locator("#list details.row").first.wait_for()
        taken = time.monotonic() - started
        browser.close()
    return round(taken, 2)


def measure(folder: Path, count: int) -> dict[str, float | int | None]:
    """The figures of the report on `count` rows in `folder`, which is made if it is not there."""
    if not folder.exists():
        write(folder, count)
    started, computed = time.monotonic(), time.process_time()
    (page,) = report(folder)
    seconds, computed = time.monotonic() - started, time.process_time() - computed
    return {
        "rows": count,
        "report_s": round(seconds, 1),
        "report_cpu_s": round(computed, 1),
        "mb_highest": round(resident("VmHWM")),
        "page_mb": round(page.stat().st_size / 1e6, 2),
        "shown_after_s": shown_after(page),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=int)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(given.folder or Path(folder) / "run", given.rows)))


if __name__ == "__main__":
    main()
