"""What the user sees: the one place that prints, whoever wrote the text."""

from __future__ import annotations

import os
import sys

import orjson

from autoevol.core.masking import Mask
from autoevol.core.text import printable, printable_json


def say(text: object, *, error: bool = False) -> None:
    """Print a text, whoever wrote it: nothing in it steers the terminal, and no key is in it.

    Args:
        text: What is shown; lines are never cut, so that paths can be copied.
        error: On standard error, where anything that only looks like a credential is hidden as well.
    """
    mask = Mask(*keys_at_hand())
    shown = printable(mask(str(text)) if error else mask.known(str(text)))
    stream = sys.stderr if error else sys.stdout
    # A terminal of another encoding shows what it lacks as an escape.
    encoding = stream.encoding or "utf-8"
    print(shown.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


def say_json(data: object) -> None:
    """Print a value as one line of JSON on standard output."""
    mask = Mask(*keys_at_hand())
    print(printable_json(mask.known(orjson.dumps(data).decode())), flush=True)


def keys_at_hand() -> list[str]:
    """What looks like a key in the environment, by the name of its variable; paths to keys are none."""
    return [
        value
        for name, value in os.environ.items()
        if name.endswith(("_KEY", "_TOKEN")) and not value.startswith(("/", "~", "."))
    ]
