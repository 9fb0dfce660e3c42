"""Every error that autoevol raises on purpose.

AutoEvolError
├── InputError           the user's input is unusable: a file, a flag, a method (exit code 2)
├── StoreError           the run folder or the call store is locked, damaged, unwritable or another run's
│   └── InUse            another process holds the run folder
└── MethodError          a proposed evolving method that must not be scored
StopRun                  a BaseException: the whole run must end, now (see the class)
├── BudgetReached        the next call would break a cap that the user set (exit code 3)
├── AccessDenied         bad key, exhausted quota, unknown model
├── EndpointDown         calls do nothing but fail
├── NothingKept          a stage lost rows and kept none; the message ends with the server's reason
├── RepliesTooShort      a role's replies end before any text: raise --reply-tokens
├── JudgeUnreadable      no verdict can be read from the judge's replies
└── StoreLost            the call store can no longer be written

A call that fails for one row is not here: it is data (an *unscored* case), not an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class AutoEvolError(Exception):
    """Root of the errors a caller may want to catch."""


class InputError(AutoEvolError):
    """The user's input cannot be used; the message names the file, the line or the flag."""


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` with the name in `known` closest to `word`; empty if none is close."""
    matches = get_close_matches(word, list(known), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def unknown(what: str, word: str, known: Iterable[str]) -> InputError:
    """The error for a `word` that is not among `known`: it lists these and suggests the nearest."""
    names = list(known)
    return InputError(f"{what} {word!r} is unknown; known are {', '.join(names)}{nearest(word, names)}")


class StoreError(AutoEvolError):
    """The run folder or the call store cannot be used as asked."""


class InUse(StoreError):
    """Another process holds the run folder."""


class MethodError(AutoEvolError):
    """A proposed evolving method is unusable; the message says why."""


class StopRun(BaseException):
    """The run must end at once; everything finished so far is kept.

    A BaseException on purpose: DSPy's optimizers turn any Exception from a call into a score of 0
    and carry on, so with an ordinary error a run with a bad key or a spent budget would return a
    confident but worthless result.
    """


class BudgetReached(StopRun):
    """The next call would break a cap on calls, tokens or money."""


class AccessDenied(StopRun):
    """The provider refuses this key, account or model; retrying is useless."""


class EndpointDown(StopRun):
    """Too many calls failed for good: many in a row, or a large share of the last hundred."""


class NothingKept(StopRun):
    """A stage ended with rows lost and none kept; the same command tries again once the cause is fixed."""

    def __init__(self, lost: int, reason: str) -> None:
        super().__init__(lost, reason)
        self.lost, self.reason = lost, reason

    def __str__(self) -> str:
        rows = "1 row was" if self.lost == 1 else f"{self.lost} rows were"
        return (
            f"nothing was kept and {rows} lost; the same command tries again, with what is wrong corrected. "
            f"Most were lost for this reason: {self.reason}"
        )


class RepliesTooShort(StopRun):
    """Most of a role's replies are pure thinking, or were cut off before any text."""

    def __init__(self, role: str, blank: int, replies: int, flag: str, limit: int) -> None:
        super().__init__(role, blank, replies, flag, limit)
        self.role, self.flag = role, flag
        self._counts = f"{blank} of {replies} replies of the {role} model"
        self._limit = limit

    def __str__(self) -> str:
        return (
            f"{self._counts} hold no text: nothing but thinking, or cut off before there was any. "
            f"Raise {self.flag} (now {self._limit}) or have the model think less"
        )


class JudgeUnreadable(StopRun):
    """Reply after reply from the judge holds no readable verdict."""

    def __init__(self, replies: int, last: str) -> None:
        super().__init__(replies, last)
        self._replies, self._last = replies, last

    def __str__(self) -> str:
        return (
            f"the last {self._replies} replies of the judge hold no readable verdict: give another "
            f"--judge-model, or none. The last one: {self._last!r}"
        )


class StoreLost(StopRun):
    """The call store can no longer be written (disk full, file gone): going on would pay twice."""
