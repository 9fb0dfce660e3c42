"""`autoevol calibrate`: measure the failure detectors against labelled evolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args, overload

import dspy

from autoevol.commands.keywords import take
from autoevol.commands.models import open_session, role_lm
from autoevol.commands.result import Cost, frame
from autoevol.config import CalibrateConfig, Settings
from autoevol.config.choices import Half, check_choices
from autoevol.core import aio
from autoevol.core.context import in_scope
from autoevol.core.errors import InputError
from autoevol.core.records import Verdict, digest
from autoevol.metrics.bound import WithLM
from autoevol.metrics.calibration import Calibration, calibrate_detector, count_verdicts, own_verdicts
from autoevol.metrics.cascade import Cascade
from autoevol.metrics.catalog import TEXT_DETECTORS, answers_agree
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.judge import LMDetector
from autoevol.metrics.labels import Labelled, load_labelled
from autoevol.metrics.tables import render_table
from autoevol.metrics.training import load_judge
from autoevol.reports.rates import Ledger
from autoevol.store.calls import CallStore
from autoevol.store.files import write_json
from autoevol.store.sealed import check_source

HALVES: tuple[Half, ...] = get_args(Half)
STORE = "runs/calibrate.sqlite"
"""Where the judge's calls are kept unless the settings name another store."""


@dataclass(frozen=True)
class Pairs:
    """Which labelled pairs to measure on.

    Attributes:
        file: Labelled pairs (`metrics.labels` has the format).
        limit: Maximum number of pairs; always the same ones.
        with_responses: Only pairs that have a response.
        more: Further files of such pairs, with different ids.
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
    """How the detectors that call a model are measured.

    Attributes:
        samples: Replies per verdict of the judge, >= 1; the majority decides.
        hints: Whether the cascade's judge is told what the text rules found.
        repeat: Number of measurements, each with fresh samples, >= 1.
        answers: Answers sampled to measure answer agreement as well, >= 2; None leaves it out.
    """

    samples: int = 1
    hints: bool = True
    repeat: int = 1
    answers: int | None = None


@dataclass(frozen=True, repr=False)
class Calibrated(Sequence[Calibration]):
    """The calibration of each detector.

    Attributes:
        calibrations: One per detector.
        pairs: What they were measured on.
        cost: Cost of the judge's calls; None without a judge.
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
        """Write the calibrations to a file for `--calibration`."""
        save_calibrations(Path(path), self.calibrations, self.pairs)

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """The detectors as a table, one row each. Raises InputError without pandas."""
        return frame([calibration.to_json() for calibration in self.calibrations])


