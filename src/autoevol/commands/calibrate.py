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
from autoevol.core.context import in_scope
from autoevol.core.errors import InputError
from autoevol.core.records import Verdict, digest
from autoevol.metrics.bound import WithLM
from autoevol.metrics.calibration import Calibration, calibrate_detector, count_verdicts
from autoevol.metrics.cascade import Cascade
from autoevol.metrics.catalog import TEXT_DETECTORS, answers_agree
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
        more: Further files of such pairs, with other ids.
        half: `development` or `report`. The text detectors were developed on the first half of
            the real pairs and never changed after a look at the second.
    """

    file: Path
    limit: int | None = None
    with_responses: bool = False
    half: Half | None = None
    more: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        check_choices(self)


@dataclass(frozen=True)
class Judging:
    """How the detectors that ask a model are measured.

    Attributes:
        samples: Replies that the judge is asked for each time, >= 1; the majority decides.
        hints: Whether the cascade's judge is told what the text rules found.
        repeat: How often it is measured, with fresh samples, >= 1.
        answers: Also measure answer agreement, with so many answers, >= 2; None leaves it out.
    """

    samples: int = 1
    hints: bool = True
    repeat: int = 1
    answers: int | None = None


def load_pairs(wanted: Pairs) -> list[Labelled]:
    """The pairs that are wanted, in an order that depends on nothing but their ids if limited.

    Raises:
        InputError: If the file cannot be used, or no pair is left.
    """
    chosen = [
        pair
        for file in (wanted.file, *wanted.more)
        for pair in load_labelled(file)
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
    return [calibrate_detector(pairs, make()) for make in TEXT_DETECTORS.values()]


def calibrate_judge(
    pairs: Sequence[Labelled],
    lm: dspy.LM,
    detector: LMDetector | None = None,
    *,
    hints: bool = True,
    repeat: int = 1,
) -> list[Calibration]:
    """An LM judge alone, and in the cascade, where rules settle facts and inform it of the rest.

    Args:
        pairs: The labelled pairs; a call for each sample, and as many again for a pair of which the
            judge is told something.
        lm: The model that judges.
        detector: The judge, by default an uncompiled one.
        hints: Whether the cascade's judge is told what the text rules found.
        repeat: How often each is measured, with fresh samples, >= 1; both calibrations for each time.
    """
    found: list[Calibration] = []
    for number in range(repeat):
        judge = (detector or LMDetector()).repeated(number)
        cascade = Cascade(default_text_ensemble(), judge, hints=hints)
        # Fresh samples need a sequence of their own, the same whenever the command is given again.
        with in_scope(f"calibrate:{number}"):
            found += aio.run_and_wait(_judged(pairs, cascade, judge, lm))
    return found


async def _judged(
    pairs: Sequence[Labelled], cascade: Cascade, judge: LMDetector, lm: dspy.LM
) -> list[Calibration]:
    alone = await aio.gather(WithLM(judge, lm).ajudge(pair.trajectory) for pair in pairs)

    async def in_cascade(pair: Labelled, said: Verdict) -> Verdict:
        # Where the judge is told nothing it would be asked the same again.
        if cascade.informed(pair.trajectory) is judge:
            return cascade.verdict(pair.trajectory, said)
        return await WithLM(cascade, lm).ajudge(pair.trajectory)

    both = await aio.gather(in_cascade(pair, said) for pair, said in zip(pairs, alone, strict=True))
    return [
        count_verdicts(pairs, alone, judge.name, judge.kinds),
        count_verdicts(pairs, both, cascade.name, cascade.kinds),
    ]


def calibrate_agreement(pairs: Sequence[Labelled], lm: dspy.LM, answers: int) -> list[Calibration]:
    """Answer agreement behind the text rules, with `answers` sampled answers of `lm` to each word problem."""
    detector = answers_agree(answers)
    asked = WithLM(detector, lm)
    with in_scope(f"calibrate:{detector.name}"):
        verdicts = aio.run_and_wait(aio.gather(asked.ajudge(pair.trajectory) for pair in pairs))
    return [count_verdicts(pairs, verdicts, detector.name, detector.kinds)]


def measure_with(
    pairs: Sequence[Labelled], lm: dspy.LM, detector: LMDetector, how: Judging
) -> list[Calibration]:
    """All detectors that ask `lm`: the judge alone and in the cascade, and answer agreement if wanted."""
    calibrations = calibrate_judge(pairs, lm, detector, hints=how.hints, repeat=how.repeat)
    if how.answers is not None:
        calibrations += calibrate_agreement(pairs, lm, how.answers)
    return calibrations


def compiled_judge(path: Path | None, model: str | None, samples: int = 1) -> LMDetector:
    """The detector of a judge that was compiled and saved, of an uncompiled one without a file.

    Raises:
        InputError: If the file is no saved judge, or there is no model to ask.
    """
    if path is None:
        return LMDetector(samples=samples)
    if model is None:
        raise InputError("--judge needs --judge-model: the file holds the prompt, not the model")
    return LMDetector(load_judge(path), samples=samples)


def save_calibrations(path: Path, found: Sequence[Calibration], pairs: Pairs) -> None:
    """Write calibrations for `--calibration`, with what they were measured on and when."""
    data = ", ".join(file.name for file in (pairs.file, *pairs.more))
    origin = {"data": data, "measured": date.today().isoformat()}
    write_json(path, [{**calibration.to_json(), **origin} for calibration in found])


def _half(pair_id: str) -> str:
    return HALVES[sha256(f"measure-1:{pair_id}".encode()).digest()[0] % 2]
