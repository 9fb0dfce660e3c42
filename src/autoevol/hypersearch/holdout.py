"""The end of a search: the best configurations on rows that no trial has seen."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial

from autoevol.core.codec import decode_method
from autoevol.core.records import Score
from autoevol.hypersearch.space import Space
from autoevol.hypersearch.study import OBJECTIVES, SharedStudy
from autoevol.hypersearch.trial import TrialBench
from autoevol.metrics.intervals import PairedDifference
from autoevol.reports import report


@dataclass(frozen=True)
class Compared:
    """A trial's method on the holdout, beside that of the first configuration.

    Attributes:
        number: The trial.
        score: Of its method, with its rounds and temperature.
        difference: Its failure rate minus that of the first configuration on the rows scored for
            both, with a bootstrap interval; None for the first itself.
        p_value: Exact McNemar test on the same rows.
    """

    number: int
    score: Score
    difference: PairedDifference | None
    p_value: float | None


def baseline(study: SharedStudy) -> FrozenTrial | None:
    """The trial of the first configuration, if it is finished."""
    first = study.space.key(study.space.baseline)
    return next((t for t in complete(study) if study.space.key(t.params) == first), None)


def complete(study: SharedStudy) -> list[FrozenTrial]:
    """Trials that ran to their end."""
    return [trial for trial in study.finished() if trial.values is not None]


def front(study: SharedStudy) -> list[FrozenTrial]:
    """Trials that no other beats in both objectives, within the budget of a trial; best rate first."""
    return sorted(study.study.best_trials, key=lambda trial: tuple(trial.values))


def compare_on_holdout(bench: TrialBench, study: SharedStudy) -> list[Compared]:
    """The first configuration and the best of the front, by one evaluator on one holdout.

    Raises:
        BudgetReached: If the budget does not reach that far.
    """
    first = baseline(study)
    best = front(study)[: study.config.top]
    chosen = [*([first] if first else []), *(t for t in best if not first or t.number != first.number)]
    rows = bench.common.holdout
    bench.listener.phase("holdout", len(rows) * len(chosen))
    scores = [_score(bench, study.space, trial) for trial in chosen]
    return [
        Compared(trial.number, score, *_beside(scores[0], score))
        if first and trial.number != first.number
        else Compared(trial.number, score, None, None)
        for trial, score in zip(chosen, scores, strict=True)
    ]


def importances(study: SharedStudy) -> dict[str, dict[str, float]]:
    """How much of each objective each setting decides, by PED-ANOVA (Watanabe et al. 2023).

    Optuna's default evaluator, fANOVA, needs scikit-learn; this one needs nothing. It compares the
    best tenth of the trials with all, so a few dozen trials give a hint and no more. An objective
    that nearly all trials reach equally well is left out.
    """
    trials = complete(study)
    found: dict[str, dict[str, float]] = {}
    for index, name in enumerate(OBJECTIVES):
        with warnings.catch_warnings():
            # It warns that low values count as good, which they are here, and where all trials are
            # among the best, so that there is nothing to tell.
            warnings.filterwarnings("ignore", message="PedAnovaImportanceEvaluator computes")
            warnings.filterwarnings("error", message="Target and region quantiles")
            with suppress(UserWarning):
                if len(trials) > 1:
                    found[name] = get_param_importances(
                        study.study,
                        evaluator=PedAnovaImportanceEvaluator(),
                        target=lambda trial, index=index: trial.values[index],
                    )
    return found


def compared_json(compared: Compared) -> dict[str, Any]:
    """As it stands in `search.json`."""
    gap = compared.difference
    return {
        "trial": compared.number,
        "failure": report.rate_of(compared.score),
        "difference": gap._asdict() if gap else None,
        "p_value": compared.p_value,
    }


def _score(bench: TrialBench, space: Space, trial: FrozenTrial) -> Score:
    method = decode_method(trial.user_attrs["method"])
    return bench.score(space.configuration(trial.params), method, bench.common.holdout, "holdout")


def _beside(first: Score, other: Score) -> tuple[PairedDifference | None, float | None]:
    return report.paired_difference(first, other), report.paired_p_value(first, other)
