"""Measure the detectors that need no model on a labelled file.

Run: python -m autoevol.experiments.calibrate FILE [--json] [--with-responses]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from autoevol.errors import InputError
from autoevol.metrics.base import Detector
from autoevol.metrics.calibration import calibrate
from autoevol.metrics.eliminator import Eliminator
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.labels import load_labelled
from autoevol.metrics.rules import AuthorRules, PaperRules
from autoevol.metrics.tables import render_table


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table (or JSON) of all detectors; 2 if the file cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", help="labelled pairs, JSONL")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--with-responses", action="store_true", help="only pairs that have a response")
    options = parser.parse_args(argv)
    try:
        pairs = load_labelled(options.file)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    if options.with_responses:
        pairs = [pair for pair in pairs if pair.trajectory.response is not None]
    detectors: list[Detector] = [PaperRules(), AuthorRules(), Eliminator(), default_text_ensemble()]
    results = [calibrate(pairs, detector) for detector in detectors]
    if options.json:
        print(json.dumps([result.to_json() for result in results], ensure_ascii=False, indent=1))
    else:
        print(render_table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
