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
from dataclasses import dataclass
from typing import Literal

Role = Literal["evol", "respond", "optimizer", "judge", "other"]

THINKING = "thinking"
"""Where `Response.provider_data` holds what the model thought, for who asks for it by name."""


@dataclass(frozen=True, eq=False)
class Scope:
    """One entry into a part of a run; two entries are two scopes, whatever their names.

    Attributes:
        name: Part of the key of every sampled call made inside.
        tag: Filed with every call paid for inside, so that the store can forget them together.
        again: Whether what an endpoint has refused before is asked again.
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
    """The scope of the innermost `in_scope`, else one without a name, the same for all."""
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
def in_scope(scope: str, tag: str | None = None, *, again: bool = False) -> Iterator[None]:
    """Draw the samples made inside from a sequence of their own.

    A sampled request (temperature above 0) is the n-th of its kind *within its scope*. A
    run that resumes at step 4 therefore draws for step 4 what it would have drawn had it
    never been interrupted, without counting through steps 1 to 3 again.

    Counting starts with each entry and ends with it. Whoever enters a scope of the same name
    again, in this process or in a later one, is given the same samples from the store first:
    a row that was lost to the network and is run again pays for what was lost only. Parts of
    a run that must not share samples need names of their own.

    Args:
        scope: Name of the part of the run.
        tag: What to file the calls under (see `CallStore.forget`); None keeps the outer tag.
        again: Ask again what an endpoint has refused before, here and in the scopes inside.
    """
    outer = _scope.get()
    token = _scope.set(Scope(scope, outer.tag if tag is None else tag, again or outer.again))
    try:
        yield
    finally:
        _scope.reset(token)
