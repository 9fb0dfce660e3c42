"""What a call is for, told to the LM layer without a parameter in every signature.

DSPy hands an engine the request and nothing else. The programs say here which role they
play, and the teleprompter says which part of the run it is in; the recorder reads both.
Context variables follow asyncio tasks and `asyncio.to_thread`; a program sets its role in
the thread that makes the call, so plain threads of foreign optimizers are right as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

Role = Literal["evol", "respond", "optimizer", "judge", "other"]

_role: ContextVar[Role | None] = ContextVar("autoevol_role", default=None)
_scope: ContextVar[str] = ContextVar("autoevol_scope", default="")


def current_role(default: Role = "other") -> Role:
    """The role set by the innermost `as_role`, else `default`."""
    return _role.get() or default


def current_scope() -> str:
    """The scope set by the innermost `in_scope`, else ''."""
    return _scope.get()


@contextmanager
def as_role(role: Role) -> Iterator[None]:
    """Book the calls made inside under `role`."""
    token = _role.set(role)
    try:
        yield
    finally:
        _role.reset(token)


@contextmanager
def in_scope(scope: str) -> Iterator[None]:
    """Draw the samples made inside from a sequence of their own.

    A sampled request (temperature above 0) is the n-th of its kind *within its scope*. A
    run that resumes at step 4 therefore draws for step 4 what it would have drawn had it
    never been interrupted, without counting through steps 1 to 3 again.
    """
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)
