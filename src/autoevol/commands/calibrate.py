"""`autoevol calibrate`: how good the failure detectors are, against labelled evolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, overload

import dspy

from autoevol.commands.keywords import take
from autoevol.commands.models import open_session, role_lm
from autoevol.commands.result import Cost, frame
from autoevol.config import Settings
from autoevol.core import aio
from autoevol.core.errors import InputError
from autoevol.core.records import Outcome, Verdict, digest
from autoevol.metrics.base import AsyncDetector
from autoevol.metrics.bound import WithLM
from autoevol.metrics.calibration import Calibration, measure
from autoevol.metrics.calibration import calibrate as measure_detector
from autoevol.metrics.catalog import TEXT_DETECTORS
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.judge import LMDetector
from autoevol.metrics.labels import Labelled, load_labelled
from autoevol.metrics.tables import render_table
from autoevol.metrics.training import load_judge
from autoevol.reports import report
from autoevol.store.calls import CallStore
from autoevol.store.files import write_json

HALVES = ("development", "report")
STORE = "runs/calibrate.sqlite"
"""Where the judge's calls are kept unless the settings name another store."""


@dataclass(frozen=True)
class Pairs:
    """Which labelled pairs to measure on.

    Attributes:
        file: Labelled pairs (`metrics.labels` has the format).
        limit: Only so many, always the same ones.
        with_responses: Only pairs that have a response.
        half: `development` or `report`. The text detectors were developed on the first half of
            the real pairs and never changed after a look at the second.
    """

    file: Path
    limit: int | None = None
    with_responses: bool = False
    half: str | None = None


@dataclass(frozen=True, repr=False)
class Calibrated(Sequence[Calibration]):
    """How good each detector was found to be.

    Attributes:
        calibrations: One for each detector.
        pairs: What they were measured on.
        cost: What the judge's calls cost; None without one.
    """

    calibrations: tuple[Calibration, ...]
    pairs: Pairs
    cost: Cost | None = None

    @overload
    def __getitem__(self, index: int) -> Calibration: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Calibration, ...]: ...
    def __getitem__(self, index: int | slice) -> Calibration | tuple[Calibration, ...]:
        return self.calibrations[index]

    def __len__(self) -> int:
        return len(self.calibrations)

    def __repr__(self) -> str:
        return render_table(self.calibrations)

    def save(self, path: str | Path) -> None:
        """Write them for `--calibration`."""
        save_calibrations(Path(path), self.calibrations, self.pairs)

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """The detectors as a table, one a line. Raises InputError without pandas."""
        return frame([calibration.to_json() for calibration in self.calibrations])


def calibrate(
    labelled: str | Path | Pairs,
    *,
    judge: str | Path | None = None,
    settings: Settings | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Calibrated:
    """Measure every text detector on labelled evolutions, and a judge: `autoevol calibrate`.

    Args:
        labelled: The file, or which pairs of it.
        judge: A compiled judge for the model of the settings.
        settings: The judge's model, requests, budget and call store.
        options: Fields of these by the names of the command's options.

    Raises:
        InputError: If file, judge, model or price cannot be used.
        StopRun: If access, endpoint, disk or budget fail; what was paid for is in the store.
    """
    (settings,) = take("calibrate", settings, options)
    wanted = labelled if isinstance(labelled, Pairs) else Pairs(Path(labelled))
    pairs = load_pairs(wanted)
    compiled = compiled_judge(Path(judge) if judge else None, settings.models.judge.model)
    text = calibrate_text(pairs)
    if not settings.models.judge.model:
        return Calibrated(tuple(text), wanted)
    open_store = partial(CallStore, settings.store.path or STORE)
    with open_session(open_store, settings, roles=("judge",)) as session:
        lm = role_lm(session, settings.models, "judge")
        judged = calibrate_judge(pairs, lm, compiled)
        cost = Cost.of(report.ledger_json(session.ledger()))
        return Calibrated((*text, *judged), wanted, cost)


def load_pairs(wanted: Pairs) -> list[Labelled]:
    """The pairs that are wanted, in an order that depends on nothing but their ids if limited.

    Raises:
        InputError: If the file cannot be used, the half is unknown, or no pair is left.
    """
    if wanted.half not in (None, *HALVES):
        raise InputError(f"half {wanted.half!r} is unknown; known are {', '.join(HALVES)}")
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
    return [measure_detector(pairs, make()) for make in TEXT_DETECTORS.values()]


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