def calibrate(
    labelled: str | Path | Sequence[str | Path],
    *,
    judge: str | Path | None = None,
    config: CalibrateConfig | None = None,
    settings: Settings | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Calibrated:
    """Measure every text detector on labelled evolutions, and a judge: `autoevol calibrate`.

    Args:
        labelled: Files of labelled pairs (format: `metrics.labels`).
        judge: A compiled judge for the model of the settings.
        config: Which pairs to use, and how to call the judge.
        settings: The judge's model, requests, budget and call store.
        options: Fields of these by the names of the command's options.

    Raises:
        InputError: If file, judge, model or price cannot be used.
        StopRun: If access, the endpoint or the disk fails, or the budget is reached; what was paid for is
            in the store.
    """
    settings, config = take("calibrate", settings, options, config or CalibrateConfig())
    files = [labelled] if isinstance(labelled, str | Path) else labelled
    first, *more = (Path(file) for file in files)
    wanted = Pairs(first, config.limit, config.with_responses, config.half, tuple(more))
    how = Judging(config.judge_samples, config.judge_hints, config.repeat, config.agreement)
    pairs = load_pairs(wanted)
    detector = compiled_judge(Path(judge) if judge else None, settings.models.judge.model, how.samples)
    text = calibrate_text(pairs)
    if not settings.models.judge.model:
        return Calibrated(tuple(text), wanted)
    open_store = partial(CallStore, settings.store.path or STORE)
    with open_session(open_store, settings, roles=("judge",)) as session:
        lm = role_lm(session, settings.models, "judge")
        judged = measure_with(pairs, lm, detector, how)
        cost = Cost.of(Ledger.of(session.ledger()))
        return Calibrated((*text, *judged), wanted, cost)


def load_pairs(wanted: Pairs) -> list[Labelled]:
    """Load the selected pairs; under a limit, the choice and the order depend on the ids alone.

    Raises:
        InputError: If a file cannot be used, or no pair is left.
        StoreError: If a file has changed since `label` wrote it.
    """
    for file in (wanted.file, *wanted.more):
        check_source(file)
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
    """Calibrate every detector without an LM, baselines included, after the run's own verdicts if given."""
    return [*own_verdicts(pairs), *(calibrate_detector(pairs, make()) for make in TEXT_DETECTORS.values())]


def calibrate_judge(
    pairs: Sequence[Labelled],
    lm: dspy.LM,
    detector: LMDetector | None = None,
    *,
    hints: bool = True,
    repeat: int = 1,
) -> list[Calibration]:
    """Calibrate an LM judge alone, and in the cascade, where rules settle facts and give it hints.

    Args:
        pairs: The labelled pairs; each takes a call per sample, and as many again if the judge gets a hint.
        lm: The model that judges.
        detector: The judge; by default an uncompiled one.
        hints: Whether the cascade's judge is told what the text rules found.
        repeat: Number of measurements, each with fresh samples, >= 1; each gives both calibrations.
    """
    calibrations: list[Calibration] = []
    for number in range(repeat):
        judge = (detector or LMDetector()).repeated(number)
        cascade = Cascade(default_text_ensemble(), judge, hints=hints)
        # A scope per repetition: fresh samples, and the same ones when the command is run again.
        with in_scope(f"calibrate:{number}"):
            calibrations += aio.run_and_wait(_judged(pairs, cascade, judge, lm))
    return calibrations


async def _judged(
    pairs: Sequence[Labelled], cascade: Cascade, judge: LMDetector, lm: dspy.LM
) -> list[Calibration]:
    alone = await aio.gather(WithLM(judge, lm).ajudge(pair.trajectory) for pair in pairs)

    async def in_cascade(pair: Labelled, said: Verdict) -> Verdict:
        # Without a hint, the judge would get the same prompt again.
        if cascade.informed(pair.trajectory) is judge:
            return cascade.verdict(pair.trajectory, said)
        return await WithLM(cascade, lm).ajudge(pair.trajectory)

    both = await aio.gather(in_cascade(pair, said) for pair, said in zip(pairs, alone, strict=True))
    return [
        count_verdicts(pairs, alone, judge.name, judge.kinds),
        count_verdicts(pairs, both, cascade.name, cascade.kinds),
    ]


def calibrate_agreement(pairs: Sequence[Labelled], lm: dspy.LM, answers: int) -> list[Calibration]:
    """Calibrate answer agreement after the text rules, with `answers` samples of `lm` per word problem."""
    detector = answers_agree(answers)
    asked = WithLM(detector, lm)
    with in_scope(f"calibrate:{detector.name}"):
        verdicts = aio.run_and_wait(aio.gather(asked.ajudge(pair.trajectory) for pair in pairs))
    return [count_verdicts(pairs, verdicts, detector.name, detector.kinds)]


def measure_with(
    pairs: Sequence[Labelled], lm: dspy.LM, detector: LMDetector, how: Judging
) -> list[Calibration]:
    """Calibrate all detectors that call `lm`: judge, cascade and, if set, answer agreement."""
    calibrations = calibrate_judge(pairs, lm, detector, hints=how.hints, repeat=how.repeat)
    if how.answers is not None:
        calibrations += calibrate_agreement(pairs, lm, how.answers)
    return calibrations


def compiled_judge(path: Path | None, model: str | None, samples: int = 1) -> LMDetector:
    """A detector with the compiled judge in `path`; without a file, with an uncompiled one.

    Raises:
        InputError: If the file is no saved judge, or there is no model to call.
    """
    if path is None:
        return LMDetector(samples=samples)
    if model is None:
        raise InputError("--judge needs --judge-model: the file holds the prompt, not the model")
    return LMDetector(load_judge(path), samples=samples)


def save_calibrations(path: Path, calibrations: Sequence[Calibration], pairs: Pairs) -> None:
    """Write calibrations for `--calibration`, with their data and date."""
    data = ", ".join(file.name for file in (pairs.file, *pairs.more))
    origin = {"data": data, "measured": date.today().isoformat()}
    write_json(path, [{**calibration.to_json(), **origin} for calibration in calibrations])


def _half(pair_id: str) -> str:
    return HALVES[sha256(f"measure-1:{pair_id}".encode()).digest()[0] % 2]
