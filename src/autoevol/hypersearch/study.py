"""The Optuna study that the workers of a search share, and the assignment of trials to workers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial
from optuna.trial import TrialState as State

from autoevol.config import SearchConfig
from autoevol.core.codec import encode_method
from autoevol.core.errors import InputError, StoreError
from autoevol.core.seeds import derived_seed
from autoevol.hypersearch.proposals import Unrepeated
from autoevol.hypersearch.pruning import TrialPoint
from autoevol.hypersearch.space import Params, Space
from autoevol.hypersearch.trial import Measured
from autoevol.reports.costs import RowCost
from autoevol.reports.rates import RateReport
from autoevol.store.study import StudyFolder

OBJECTIVES = ("failure rate", "calls")
"""Both are minimised. For other objectives the first is their loss: 1 minus the yield or the gain."""


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, Optuna logs warnings only; afterwards its verbosity is restored."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def without_password(url: str | None) -> str | None:
    """A storage URL without its password, safe to print and write."""
    return re.sub(r"(://[^:/@]*):[^/]*@", r"\1:***@", url) if url else None


class SharedStudy:
    """Assigns trials so that none runs twice and none is lost.

    A worker takes a trial inside the critical section `StudyFolder.alone`. It first requeues the trials of
    dead workers, and proposes only configurations that were not tried and are neither running nor queued.
    Optuna's heartbeats could also detect dead workers, but only with a relational database. A call that is
    in flight in two workers at the same time is paid by both; no finished call is paid again.

    Args:
        folder: The folder of the search.
        config: Its settings.
        space: The search space; its baseline is the first trial.

    Raises:
        InputError: If the storage cannot be opened.
        StoreError: If the journal in the folder is damaged. Optuna's lines have no checksums, so damage
            that still parses goes unnoticed.
    """

    def __init__(self, folder: StudyFolder, config: SearchConfig, space: Space) -> None:
        self.folder, self.config, self.space = folder, config, space
        self.name = f"{folder.path.name}-{folder.run_id[:6]}"
        with folder.alone():
            self.study = optuna.create_study(
                storage=_open_storage(folder, config.storage),
                study_name=self.name,
                directions=["minimize", "minimize"],
                load_if_exists=True,
            )
            if self.study.metric_names != list(OBJECTIVES):
                with warnings.catch_warnings():  # Optuna calls the names experimental
                    warnings.simplefilter("ignore", ExperimentalWarning)
                    self.study.set_metric_names(list(OBJECTIVES))
            if not self.study.get_trials(deepcopy=False):
                self._enqueue(space.baseline, baseline=True)

    def next_trial(self, worker: int) -> Trial | None:
        """A worker's next trial; None once enough are finished or running, or the space is exhausted."""
        with self.folder.alone():
            self._recover(worker)
            trials = self.study.get_trials(deepcopy=False)
            begun = [t for t in trials if t.state in (State.COMPLETE, State.PRUNED, State.RUNNING)]
            waiting = [t for t in trials if t.state is State.WAITING]
            taken = {self.space.key(_params(t)) for t in [*begun, *waiting]}
            if len(begun) >= self.config.trials or (not waiting and len(taken) >= self.space.size):
                return None
            # Seeded by the number of trials begun, so that a resumed search proposes what it would have
            # proposed without the stop, and two workers never propose the same.
            seed = derived_seed("proposal", self.config.search_seed, len(begun))
            self.study.sampler = Unrepeated(self.space, taken, seed)
            trial = self.study.ask(fixed_distributions=self.space.distributions())
            trial.set_user_attr("worker", worker)
            return trial

    def give_back(self, worker: int) -> None:
        """Requeue this worker's unfinished trial for another worker or a later process."""
        with self.folder.alone():
            self._recover(worker)

    def finish(self, trial: Trial, measured: Measured) -> None:
        """Record a completed trial."""
        best = measured.best
        rate = RateReport.mean([loop.score for loop in measured.loops]).to_json()
        self._file(trial, measured.calls, rate | {"paid_calls": measured.paid.calls})
        row_cost = RowCost.mean([loop.row_cost for loop in measured.loops])
        for key, value in {
            "method_id": best.method.id,
            "method": encode_method(best.method),
            "methods": [encode_method(loop.method) for loop in measured.loops],
            "losses": [loop.score.loss for loop in measured.loops],
            "tokens": measured.tokens,
            "usd": measured.usd,
            "row_cost": row_cost and row_cost.to_json(),
            "paid_tokens": measured.paid.tokens,
            "steps": best.steps,
            "stopped": best.stopped,
            "seconds": round(measured.seconds, 3),
        }.items():
            trial.set_user_attr(key, value)
        self.study.tell(trial, [measured.loss, measured.calls])

    def prune(self, trial: Trial, curve: Sequence[TrialPoint], why: str) -> None:
        """Record a pruned trial."""
        self._file(trial, curve[-1].calls, {"pruned": why})
        self.study.tell(trial, state=State.PRUNED)

    def finished(self) -> list[FrozenTrial]:
        """Completed and pruned trials, by number."""
        return self.study.get_trials(deepcopy=False, states=(State.COMPLETE, State.PRUNED))

    def unfinished(self) -> bool:
        """Whether trials are running or queued, and more are wanted."""
        pending = self.study.get_trials(deepcopy=False, states=(State.RUNNING, State.WAITING))
        return bool(pending) and len(self.finished()) < self.config.trials

    def curves(self) -> list[list[TrialPoint]]:
        """The curves of all finished trials."""
        return [
            [TrialPoint(*point) for point in trial.user_attrs.get("curve", ())] for trial in self.finished()
        ]

    def _file(self, trial: Trial, calls: int, facts: dict[str, Any]) -> None:
        for key, value in {"calls": calls, **facts}.items():
            trial.set_user_attr(key, value)
        if self.config.trial_calls is not None:
            trial.set_constraint("calls", calls - self.config.trial_calls)

    def _recover(self, worker: int) -> None:
        """Fail trials left running by dead workers, or by an earlier process of `worker`, and requeue them.

        Both steps depend only on the study, so being killed between them does no harm.
        """
        for trial in self.study.get_trials(deepcopy=False, states=(State.RUNNING,)):
            holder = trial.user_attrs.get("worker")
            # A trial without a worker belongs to one that died right after taking it: trials are only taken
            # in the critical section, and we are inside it.
            if holder is None or holder == worker or not self.folder.at_work(holder):
                self.study.tell(trial.number, state=State.FAIL)
        trials = self.study.get_trials(deepcopy=False)
        queued = {self.space.key(p) for t in trials if t.state is not State.FAIL and (p := self._whole(t))}
        for trial in trials:
            params = self._whole(trial) if trial.state is State.FAIL else None
            if params and self.space.key(params) not in queued:
                queued.add(self.space.key(params))
                self._enqueue(params, baseline=trial.user_attrs.get("baseline", False), again=trial.number)

    def _enqueue(self, params: Params, **facts: object) -> None:
        self.study.enqueue_trial(params, user_attrs={"proposal": params, **facts})

    def _whole(self, trial: FrozenTrial) -> Params | None:
        """The parameters of a trial; None if its worker died before all were set."""
        params = _params(trial)
        return params if params.keys() >= self.space.baseline.keys() else None


def _params(trial: FrozenTrial) -> Params:
    # Optuna sets the parameters of a queued trial only when it is taken.
    return {**trial.user_attrs.get("proposal", {}), **trial.params}


def _open_storage(folder: StudyFolder, url: str | None) -> BaseStorage:
    if url is None:
        folder.mend_journal()
        lock = cast(Any, folder.journal_lock())  # Optuna's base class for locks is not public
        try:
            return JournalStorage(JournalFileBackend(str(folder.journal), lock_obj=lock))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # Optuna replays the journal without validating it, so damage raises almost anything.
            raise StoreError(
                f"{folder.journal} is damaged ({type(error).__name__}): restore it from a copy, or give "
                "another --out"
            ) from error
    try:
        return get_storage(url)
    except Exception as error:
        raise InputError(f"--storage {without_password(url)}: {error}") from error
