"""The end of a search: the best configurations on rows that no trial has seen."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial

from autoevol.core.codec import decode_method
from autoevol.core.records import Score
from autoevol.hypersearch.space import Space
from autoevol.hypersearch.study import OBJECTIVES, SharedStudy
from autoevol.hypersearch.trial import TrialBench
from autoevol.lm.meter import Uses
from autoevol.metrics.paired import Counted, PairedTest
from autoevol.metrics.simultaneous import against_first, mean_losses
from autoevol.reports.costs import RowCost
from autoevol.reports.rates import RateReport
from autoevol.reports.search import HoldoutLine
from autoevol.reports.verdicts import counted_by, is_tied


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


def compare_on_holdout(bench: TrialBench, study: SharedStudy) -> list[HoldoutLine]:
    """The first configuration and the best of the front, by one evaluator on one holdout.

    Raises:
        BudgetReached: If the budget does not reach that far.
    """
    first = baseline(study)
    best = front(study)[: study.config.top]
    chosen = [*([first] if first else []), *(t for t in best if not first or t.number != first.number)]
    rows = bench.common.holdout
    bench.listener.phase("holdout", len(rows) * len(chosen))
    found = [_scores(bench, study.space, trial) for trial in chosen]
    counted = counted_by(bench.metric.objective.name)
    scores = [scored for scored, _ in found]
    # Without its own trial, the first configuration has no score to compare with.
    tests = against_first(scores, counted) if first else [None] * len(scores)
    aparts = [_difference(scores[0], other, counted) if first else None for other in scores[1:]]
    return [
        HoldoutLine(trial.number, RateReport.mean(scored), apart, cost, test, is_tied(test))
        for trial, (scored, cost), apart, test in zip(chosen, found, [None, *aparts], tests, strict=True)
    ]


def importances(study: SharedStudy) -> dict[str, dict[str, float]]:
    """How much of each objective each setting decides, by PED-ANOVA (Watanabe et al. 2023).

    Optuna's default evaluator, fANOVA, needs scikit-learn; this one needs nothing. It compares the
    best tenth of the trials with all, so a few dozen trials give a hint and no more. An objective
    that nearly all trials reach equally well is left out.
    """
    trials = complete(study)
    shares: dict[str, dict[str, float]] = {}
    for index, name in enumerate(OBJECTIVES):
        with warnings.catch_warnings():
            # It warns that low values count as good, which they are here, and where all trials are
            # among the best, so that there is nothing to tell.
            warnings.filterwarnings("ignore", message="PedAnovaImportanceEvaluator computes")
            warnings.filterwarnings("error", message="Target and region quantiles")
            with suppress(UserWarning):
                if len(trials) > 1:
                    shares[name] = get_param_importances(
                        study.study,
                        evaluator=PedAnovaImportanceEvaluator(),
                        target=lambda trial, index=index: trial.values[index],
                    )
    return shares


def _scores(bench: TrialBench, space: Space, trial: FrozenTrial) -> tuple[list[Score], RowCost | None]:
    """The methods of all loops of a trial on the holdout, and what a usable row costs with them."""
    scores: list[Score] = []
    costs: list[RowCost | None] = []
    for told in trial.user_attrs.get("methods") or [trial.user_attrs["method"]]:
        with bench.session.watched(uses := Uses()):
            configuration = space.configuration(trial.params)
            scores.append(bench.score(configuration, decode_method(told), bench.common.holdout, "holdout"))
        costs.append(RowCost.of(uses, scores[-1]))
    return scores, RowCost.mean(costs)


def _difference(first: Sequence[Score], second: Sequence[Score], counted: Counted) -> PairedTest | None:
    """What two configurations lose on average over their loops, paired by row; None if no row is in all."""
    table = mean_losses((first, second), counted)
    return replace(PairedTest.of(*zip(*table, strict=True)), counted=counted) if table else None
