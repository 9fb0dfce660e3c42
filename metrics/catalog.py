"""Detectors by the name that the command line gives them, and the calibration that ships."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

from autoevol.core.errors import InputError, unknown
from autoevol.metrics.base import Detector
from autoevol.metrics.calibration import Calibration, load
from autoevol.metrics.eliminator import Eliminator
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.rounds import EveryRound
from autoevol.metrics.rules import AuthorRules, PaperRules

TEXT_DETECTORS: dict[str, Callable[[], Detector]] = {
    "text": default_text_ensemble,
    "paper": PaperRules,
    "author": AuthorRules,
    "eliminator": lambda: EveryRound(Eliminator()),
}


def make_detector(name: str) -> Detector:
    """A text detector by name.

    Raises:
        InputError: If there is none of that name; the message lists those that there are.
    """
    if name not in TEXT_DETECTORS:
        raise unknown("--detector", name, TEXT_DETECTORS)
    return TEXT_DETECTORS[name]()


def calibration_of(detector: str, path: str | Path | None = None) -> Calibration | None:
    """The calibration of a detector: from `path`, else the one that ships, else None.

    Raises:
        InputError: If `path` cannot be read as calibrations, or holds none of this detector.
    """
    if path is not None:
        found = {calibration.detector: calibration for calibration in load(path)}
        if detector not in found:
            raise InputError(f"{path} holds no calibration of the detector {detector!r}")
        return found[detector]
    with resources.as_file(resources.files("autoevol.samples") / "calibration.json") as shipped:
        known = load(shipped) if shipped.exists() else []
    return next((calibration for calibration in known if calibration.detector == detector), None)
