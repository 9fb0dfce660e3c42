"""The command line. The only place that prints, and the only one that turns errors into exit codes.

Exit codes: 0 done; 1 the run had to stop (access, endpoint, disk); 2 bad input or usage;
3 budget reached, partial result saved; 130 interrupted, state saved.

One module per group of commands; importing it registers them with `app`.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback

from autoevol.cli import (
    again,
    answers,
    benchmarks,
    compare,
    doctor,
    files,
    headroom,
    label,
    main_job,
    measure,
    methods,
    passport,
    plan,
    prove,
    quality,
    report,
    scale,
    search,
)
from autoevol.cli.common import app
from autoevol.cli.console import say
from autoevol.cli.examples import arrange

__all__ = [
    "again",
    "answers",
    "app",
    "benchmarks",
    "compare",
    "doctor",
    "files",
    "headroom",
    "label",
    "main",
    "main_job",
    "measure",
    "methods",
    "passport",
    "plan",
    "prove",
    "quality",
    "report",
    "scale",
    "search",
]

arrange(app, methods.methods_app)


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Entry point of `autoevol`."""
    # Asked for a price table at import, litellm would go to the network.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except Exception:  # noqa: BLE001 (a bug; its text may quote anybody and show a key)
        say(traceback.format_exc(), error=True)
        sys.exit(1)
