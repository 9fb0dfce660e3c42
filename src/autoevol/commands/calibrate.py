"""`autoevol calibrate`: how good the failure detectors are, against labelled evolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import get_args

import dspy

from autoevol.config.choices import Half, check_choices
from autoevol.core import aio
from autoevol.core.errors import InputError
from autoevol.core.records import Outcome, Verdict, digest
from autoevol.metrics.base import AsyncDetector
from autoevol.metrics.bound import WithLM
from autoevol.metrics.calibration import Calibration, calibrate, measure
from autoevol.metrics.catalog import TEXT_DETECTORS
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.judge import LMDetector
from autoevol.metrics.labels import Labelled, load_labelled
from autoevol.metrics.training import load_judge
from autoevol.store.files import write_json

HALVES: tuple[Half, ...] = get_args(Half)


@dataclass(frozen=True)
class Pairs:
    """Which labelled pairs to measure on.

    Attributes:
        file: Labelled pairs (`metrics.labels` has the format).
        limit: At most so many, always the same ones.
        with_responses: Only pairs that have a response.
        half: `development` or `report`. The text detectors were developed on the first half of
            the real pairs and never changed after a look at the second.
    """

    file: Path
    limit: int | None = None
    with_responses: bool = False
    half: Half | None = None

    def __post_init__(self) -> None:
        check_choices(self)


def load_pairs(wanted: Pairs) -> list[Labelled]:
    """The pairs that are wanted, in an order that depends on nothing but their ids if limited.

    Raises:
        InputError: If the file cannot be used, or no pair is left.
    """
    chosen = [
        pair
        for pair in load_labelled(wanted.file)
        if (pair.trajectory.response is not None or not wanted.with_responses)
        and (wanted.half is None or _half(pair.id) == wanted.half)
    ]
    if wanted.limit is not None:
        chosen = sorted(chosen, key=lambda pair: digest("calibrate", pair.id))[: wanted.limit]
    if not chosen:
        raise InputError(f"{wanted.file}: no labelled pairs are left to be measured on")
    return chosen


def calibrate_text(pairs: Sequence[Labelled]) -> list[Calibration]:
    """Every detector that needs no LM, the baselines included."""
    return [calibrate(pairs, make()) for make in TEXT_DETECTORS.values()]


def calibrate_judge(
    pairs: Sequence[Labelled], lm: dspy.LM, detector: AsyncDetector | None = None
) -> list[Calibration]:
    """An LM judge alone, and behind the text ensemble (on what that lets pass).

    Args:
        pairs: The labelled pairs; one call each.
        lm: The model that judges.
        detector: The judge, by default an uncompiled one.
    """
    judge, text = WithLM(detector or LMDetector(), lm), default_text_ensemble()
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


def compiled_judge(path: Path | None, model: str | None) -> LMDetector | None:
    """The detector of a judge that was compiled and saved, None without a file.

    Raises:
        InputError: If the file is no saved judge, or there is no model to ask.
    """
    if path is None:
        return None
    if model is None:
        raise InputError("--judge needs --judge-model: the file holds the prompt, not the model")
    return LMDetector(load_judge(path))


def save_calibrations(path: Path, found: Sequence[Calibration], pairs: Pairs) -> None:
    """Write calibrations for `--calibration`, with what they were measured on and when."""
    origin = {"data": pairs.file.name, "measured": date.today().isoformat()}
    write_json(path, [{**calibration.to_json(), **origin} for calibration in found])


def _half(pair_id: str) -> str:
    return HALVES[sha256(f"measure-1:{pair_id}".encode()).digest()[0] % 2]
