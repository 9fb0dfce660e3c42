"""Every error that autoevol raises on purpose.

AutoEvolError
├── InputError           what the user gave cannot be used: a file, a flag, a method (exit code 2)
├── StoreError           the run folder or the call store: locked, of another run, unwritable
│   └── InUse            another process holds the run folder
└── MethodError          a proposed evolving method that must not be scored
StopRun                  a BaseException: the whole run must end, now (see the class)
├── BudgetReached        the next call would break a cap that the user set (exit code 3)
├── AccessDenied         bad key, exhausted quota, unknown model
├── EndpointDown         nothing but failures come back
└── StoreLost            the call store cannot be written any more

A call that fails for one row is not here: it is data (an *unscored* case), not an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class AutoEvolError(Exception):
    """Root of the errors that a caller may want to catch."""


class InputError(AutoEvolError):
    """The user's input cannot be used; the message names the file, the line or the flag."""


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` with the name in `known` that looks most like `word`; blank if none does."""
    matches = get_close_matches(word, list(known), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def unknown(what: str, word: str, known: Iterable[str]) -> InputError:
    """The error for a `word` that is none of the `known` ones: it lists them, and names the nearest."""
    names = list(known)
    return InputError(f"{what} {word!r} is unknown; known are {', '.join(names)}{nearest(word, names)}")


class StoreError(AutoEvolError):
    """The run folder or the call store cannot be used as asked."""


class InUse(StoreError):
    """Another process holds the run folder."""


class MethodError(AutoEvolError):
    """A proposed evolving method is unusable; the message says why."""


class StopRun(BaseException):
    """The run must end at once, with everything finished so far kept.

    A BaseException on purpose: DSPy's optimizers turn any Exception of a call into a
    score of 0 and go on, so an ordinary error would let a run with a bad key or a spent
    budget return a confident, worthless result.
    """


class BudgetReached(StopRun):
    """The next call would break a cap on calls, tokens or money."""


class AccessDenied(StopRun):
    """The provider refuses this key, this account or this model; trying again is useless."""


class EndpointDown(StopRun):
    """Too many calls have failed for good: many in a row, or most of the last hundred."""


class StoreLost(StopRun):
    """The call store cannot be written any more (disk full, file gone): going on would pay twice."""
