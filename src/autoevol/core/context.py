"""What a call is for: context variables, instead of a parameter in every signature.

DSPy hands an engine the request and nothing else. Programs declare their role here, and the
teleprompter declares which part of the run it is in; the recorder reads both. Context variables
follow asyncio tasks and `asyncio.to_thread`. A program sets its role in the thread that makes the
call, so it also holds in the plain threads of DSPy's optimizers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

Role = Literal["evol", "respond", "optimizer", "judge", "other"]

THINKING = "thinking"
"""The key of `Response.provider_data` that holds the model's thinking."""


@dataclass(frozen=True, eq=False)
class Scope:
    """One entry into a part of a run; two entries are two scopes, whatever their names.

    Attributes:
        name: Part of the key of every sampled call made inside.
        tag: Stored with every call paid for inside, so that the store can forget them together.
        again: Whether to ask again what an endpoint has refused before.
    """

    name: str = ""
    tag: str = ""
    again: bool = False


_role: ContextVar[Role | None] = ContextVar("autoevol_role", default=None)
_scope: ContextVar[Scope] = ContextVar("autoevol_scope", default=Scope())  # noqa: B039 (frozen)


def current_role(default: Role = "other") -> Role:
    """The role set by the innermost `as_role`, else `default`."""
    return _role.get() or default


def current_scope() -> Scope:
    """The scope of the innermost `in_scope`, else a nameless one that all callers share."""
    return _scope.get()


@contextmanager
def as_role(role: Role) -> Iterator[None]:
    """Account for the calls made inside under `role`."""
    token = _role.set(role)
    try:
        yield
    finally:
        _role.reset(token)


@contextmanager
def in_scope(scope: str, tag: str | None = None, *, again: bool = False) -> Iterator[None]:
    """Draw the samples made inside from a sequence of their own.

    A sampled request (temperature above 0) is the n-th of its kind *within its scope*. A run that
    resumes at step 4 therefore draws the samples it would have drawn without the interruption, and
    need not replay steps 1 to 3 to get the counts right.

    Each entry counts from 0. Entering a scope of the same name again, in this process or a later one,
    yields the same samples from the store first, so a row that is run again pays only for the calls
    that were lost. Parts of a run that must not share samples need different names.

    Args:
        scope: Name of the part of the run.
        tag: What to store the calls under (see `CallStore.forget`); None keeps the outer tag.
        again: Ask again what an endpoint has refused before, here and in nested scopes.
    """
    outer = _scope.get()
    token = _scope.set(Scope(scope, outer.tag if tag is None else tag, again or outer.again))
    try:
        yield
    finally:
        _scope.reset(token)
