"""-v and --log-file: every retry, refusal and pause with its reason, on standard error and in a file."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from autoevol.cli.console import keys_at_hand, say
from autoevol.cli.progress import RUN_LOG, Fitting, is_screen
from autoevol.core.masking import Mask
from autoevol.store.log_file import LogFile

Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Tell each retry, refusal and pause with its reason.")
]
LogPath = Annotated[
    Path | None,
    typer.Option("--log-file", metavar="FILE", help="Append these and the progress to FILE, as JSON lines."),
]

# Named, not imported: that module imports DSPy.
CALL_LOG = logging.getLogger("autoevol.lm")


class OnTerminal(logging.Handler):
    """Prints events on standard error; above the block of a `Reporter`, where that shares its console."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.console = Console(file=sys.stderr, stderr=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        text = Fitting(self.console)(f"{clock} {record.getMessage()}")
        self.console.print(Text(text), soft_wrap=not is_screen(self.console))


class IntoFile(logging.Handler):
    """Writes events, and what is said of the progress, into a file.

    Args:
        file: Takes them.
    """

    def __init__(self, file: LogFile) -> None:
        super().__init__(logging.INFO)
        self._file = file
        self._mask = Mask(*keys_at_hand())

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        said: Any = record.msg
        # An event brings its own fields (see `lm.events`).
        told = asdict(said) if hasattr(said, "event") else {"event": "said", "text": record.getMessage()}
        self.add(record.created, record.levelname.lower(), told)

    def add(self, moment: float, level: str, told: dict[str, Any]) -> None:
        """Write one line."""
        seconds, rest = divmod(moment, 1)
        at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{int(rest * 1000):03d}Z"
        texts = {name: self._mask(value) for name, value in told.items() if isinstance(value, str)}
        self._file.add({"time": at, "level": level, **told, **texts})


@contextmanager
def logging_to(command: str, log_path: Path | None, *, verbose: bool) -> Iterator[None]:
    """Inside, events are printed where that is asked for, and written to a file where one is given.

    Args:
        command: Its name, for the file.
        log_path: The file.
        verbose: Whether to print them.

    Raises:
        InputError: If the file cannot be written.
    """
    file = LogFile(log_path) if log_path else None
    into = IntoFile(file) if file else None
    handlers = [(CALL_LOG, OnTerminal())] if verbose else []
    if into:
        handlers += [(CALL_LOG, into), (RUN_LOG, into)]
        begun = {"event": "begin", "command": command, "autoevol": version("autoevol"), "pid": os.getpid()}
        into.add(time.time(), "info", begun)
    kept = [(logger, logger.level, logger.propagate) for logger in (CALL_LOG, RUN_LOG)]
    for logger, handler in handlers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False  # else a handler of somebody else's tells it again
    ending, level = "", "info"
    try:
        yield
    except typer.Exit as left:
        ending = f"exit code {left.exit_code}"
        raise
    except BaseException as error:
        ending, level = f"{type(error).__name__}: {error}", "error"
        raise
    finally:
        if into:
            into.add(time.time(), level, {"event": "end", "error": ending})
        for logger, handler in handlers:
            logger.removeHandler(handler)
        for logger, level, propagate in kept:
            logger.setLevel(level)
            logger.propagate = propagate
        if file:
            file.close()
        if file and file.lost:
            say(f"--log-file {log_path} is not whole: {file.lost}", error=True)


def print_above(console: Console) -> None:
    """Have events printed on `console`, above what is drawn there."""
    for handler in CALL_LOG.handlers:
        if isinstance(handler, OnTerminal):
            handler.console = console
