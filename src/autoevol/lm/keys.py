"""Keys: read from the environment, checked before they are sent, signed into one header."""

from __future__ import annotations

import base64
import os
import re

from autoevol.core.errors import InputError
from autoevol.lm.urls import ApiBase

_SENDABLE = re.compile(r"[\x21-\x7e]+")


def read_key(variable: str) -> str | None:
    """The key in an environment variable, None where there is none.

    White space around it, such as the line end of a file it was read from, is cut off.

    Raises:
        InputError: If anything in it cannot stand in a header.
    """
    key = os.environ.get(variable, "").strip()
    if key and not _SENDABLE.fullmatch(key):
        raise InputError(
            f"the environment variable {variable} holds no key: there are spaces, control characters or"
            " letters beyond ASCII in it; set it to the key alone"
        )
    return key or None


def default_variable(base: ApiBase) -> str | None:
    """The variable whose key goes to `base` where none is named; None if none of them is set."""
    names = (*(("AZURE_OPENAI_API_KEY",) if base.azure else ()), "OPENAI_API_KEY")
    return next((name for name in names if read_key(name)), None)


def signature(base: ApiBase, key: str | None) -> dict[str, str]:
    """The header by which the endpoint knows who asks: exactly one, and only for this host."""
    if base.user:
        coded = base64.b64encode(f"{base.user}:{base.password}".encode()).decode()
        return {"Authorization": f"Basic {coded}"}
    if base.azure:
        return {"api-key": key or "none"}
    return {"Authorization": f"Bearer {key or 'none'}"}
