"""The command line. The only place that prints, and the only one that turns errors into exit codes.

Exit codes: 0 done; 1 the run had to stop (access, endpoint, disk); 2 bad input or usage;
3 budget reached, partial result saved; 130 interrupted, state saved.

One module per group of commands; importing it registers them with `app`.
"""

from __future__ import annotations

import os
import signal

from autoevol.cli import files, main_job, measure, plan
from autoevol.cli.common import app

__all__ = ["app", "files", "main", "main_job", "measure", "plan"]
from autoevol.cli import search

__all__ = ["app", "main", "main_job", "measure", "search"]
from autoevol.cli import compare

__all__ = ["app", "compare", "main", "main_job", "measure"]
from autoevol.cli import passport

__all__ = ["app", "files", "main", "main_job", "measure", "passport", "plan", "search"]


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Entry point of `autoevol`."""
    # Asked for a price table at import, litellm would go to the network.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    signal.signal(signal.SIGTERM, _interrupt)
    app()
