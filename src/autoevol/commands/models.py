"""The models of a run: the session, one LM per role, and the metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import dspy

from autoevol.commands.pulse import Alive, Pulse
from autoevol.commands.replies import ReplyWatch
from autoevol.config import MetricConfig, ModelConfig, Settings
from autoevol.config.models import ROLES, RoleName
from autoevol.core.errors import InputError
from autoevol.core.progress import Progress
from autoevol.data.load import load_rows
from autoevol.lm.batch import BatchSettings
from autoevol.lm.budget import Caps
from autoevol.lm.endpoints import route
from autoevol.lm.flow import Limits
from autoevol.lm.prices import caps_of, paid_models, prices_of
from autoevol.lm.recorder import Watcher
from autoevol.lm.retry import RetryPolicy
from autoevol.lm.session import Session
from autoevol.metrics.base import Detector
from autoevol.metrics.bound import WithLM
from autoevol.metrics.cascade import Cascade
from autoevol.metrics.catalog import calibration_of, make_detector
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.judge import LMDetector
from autoevol.metrics.objectives import OBJECTIVES, Learnability
from autoevol.programs.respond import answering_with
from autoevol.store.calls import CallStore
from autoevol.students.learner import LEAST_PAIRS, NATURAL_PAIRS, PairLearner
from autoevol.students.torch_student import TorchStudent, check_packages


def open_session(
    open_store: Callable[..., CallStore],
    settings: Settings,
    *,
    roles: tuple[RoleName, ...] = ROLES,
    caps: Caps | None = None,
    moved: Mapping[str, str] | None = None,
    watch: Watcher | None = None,
    listener: Alive | None = None,
) -> Session:
    """Open a session; the only place where the library makes one.

    Args:
        open_store: Opens the call store; takes `power_safe`.
        settings: Models, requests and budget are used.
        roles: The roles that will be called; only these need prices if money is capped.
        caps: Hard caps instead of those of the budget.
        moved: Original URLs by current one, of endpoints that have moved since the run began.
        watch: Called with every reply; by default a `ReplyWatch`.
        listener: Called every second with the status of the calls; by default a line is logged now and then.

    Raises:
        InputError: If money is capped and a paid model has no price.
    """
    names = [role.model for role in settings.models.in_use(roles).values()]
    paid = paid_models(names, settings.budget)
    requests = settings.requests
    session = Session(
        # Calls to a model in this process cost only time: power loss may take the last few.
        open_store(power_safe=bool(paid)),
        caps=caps or caps_of(settings.budget),
        concurrency=requests.concurrency,
        prices=prices_of(names, settings.budget),
        client=requests.client,
        limits=Limits(requests.rpm, requests.tpm),
        moved=moved,
        timeout=requests.timeout,
        retry=RetryPolicy(attempts=requests.retries + 1, patience=requests.max_wait),
    )
    session.recorder.watchers.append(watch or ReplyWatch(settings.models))
    session.attendants.enter_context(closing(Pulse(session, listener or Progress())))
    return session


def role_lm(session: Session, models: ModelConfig, name: RoleName) -> dspy.LM:
    """The LM of a role.

    The loop passes the optimizer's sampling with each call. A judge runs at temperature 0, so that a
    verdict does not depend on when it is asked for.

    Raises:
        InputError: If there is no such model, or it is a local one and an endpoint is given.
    """
    role, prefix = models.resolved(name), "" if name == "evol" else f"{name}-"
    if role.api_base and role.model.startswith("local/"):
        raise InputError(
            f"{role.model} runs in this process: name the model behind {role.api_base} with "
            f"--{name}-model, or leave out --{prefix}api-base"
        )
    sampling: dict[str, Any] = {"max_tokens": role.reply_tokens}
    if name != "optimizer":
        sampling["temperature"] = role.temperature
        if role.top_p is not None:
            sampling["top_p"] = role.top_p
    where = {"api_base": role.api_base, "api_key_env": role.api_key_env}
    return session.lm(role.model, name, **where, extra=role.body, **sampling)


def respond_lm(session: Session, models: ModelConfig) -> dspy.LM | None:
    """The LM that responds; None if it is the one that evolves."""
    return role_lm(session, models, "respond") if models.responds_apart else None


@contextmanager
def asking(session: Session, models: ModelConfig) -> Iterator[None]:
    """Inside the block, programs evolve and respond with the models of these roles."""
    with dspy.context(lm=role_lm(session, models, "evol")), answering_with(respond_lm(session, models)):
        yield


@contextmanager
def asking_for_rows(session: Session, settings: Settings, say: Callable[[str], None]) -> Iterator[None]:
    """The same for the bulk stage, whose requests may go through batch APIs.

    Args:
        session: Makes the LMs.
        settings: Models and batches are used.
        say: Called with the progress of a batch.

    Raises:
        InputError: If there are to be batches and the evol model has no OpenAI-compatible endpoint.
    """
    models, batch = settings.models, settings.batch
    with asking(session, models):
        if not batch.on:
            yield
            return
        if route(models.evol.model, models.evol.api_base).base is None:
            raise InputError(
                f"--batch needs an OpenAI-compatible endpoint, and {models.evol.model} has none; "
                "name one with --api-base, or leave out --batch"
            )
        waves = BatchSettings(
            batch.requests,
            quiet=min(2.0, batch.poll),
            first_look=min(1.0, batch.poll),
            longest_wait=batch.poll,
            discount=batch.discount,
        )
        with session.batched(waves, lambda progress: say(str(progress))):
            yield


def make_metric(session: Session, models: ModelConfig, chosen: MetricConfig) -> FailureMetric:
    """The failure metric that the settings name; for learnability, its student is loaded.

    Raises:
        InputError: As for `checked_detector`, or if natural pairs teach the student nothing.
    """
    detector, objective = checked_detector(session, models, chosen), OBJECTIVES[chosen.objective]
    if objective is Learnability:
        student = TorchStudent(chosen.learner, "last")
        return FailureMetric(detector, Learnability(PairLearner(student, natural_pairs(chosen))))
    return FailureMetric(detector, objective())


def checked_detector(session: Session, models: ModelConfig, chosen: MetricConfig) -> Detector:
    """The detector of the metric, after a check of all its settings; no student is loaded.

    Raises:
        InputError: If the objective needs a judge, the calibration is none of the detector, or
            learnability lacks its pairs or a package.
    """
    objective = OBJECTIVES[chosen.objective]
    if objective.needs_judge and not models.judge.model:
        raise InputError(
            f"--objective {objective.name} needs a judge: give --judge-model, or take --objective gain-proxy"
        )
    if objective is Learnability:
        check_packages("last")
        natural_pairs(chosen)
    detector = make_detector_of(models, chosen)
    if isinstance(detector, Cascade):
        detector = WithLM(detector, role_lm(session, models, "judge"))
    calibration_of(detector.name, chosen.calibration)  # read at the end, refused before anything is paid
    return detector


def natural_pairs(chosen: MetricConfig) -> list[tuple[str, str]]:
    """The pairs of `--learn-for`: the first rows of the file that have an answer.

    Raises:
        InputError: If it cannot be read, or has too few.
    """
    rows = load_rows(chosen.learn_for or "").rows
    pairs = [(row.instruction, row.reference) for row in rows if row.reference][:NATURAL_PAIRS]
    if len(pairs) < LEAST_PAIRS:
        raise InputError(
            f"--learn-for {chosen.learn_for}: {len(pairs)} of {len(rows)} rows have an answer; at least "
            f"{LEAST_PAIRS} are needed"
        )
    return pairs


def make_detector_of(models: ModelConfig, chosen: MetricConfig) -> Detector:
    """The detector that the settings name, in a cascade with the judge if there is one. Makes no LM."""
    detector = make_detector(chosen.detector, chosen.agreement_samples)
    if models.judge.model and not detector.calls:
        judge = LMDetector(samples=chosen.judge_samples)
        return Cascade(detector, judge, hints=chosen.judge_hints)
    return detector
