"""A running job: its folder, session, metric and listener."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from autoevol.commands.following import Listener, StatusKeeper, following
from autoevol.commands.models import make_metric, open_session
from autoevol.commands.past import first_endpoints, save_endpoint
from autoevol.commands.pulse import Alive
from autoevol.commands.replies import ReplyWatch
from autoevol.config import EndpointConfig, Settings
from autoevol.config.models import ROLES, RoleName
from autoevol.core.errors import BudgetReached, JudgeUnreadable, RepliesTooShort, StopRun, StoreLost
from autoevol.core.records import Outcome
from autoevol.core.status import CallStatus
from autoevol.core.urls import open_url
from autoevol.dataset.cleaner import Cleaner
from autoevol.evolution.gates import CleanGate, Gate
from autoevol.evolution.outputs import Tally
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.reports.rates import Ledger
from autoevol.store.run import RunFolder
from autoevol.store.worked import WorkClock

if TYPE_CHECKING:
    from autoevol.commands.tracking import TrackedRun


@dataclass(frozen=True)
class Job:
    """What the stages of a run share.

    Attributes:
        folder: Locked, and claimed for these settings.
        session: Calls the models; closed with the job.
        metric: Judges the rows.
        settings: Of the run.
        gates: Check every text of the bulk stage; empty if nothing is cleaned.
        listener: Receives the progress, and keeps the status file.
        started: When the job was opened, in monotonic seconds.
        work: Working time over all starts of the run.
        replies: Counts the replies without text.
    """

    folder: RunFolder
    session: Session
    metric: FailureMetric
    settings: Settings
    gates: tuple[Gate, ...]
    listener: StatusKeeper
    started: float
    replies: ReplyWatch
    work: WorkClock

    def ending(self, tally: Tally | None, *, out_of_budget: bool) -> StopRun | None:
        """Why a command that has done all it could is not a success; None if it is one.

        Args:
            tally: Of the bulk stage, None if there was none.
            out_of_budget: Whether the budget ended it.
        """
        stop: StopRun | None = None
        if out_of_budget:
            stop = self.budget_stop()
        elif tally is None or not tally.outcomes[Outcome.PASSED]:
            stop = self.too_short() or (tally and tally.nothing_kept)
        self.listener.ends_with(stop)
        return stop

    def paid(self) -> int:
        """LM calls that the run has paid for so far, over all its starts."""
        return sum(line.paid.calls for line in self.session.ledger())

    def too_short(self) -> RepliesTooShort | None:
        """The error of a stage in which most replies of a role held no text; settings may be corrected."""
        if stop := self.replies.at_the_end():
            self.folder.allow_correction(steps_too=True)
        return stop

    def budget_stop(self) -> BudgetReached:
        """The error of a command whose budget is spent."""
        total = Ledger.of(self.session.ledger()).total
        return BudgetReached(f"budget reached after {total.calls} calls paid")


@contextmanager
def open_job(
    folder: RunFolder,
    settings: Settings,
    listener: Listener,
    *,
    roles: tuple[RoleName, ...] = ROLES,
    gated: bool = True,
) -> Iterator[Job]:
    """A job in a locked and claimed run folder, which remembers the endpoints of its models.

    Args:
        folder: Closed by the caller.
        settings: Of the run.
        listener: Receives the progress.
        roles: The roles whose models will be called.
        gated: Whether rows are evolved, so that the cleaning settings apply.

    Raises:
        InputError: If a model, a price, the metric or a benchmark cannot be used; raised before anything is
            paid for.
    """
    moved, work = _moved(folder, settings), WorkClock(folder.path)
    open_store = partial(folder.calls, settings.store.path)
    replies = ReplyWatch(settings.models)
    with (
        following(folder.path, listener, tracked_run(folder, settings, listener)) as keeper,
        open_session(
            open_store, settings, roles=roles, moved=moved, watch=replies, listener=_Noting(keeper, work)
        ) as session,
    ):
        started = time.monotonic()
        metric = make_metric(session, settings.models, settings.metrics)
        cleaning = settings.cleaning() if gated else None
        gates = (CleanGate(Cleaner(cleaning)),) if cleaning else ()
        try:
            yield Job(folder, session, metric, settings, gates, keeper, started, replies, work)
        except (RepliesTooShort, JudgeUnreadable) as stop:
            folder.allow_correction(steps_too=isinstance(stop, RepliesTooShort))
            raise
        finally:
            keeper.asked(session.status())
            with suppress(StoreLost):  # a full disk has been reported already
                work.note()


def tracked_run(folder: RunFolder, settings: Settings, listener: Listener) -> TrackedRun | None:
    """The run at its tracking service; None without `--track`. Raises InputError without the package."""
    if settings.tracking.track is None:
        return None
    from autoevol.commands.tracking import track  # reads reports and writes pages

    return track(folder, settings, listener.note)


class _Noting:
    """Passes each pulse on, and saves the working time now and then, so that a kill loses little of it."""

    def __init__(self, listener: Alive, work: WorkClock) -> None:
        self._listener, self._work = listener, work

    def pulse(self, status: Callable[[], CallStatus]) -> None:
        """See `Alive`."""
        with suppress(StoreLost):  # the writes that matter raise on their own
            self._work.tick()
        self._listener.pulse(status)


def _moved(folder: RunFolder, settings: Settings) -> dict[str, str]:
    """Current URLs that differ from those of the run's first calls, with the latter.

    Calls are keyed by the first URL, so that a model that moves finds its stored calls.
    """
    models = settings.models
    # If two roles now share a URL, it stands for the evol model's, which makes the most calls.
    bases = {name: models.resolved(name).api_base or models.evol.api_base for name in reversed(ROLES)}
    now = {role: url for role, base in bases.items() if (url := open_url(base))}
    first = {**now, **first_endpoints(folder)}
    save_endpoint(folder, EndpointConfig.of(models), first)
    before = {url: first[role] for role, url in now.items()}
    return {url: known for url, known in before.items() if url != known}
