"""API keys: read from the environment, checked before they are sent, put into exactly one header."""

from __future__ import annotations

import base64
import os
import re

from autoevol.core.errors import InputError
from autoevol.lm.urls import ApiBase

_SENDABLE = re.compile(r"[\x21-\x7e]+")


def read_key(variable: str) -> str | None:
    """The key in an environment variable; None if it is unset or empty.

    White space around it, such as the line end of the file it was read from, is removed.

    Raises:
        InputError: If it contains anything that a header cannot.
    """
    key = os.environ.get(variable, "").strip()
    if key and not _SENDABLE.fullmatch(key):
        raise InputError(
            f"the environment variable {variable} holds no key: there are spaces, control characters or"
            " letters beyond ASCII in it; set it to the key alone"
        )
    return key or None


def default_variable(base: ApiBase) -> str | None:
    """The variable to use for `base` if the user named none; None if none of the usual ones is set."""
    names = (*(("AZURE_OPENAI_API_KEY",) if base.azure else ()), "OPENAI_API_KEY")
    return next((name for name in names if read_key(name)), None)


def signature(base: ApiBase, key: str | None) -> dict[str, str]:
    """The one authentication header for this host."""
    if base.user:
        coded = base64.b64encode(f"{base.user}:{base.password}".encode()).decode()
        return {"Authorization": f"Basic {coded}"}
    if base.azure:
        return {"api-key": key or "none"}
    return {"Authorization": f"Bearer {key or 'none'}"}
