"""Which parameters an endpoint accepts, and under which names: learned once, from its refusals."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dspy import lm15

from autoevol.lm.refusals import ParameterRefused

_LIMITS = ("max_tokens", "max_completion_tokens")
_FIXED = ("model", "messages")


@dataclass(frozen=True, slots=True)
class Learned:
    """One parameter that an endpoint does not accept.

    Attributes:
        endpoint: Its URL.
        instead: The name under which it is sent now; None if it is left out.
        said: The server's message.
    """

    endpoint: str
    model: str
    parameter: str
    instead: str | None
    said: str

    def __str__(self) -> str:
        done = f"sent as {self.instead}" if self.instead else "left out"
        return f"{self.model} does not take {self.parameter}: {done}"


class Parameters:
    """The parameters that one endpoint accepts for one model.

    The limit on the length of the reply may be renamed but is never left out: the caps depend on it.

    Args:
        endpoint: For `Learned`.
        model: For `Learned`.
        wanted: Settings that the user named explicitly; these are never left out silently.
        reasoning: Whether this is one of OpenAI's reasoning models, which refuse sampling settings and call
            `max_tokens` `max_completion_tokens`.
    """

    def __init__(self, endpoint: str, model: str, wanted: Iterable[str] = (), *, reasoning: bool) -> None:
        self._endpoint = endpoint
        self._model = model
        self._wanted = frozenset(wanted)
        self._renamed: dict[str, str | None] = {}
        self._refused: set[str] = set()
        self.learned: list[Learned] = []
        if reasoning:
            self._renamed = {"max_tokens": _LIMITS[1], "temperature": None, "top_p": None}

    def fitted(self, body: dict[str, Any]) -> dict[str, Any]:
        """`body` with its parameters renamed or left out as the endpoint requires."""
        if not self._renamed:
            return body
        named = {self._renamed.get(name, name): value for name, value in body.items()}
        return {name: value for name, value in named.items() if name is not None}

    def learn(self, refused: ParameterRefused, sent: dict[str, Any]) -> bool:
        """Rename or leave out the refused parameter from now on; returns whether a retry makes sense.

        Args:
            refused: The server's refusal.
            sent: The body that it refused.

        Raises:
            lm15.ConfigurationError: If it is a setting that the user named explicitly.
        """
        name = _named(refused, sent)
        if name is None:
            return False
        if name in self._wanted:
            raise lm15.ConfigurationError(f"{self._model} does not take the extra setting {name}: {refused}")
        asked = next((old for old, new in self._renamed.items() if new == name), name)
        if asked in self._renamed and self._renamed[asked] != name:
            return True  # already learned, while this request was in flight
        instead = next(limit for limit in _LIMITS if limit != name) if name in _LIMITS else None
        self._refused.add(name)
        if instead in self._refused:
            return False  # refused under both names
        self._renamed[asked] = instead
        self.learned.append(
            Learned(self._endpoint, self._model, asked, instead, str(refused).partition("\n")[0])
        )
        return True


def _named(refused: ParameterRefused, sent: dict[str, Any]) -> str | None:
    """The parameter of `sent` that a refusal is about."""
    param = re.split(r"[.\[]", refused.param.removeprefix("body."))[0]
    can_go = [name for name in sent if name not in _FIXED]
    if param in can_go:
        return param
    if param in _FIXED:
        return None
    said = str(refused)
    quoted = [name for name in can_go if re.search(rf"['\"`]{re.escape(name)}['\"`]", said)]
    plain = [name for name in can_go if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said)]
    return next(iter([*quoted, *plain]), None)
