"""`autoevol calibrate`: how good every detector is, against human labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autoevol import aio, jobs
from autoevol.config import BudgetConfig, MetricConfig, ModelConfig
from autoevol.lm.recorder import LedgerLine
from autoevol.lm.session import Session
from autoevol.metrics.base import AsyncDetector
from autoevol.metrics.bound import WithLM
from autoevol.metrics.calibration import Calibration, calibrate, measure
from autoevol.metrics.catalog import TEXT_DETECTORS
from autoevol.metrics.judge import Cascade, LMDetector
from autoevol.metrics.labels import Labelled, load_labelled
from autoevol.records import Verdict
from autoevol.store.calls import CallStore
from autoevol.store.run import write_json


def calibrate_all(
    file: str | Path,
    models: ModelConfig,
    budget: BudgetConfig,
    *,
    judge_model: str | None = None,
    store: str | Path = "runs/calibrate.sqlite",
    limit: int | None = None,
) -> tuple[list[Calibration], list[LedgerLine]]:
    """Measure every text detector, and with `judge_model` the judge alone and behind the text ensemble.

    Args:
        file: Labelled pairs (`metrics.labels` has the format).
        models: Where the judge is reached; `reply_tokens` and `concurrency` hold for it.
        budget: Caps on the judge's calls.
        judge_model: Model string of the judge; None measures what needs no LM.
        store: Call store of the judge, so that measuring again costs nothing.
        limit: Only the first so many pairs.

    Returns:
        Calibrations in the order of the table, and what the judge has cost.
    """
    pairs = load_labelled(file)[:limit]
    found = [calibrate(pairs, make()) for make in TEXT_DETECTORS.values()]
    if judge_model is None:
        return found, []
    caps = jobs.caps_of(budget)
    with Session(CallStore(store), caps=caps, concurrency=models.concurrency) as session:
        lm = jobs.judge_lm(session, models, MetricConfig(judge_model=judge_model))
        judge = LMDetector()
        for detector in (judge, Cascade(TEXT_DETECTORS["text"](), judge)):
            bound = WithLM(detector, lm)
            verdicts = aio.run(_judge_all(bound, pairs))
            found.append(measure(pairs, verdicts, bound.name, bound.kinds))
        return found, session.ledger()


async def _judge_all(detector: AsyncDetector, pairs: Sequence[Labelled]) -> list[Verdict]:
    return await aio.gather(detector.ajudge(pair.trajectory) for pair in pairs)


def save_calibrations(path: Path, found: Sequence[Calibration]) -> None:
    """Write calibrations to be given to `--calibration`."""
    write_json(path, [calibration.to_json() for calibration in found])
