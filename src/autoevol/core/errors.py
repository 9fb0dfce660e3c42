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
├── NothingKept          a stage has kept no row and lost some; the server's reason stands last
├── RepliesTooShort      the replies of a role end before there is any text: raise --reply-tokens
├── JudgeUnreadable      the judge's replies hold no verdict that can be read
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


class NothingKept(StopRun):
    """A stage has ended with rows lost and none kept: the same command, once mended, tries again."""

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
    """Most replies of a role are nothing but thinking, or were cut off before any text."""

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
    """Reply after reply of the judge holds no verdict that can be read."""

    def __init__(self, replies: int, last: str) -> None:
        super().__init__(replies, last)
        self._replies, self._last = replies, last

    def __str__(self) -> str:
        return (
            f"the last {self._replies} replies of the judge hold no readable verdict: give another "
            f"--judge-model, or none. The last one: {self._last!r}"
        )


class StoreLost(StopRun):
    """The call store cannot be written any more (disk full, file gone): going on would pay twice."""
