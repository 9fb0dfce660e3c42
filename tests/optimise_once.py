"""One optimisation over HTTP, as a process that may be killed: `optimise_once.py URL FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import dspy

from autoevol.config import LoopConfig
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.rules import PaperRules
from autoevol.optimization.rules import LowestFailureRate
from autoevol.optimization.teleprompter import AutoEvol
from autoevol.programs.evolver import Evolver
from autoevol.store.run import RunFolder
from synthetic import START, rows

CONFIG = LoopConfig(batch_size=4, m=3, steps=5, patience=100, dev_size=12, seed=5, concurrency=6)


def main(url: str, path: Path) -> None:
    """Optimise to the end, or go on where the last process was killed."""
    with (
        RunFolder(path, {"seed": CONFIG.seed}) as folder,
        Session(folder.calls(), concurrency=CONFIG.concurrency) as session,
    ):
        lm = session.lm("world", api_base=url, temperature=0.0, max_tokens=100)
        with dspy.context(lm=lm):
            best: Any = AutoEvol(
                FailureMetric(PaperRules()),
                config=CONFIG,
                selection=LowestFailureRate(),
                journal=folder.journal(),
            ).compile(Evolver(START, rounds=2), trainset=rows(40, 100), valset=rows(CONFIG.dev_size))
        folder.save_method(best.method, {"stopped": best.stopped})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
