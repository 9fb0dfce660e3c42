"""Detectors by their names on the command line, and the shipped calibrations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path

from autoevol.core.errors import InputError, unknown
from autoevol.metrics.agreement import AnswerAgreement
from autoevol.metrics.base import Detector
from autoevol.metrics.calibration import Calibration, calibrate_detector, load
from autoevol.metrics.cascade import Cascade
from autoevol.metrics.domains import MATH, domain_of
from autoevol.metrics.eliminator import Eliminator
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.gain import full_eliminator
from autoevol.metrics.labels import load_labelled
from autoevol.metrics.rounds import EveryRound
from autoevol.metrics.rules import AuthorRules, PaperRules

TEXT_DETECTORS: dict[str, Callable[[], Detector]] = {
    "text": default_text_ensemble,
    "paper": PaperRules,
    "author": AuthorRules,
    "eliminator": lambda: EveryRound(Eliminator()),
}


AGREEMENT, ELIMINATOR_LM = "agreement", "eliminator-lm"
DETECTORS = (*TEXT_DETECTORS, ELIMINATOR_LM, AGREEMENT)
"""The values of `--detector`."""


def make_detector(name: str, answers: int = 4) -> Detector:
    """A detector by name. One with `calls` asks the LM of the current `dspy.context`.

    Args:
        name: One of `DETECTORS`.
        answers: Responses that `agreement` compares, >= 2.

    Raises:
        InputError: If there is none of that name; the message lists those that there are.
    """
    if name == AGREEMENT:
        return answers_agree(answers)
    if name == ELIMINATOR_LM:
        return full_eliminator()
    if name not in TEXT_DETECTORS:
        raise unknown("--detector", name, DETECTORS)
    return TEXT_DETECTORS[name]()


def answers_agree(answers: int) -> Cascade:
    """Text rules first; a word problem that passes them is answered `answers` times.

    Other tasks have many good answers, so disagreement means nothing there.
    """
    text = default_text_ensemble()
    agreement = AnswerAgreement(samples=answers, definite=lambda task: domain_of(task) == MATH)
    return Cascade(text, agreement, facts=text)


def calibration_of(
    detector: str, path: str | Path | None = None, *, domain: str = "", strength: str = ""
) -> Calibration | None:
    """The calibration of a detector: from `path`, or the nearest shipped one, or None.

    Args:
        detector: Its name.
        path: A saved calibration, or labelled evolutions (`.jsonl`), such as of the run's own rows,
            on which a text detector is measured on the spot.
        domain: Domain of the rows, of `metrics.domains`; "" if unknown.
        strength: Of the LM that evolves them, strong or weak; "" if unknown.

    Raises:
        InputError: If `path` cannot be read, or does not cover this detector.
    """
    if path is None:
        with resources.as_file(resources.files("autoevol.samples") / "calibration.json") as shipped:
            return nearest_calibration(load(shipped) if shipped.exists() else [], detector, domain, strength)
    found = nearest_calibration(_known(Path(path), detector), detector, domain, strength)
    if found is None:
        raise InputError(f"{path} holds no calibration of the detector {detector!r}")
    return found


def _known(path: Path, detector: str) -> list[Calibration]:
    if path.suffix != ".jsonl":
        return load(path)
    made = next((one for make in TEXT_DETECTORS.values() if (one := make()).name == detector), None)
    if made is None:
        raise InputError(
            f"{path}: labelled rows tell of text detectors only; measure {detector!r} with `autoevol "
            "calibrate --judge-model ... --save FILE`, and give that file"
        )
    return [calibrate_detector(load_labelled(path), made)]


ENOUGH = 5
"""Broken pairs that a part needs for its recall to be quoted instead of the overall one."""


def nearest_calibration(
    known: Iterable[Calibration], detector: str, domain: str = "", strength: str = ""
) -> Calibration | None:
    """The calibration of a detector on the pairs that are nearest to a domain and a strength.

    The first that exists: for both, for the domain, for the strength, for all pairs. A part with too few
    broken pairs (`ENOUGH`) is skipped for a wider one. None if the detector is unknown.
    """
    whole = next((found for found in known if found.detector == detector), None)
    if whole is None:
        return None
    parts = {(found.domain, found.strength): found for found in whole.parts}
    wanted = ((domain, strength), (domain, ""), ("", strength))
    telling = (parts[part] for part in wanted if part in parts and parts[part].broken >= ENOUGH)
    return next(telling, whole)
