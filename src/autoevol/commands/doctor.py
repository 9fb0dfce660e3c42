"""`autoevol doctor`: a few calls that find out what the endpoints of a run accept, report and do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import dspy
from dspy.utils.exceptions import LMError

from autoevol.commands.advice import advised, key_of, unusable
from autoevol.commands.keywords import take
from autoevol.commands.models import open_session, role_lm
from autoevol.config import EvolConfig, Settings
from autoevol.config.models import RoleName
from autoevol.core import aio
from autoevol.core.errors import AccessDenied, EndpointDown
from autoevol.core.urls import open_url
from autoevol.lm.prices import caps_of
from autoevol.lm.retry import first_line
from autoevol.lm.session import Session
from autoevol.lm.traits import Traits, traits_of
from autoevol.reports.doctor import DoctorReport, LongPrompt, RoleCheck, Speed, Usage
from autoevol.reports.rates import Ledger
from autoevol.reports.run import versions
from autoevol.store.calls import CallRecord, CallStore

MOST_CALLS = 6
"""At most so many calls per endpoint."""

_HELLO = "Name three rivers, with one sentence about each of them."
_AT_ONCE = 4
# A common word takes at least one token, so 6000 words exceed the default context of Ollama and llama.cpp
# (4096 tokens), and any prompt of a run.
_WORDS = 6000
_LONG = "the river runs to the sea " * (_WORDS // 6) + "\n\nReply with the one word: done"
# Nobody waits a quarter of an hour for a diagnosis, and a retry would hide the fault to be found.
_IMPATIENT: dict[str, Any] = {"retries": 0, "max_wait": 20.0}


def doctor(
    *,
    settings: Settings | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> DoctorReport:
    """Send every endpoint of a run a few calls, and report what it does: `autoevol doctor`.

    Args:
        settings: Models, requests and budget are used.
        options: Fields of these by the names of the command's options.

    Returns:
        The findings; `usable` says whether a run is possible.

    Raises:
        InputError: If a model, a URL, a key's variable or a price cannot be used.
        StopRun: If a budget is reached.
    """
    (settings,) = take("doctor", settings, options)
    asked = list(_endpoints(settings))
    most = MOST_CALLS * len(asked)
    caps = caps_of(settings.budget)
    caps = replace(caps, calls=most if caps.calls is None else min(most, caps.calls))
    roles: tuple[RoleName, ...] = tuple(names[0] for names, _ in asked)
    with TemporaryDirectory(prefix="autoevol-doctor-") as folder:
        open_store = partial(CallStore, Path(folder) / "calls.sqlite", "doctor")
        settings = replace(settings, requests=replace(settings.requests, **_IMPATIENT))
        with open_session(open_store, settings, roles=roles, caps=caps, watch=_unwatched) as session:
            lms = [role_lm(session, settings.models, name) for name in roles]  # all, before any is asked
            checks = [_check(session, lm, names, role) for lm, (names, role) in zip(lms, asked, strict=True)]
            return DoctorReport(tuple(checks), Ledger.of(session.ledger()), versions())


def _unwatched(*_: object) -> None:
    """Instead of a `ReplyWatch`: replies that would end a run are to be reported here."""


def _endpoints(settings: Settings) -> Iterator[tuple[list[RoleName], EvolConfig]]:
    """Each distinct model and endpoint, with the roles that it plays."""
    together: dict[tuple[str | None, ...], list[RoleName]] = {}
    roles = settings.models.in_use()
    for name, role in roles.items():
        together.setdefault((role.model, role.api_base, role.api_key_env), []).append(name)
    for names in together.values():
        yield names, roles[names[0]]


@dataclass
class _Heard:
    """What came back from an endpoint. Filled on the shared loop, read after the calls have ended."""

    records: list[CallRecord] = field(default_factory=list)
    traits: list[Traits] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@contextmanager
def _listening(session: Session, lm: dspy.LM) -> Iterator[_Heard]:
    heard, transport = _Heard(), lm.engine.transport  # type: ignore[union-attr]

    def hear(data: Any) -> None:  # noqa: ANN401
        if (traits := traits_of(data)) is not None:
            heard.traits.append(traits)

    transport.on_answer = hear
    with session.watched(lambda record, *_: heard.records.append(record)):
        try:
            yield heard
        finally:
            transport.on_answer = None


def _ask(lm: dspy.LM, heard: _Heard, *prompts: str) -> list[CallRecord]:
    """The records of the answered prompts; the problems of the others are in `heard`."""

    async def one(prompt: str) -> None:
        try:
            await lm.acall(prompt)
        except (AccessDenied, EndpointDown) as stop:
            heard.problems.append(str(stop))
        except LMError as error:
            heard.problems.append(
                first_line(error.__cause__ if isinstance(error.__cause__, Exception) else error)
            )

    before = len(heard.records)
    aio.run_and_wait(aio.gather(one(prompt) for prompt in prompts))
    return heard.records[before:]


def _check(session: Session, lm: dspy.LM, names: list[RoleName], role: EvolConfig) -> RoleCheck:
    check = RoleCheck(tuple(names), role.model, open_url(role.api_base), key_of(role))
    with _listening(session, lm) as heard:
        if not (first := _ask(lm, heard, _HELLO)):
            return unusable(check, role, lm.engine.transport, heard.problems[-1])  # type: ignore[union-attr]
        many = _ask(lm, heard, *(f"{_HELLO} Begin with number {n}." for n in range(1, _AT_ONCE + 1)))
        failed = len(heard.problems)
        whole = None if role.model.startswith("local/") else _long_prompt(lm, heard)
    check = replace(
        check,
        parameters=tuple(str(each) for each in getattr(lm.engine.transport, "learned", ())),  # type: ignore[union-attr]
        usage=_usage(heard),
        thinking=tuple(dict.fromkeys(one.thinking for one in heard.traits if one.thinking)),
        finish_words=tuple(dict.fromkeys(one.finish_word for one in heard.traits if one.finish_word)),
        speed=_speed(first[0], many, failed),
        long_prompt=whole,
    )
    return advised(check, [*first, *many], role, heard.problems[:failed])


def _long_prompt(lm: dspy.LM, heard: _Heard) -> LongPrompt:
    known = len(heard.problems)
    if not (answered := _ask(lm, heard, _LONG)):
        return LongPrompt(_WORDS, refused=heard.problems[known])
    counted = heard.traits[-1].counts_input if heard.traits else not answered[0].estimated
    return LongPrompt(_WORDS, answered[0].input_tokens if counted else None)


def _usage(heard: _Heard) -> Usage:
    if not heard.traits:  # a model in this process counts all
        reported = not any(record.estimated for record in heard.records)
        return Usage(reported, reported)
    return Usage(
        all(one.counts_input for one in heard.traits),
        all(one.counts_output for one in heard.traits),
        next((one.reasoning for one in heard.traits if one.reasoning), None),
    )


def _speed(first: CallRecord, many: list[CallRecord], failed: int) -> Speed:
    short = many or [first]
    seconds = [max(record.seconds, 1e-3) for record in short]
    paces = [record.output_tokens / taken for record, taken in zip(short, seconds, strict=True)]
    # One after the other, the last of four takes four times as long as the first.
    at_once = len(many) * min(seconds) / max(seconds) if many else 0.0
    refused = failed + sum(record.attempts > 1 for record in many)
    return Speed(median(seconds), median(paces), _AT_ONCE, max(1.0, at_once), refused)
