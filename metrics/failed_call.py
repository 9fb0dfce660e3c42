"""Texts of a call that went wrong: a gateway's error page or a server's traceback where a reply should be.

Most are refused where replies are read (`autoevol.lm.answers`), as losses. What a server wraps in a
well-formed reply comes through; it is no rewrite and no response, whatever the model is good for.
"""

from __future__ import annotations

import re

from autoevol.core.records import FailureKind, Trajectory, Verdict
from autoevol.metrics.base import failed, passed

_LOOKED_AT = 4000
"""Characters at the start of a text that are looked at."""

_PAGE = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!doctype html\b[^>]*>\s*)?(?:<!--.*?-->\s*)?<html\b", re.I | re.S
)
_HEADING = re.compile(r"<(?:title|h1)\b[^>]*>(.{0,120}?)</(?:title|h1)>", re.IGNORECASE | re.DOTALL)
_WRONG = re.compile(
    r"\b[45]\d\d\b|\berror\b|bad gateway|unavailable|not found|forbidden|unauthorized|access denied|"
    r"time-?d?[ -]?out|too many requests|just a moment|attention required",
    re.IGNORECASE,
)
_LINE = re.compile(
    r"\s*(?:(?:http/\d\S* |error:? )?[45]\d\d:? (?:bad gateway|service (?:temporarily )?unavailable|"
    r"gateway time-?out|internal server error|too many requests|forbidden|not found|unauthorized)|"
    r"internal server error|upstream (?:connect error|request timeout)[^\n]*|no healthy upstream)[.!]?\s*",
    re.IGNORECASE,
)
# Python, the JVM, JavaScript, Go: each with the frames that follow.
_TRACES = re.compile(
    r"\s*(?:"
    r'Traceback \(most recent call last\):\s*\n\s+File "|'
    r"(?:Exception in thread [^\n]*|(?:[a-z_$][\w$]*\.)+[A-Z]\w*(?:Exception|Error)\b[^\n]*)\n\s+at |"
    r"(?:Uncaught )?[A-Z]\w*Error: [^\n]*\n\s+at |"
    r"panic: [^\n]*\n(?:[^\n]*\n){0,3}?goroutine \d+ \["
    r")"
)
# A task that asks for such a text gets one.
_ASKS_FOR_PAGE = re.compile(r"html|web ?-?(?:page|site)|markup|xml|\bpage\b|gateway|http|status|error", re.I)
_ASKS_FOR_TRACE = re.compile(
    r"trace|exception|error|crash|panic|debug|bug|log\b|logs\b|output|print|happens|result|run", re.IGNORECASE
)


class ErrorText:
    """The rewrite or the response is an error page, an error line of a gateway, or a traceback, and no more.

    Only a text that begins so counts: an answer may quote one, or show it in a code block. A task that
    speaks of pages, errors or output is let pass, for it may ask for just that.
    """

    name = "error-text"
    kinds: frozenset[FailureKind] = frozenset({FailureKind.EMPTY})
    calls = 0

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Look at the beginning of the rewrite, then of the response."""
        evolved = trajectory.evolved
        for what, text, task in (
            ("rewrite", evolved, trajectory.seed),
            ("response", trajectory.response, f"{trajectory.seed}\n{evolved or ''}"),
        ):
            shape = error_shape(text or "", task)
            if shape:
                return failed(self.name, FailureKind.EMPTY, f"The {what} is {shape}.")
        return passed(self.name)


def error_shape(text: str, task: str) -> str:
    """What error `text` is as a whole ("an error page"); "" if it is none, or `task` may ask for it."""
    start = text[:_LOOKED_AT]
    if _PAGE.match(start) and any(_WRONG.search(said) for said in _HEADING.findall(start)):
        return "" if _ASKS_FOR_PAGE.search(task) else "an error page"
    if _LINE.fullmatch(text):
        return "" if _ASKS_FOR_PAGE.search(task) else "an error of a server"
    if _TRACES.match(start):
        return "" if _ASKS_FOR_TRACE.search(task) else "a traceback"
    return ""
