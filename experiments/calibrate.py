"""Measure failure detectors on a labelled file: those that need no model, and an LM judge.

Run: python -m autoevol.experiments.calibrate FILE [--json] [--with-responses] [--half development|report]
       [--limit N]
       [--save CALIBRATION.json]
       [--judge-model MODEL [--store CALLS.sqlite] [--concurrency N] [--api-base URL] [--api-key-env NAME]]

The judge is measured alone and behind the text detectors. Its calls are kept in the store:
the same command asks for nothing twice, and an interrupted one goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path

import dspy

from autoevol import aio
from autoevol.context import as_role
from autoevol.errors import InputError
from autoevol.lm.session import Session
from autoevol.metrics.base import AsyncDetector, Detector
from autoevol.metrics.calibration import Calibration, calibrate, measure
from autoevol.metrics.eliminator import Eliminator
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.judge import LMDetector
from autoevol.metrics.labels import Labelled, load_labelled
from autoevol.metrics.rules import AuthorRules, PaperRules
from autoevol.metrics.tables import render_table
from autoevol.records import Outcome, Verdict, digest

HALVES = ("development", "report")
MAX_TOKENS = 300
"""Room for the judge's reply: two sentences and four short fields."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table (or JSON) of all detectors; 2 if the file or the model cannot be used."""
    options = _parser().parse_args(argv)
    try:
        pairs = choose(load_labelled(options.file), options.limit, options.with_responses, options.half)
        results = [calibrate(pairs, detector) for detector in text_detectors()]
        if options.save:
            save_text(results[-1], options.save, Path(options.file).name)
        if options.judge_model:
            Path(options.store).parent.mkdir(parents=True, exist_ok=True)
            with Session(options.store, concurrency=options.concurrency) as session:
                lm = session.lm(
                    options.judge_model,
                    "judge",
                    api_base=options.api_base,
                    api_key_env=options.api_key_env,
                    temperature=0.0,
                    max_tokens=MAX_TOKENS,
                )
                results += measure_judge(pairs, lm)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps([result.to_json() for result in results], ensure_ascii=False, indent=1))
    else:
        print(render_table(results))
    return 0


def text_detectors() -> list[Detector]:
    """The baselines, then the default ensemble."""
    return [PaperRules(), AuthorRules(), Eliminator(), default_text_ensemble()]


def save_text(found: Calibration, path: str | Path, data: str) -> None:
    """Write the calibration of the text ensemble so that reports can print it; see `samples/README.md`."""
    command = f"python -m autoevol.experiments.calibrate {data} --save {Path(path).name}"
    entry = {**found.to_json(), "data": data, "measured": date.today().isoformat(), "command": command}
    Path(path).write_text(json.dumps([entry], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def choose(
    pairs: Sequence[Labelled], limit: int | None, with_responses: bool = False, half: str | None = None
) -> list[Labelled]:
    """All pairs, or `limit` of them in an order that depends on nothing but their ids.

    The text detectors were developed on the half `development` of the real pairs and never
    changed after a look at the other one, `report`.

    Raises:
        InputError: If no pair is left.
    """
    chosen = [pair for pair in pairs if pair.trajectory.response is not None or not with_responses]
    if half is not None:
        chosen = [pair for pair in chosen if HALVES[_coin(pair.id)] == half]
    if limit is not None:
        chosen = sorted(chosen, key=lambda pair: digest("calibrate", pair.id))[: max(0, limit)]
    if not chosen:
        raise InputError("no labelled pairs are left to be measured on")
    return chosen


def _coin(pair_id: str) -> int:
    return sha256(f"measure-1:{pair_id}".encode()).digest()[0] % 2


def measure_judge(
    pairs: Sequence[Labelled], lm: dspy.LM, detector: AsyncDetector | None = None
) -> list[Calibration]:
    """Measure an LM judge alone, and behind the text detectors (on what these let pass).

    Args:
        pairs: The labelled pairs; one call each.
        lm: The model that judges.
        detector: The judge, by default an uncompiled one.
    """
    judge, text = detector or LMDetector(), default_text_ensemble()
    with dspy.context(lm=lm), as_role("judge"):
        judged = aio.run(aio.gather(judge.ajudge(pair.trajectory) for pair in pairs))
    first = [text.judge(pair.trajectory) for pair in pairs]
    # As `Cascade` decides, without asking the judge twice.
    both: list[Verdict] = [
        said if seen.outcome is Outcome.PASSED else seen for seen, said in zip(first, judged, strict=True)
    ]
    return [
        measure(pairs, judged, judge.name, judge.kinds),
        measure(pairs, both, f"{text.name}+{judge.name}", text.kinds | judge.kinds),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", help="labelled pairs, JSONL")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--with-responses", action="store_true", help="only pairs that have a response")
    parser.add_argument("--limit", type=int, metavar="N", help="only N pairs, always the same ones")
    parser.add_argument("--half", choices=HALVES, help="only this half of the pairs")
    parser.add_argument("--save", metavar="FILE", help="keep the calibration of the text ensemble")
    judge = parser.add_argument_group("LM judge")
    judge.add_argument(
        "--judge-model", metavar="MODEL", help="also measure a judge: local/smollm2, openai/..."
    )
    judge.add_argument("--store", default="runs/calibrate.sqlite", help="where its calls are kept")
    judge.add_argument("--concurrency", type=int, default=8, help="most calls under way at once")
    judge.add_argument("--api-base", help="URL of an OpenAI-compatible endpoint")
    judge.add_argument("--api-key-env", help="environment variable that holds its key")
    return parser


if __name__ == "__main__":
    sys.exit(main())
