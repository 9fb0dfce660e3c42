"""The end of a search: the best configurations compared on rows that no trial has seen."""

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
    """The finished trial of the first configuration; None if there is none."""
    first = study.space.key(study.space.baseline)
    return next((t for t in complete(study) if study.space.key(t.params) == first), None)


def complete(study: SharedStudy) -> list[FrozenTrial]:
    """Trials that ran to their end."""
    return [trial for trial in study.finished() if trial.values is not None]


def front(study: SharedStudy) -> list[FrozenTrial]:
    """The Pareto front: feasible trials that no other beats in both objectives; best rate first."""
    return sorted(study.study.best_trials, key=lambda trial: tuple(trial.values))


def compare_on_holdout(bench: TrialBench, study: SharedStudy) -> list[HoldoutLine]:
    """The first configuration and the best of the front, scored alike on one holdout.

    Raises:
        BudgetReached: If the budget is not enough.
    """
    first = baseline(study)
    best = front(study)[: study.config.top]
    chosen = [*([first] if first else []), *(t for t in best if not first or t.number != first.number)]
    rows = bench.common.holdout
    bench.listener.phase("holdout", len(rows) * len(chosen))
    measured = [_scores(bench, study.space, trial) for trial in chosen]
    counted = counted_by(bench.metric.objective.name)
    scores = [scored for scored, _ in measured]
    # Without its own trial, the first configuration has no score to compare with.
    tests = against_first(scores, counted) if first else [None] * len(scores)
    aparts = [
        _difference(scores[0], other, counted) if first and place else None
        for place, other in enumerate(scores)
    ]
    return [
        HoldoutLine(trial.number, RateReport.mean(scored), apart, cost, test, is_tied(test))
        for trial, (scored, cost), apart, test in zip(chosen, measured, aparts, tests, strict=True)
    ]


def importances(study: SharedStudy) -> dict[str, dict[str, float]]:
    """The importance of each setting for each objective, by PED-ANOVA (Watanabe et al. 2023).

    Optuna's default evaluator, fANOVA, needs scikit-learn; this one needs nothing. It compares the best
    tenth of the trials with all of them, so a few dozen trials give no more than a hint. An objective that
    nearly all trials reach equally well is left out.
    """
    trials = complete(study)
    shares: dict[str, dict[str, float]] = {}
    for index, name in enumerate(OBJECTIVES):
        with warnings.catch_warnings():
            # It warns that low values count as good, which is right here, and if all trials are among the
            # best, when there is nothing to compare.
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
    """Holdout scores of the methods of all loops of a trial, and what a usable row costs with them."""
    configuration = space.configuration(trial.params)
    scores: list[Score] = []
    costs: list[RowCost | None] = []
    for encoded in trial.user_attrs.get("methods") or [trial.user_attrs["method"]]:
        with bench.session.watched(uses := Uses()):
            scores.append(bench.score(configuration, decode_method(encoded), bench.common.holdout, "holdout"))
        costs.append(RowCost.of(uses, scores[-1]))
    return scores, RowCost.mean(costs)


def _difference(first: Sequence[Score], second: Sequence[Score], counted: Counted) -> PairedTest | None:
    """What two configurations lose on average over their loops, paired by row; None if no row is in all."""
    table = mean_losses((first, second), counted)
    return replace(PairedTest.of(*zip(*table, strict=True)), counted=counted) if table else None
