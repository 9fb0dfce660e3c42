"""`python -m autoevol.experiments.study --out DIR`: optimizers side by side on a small real model.

SmolLM2 with 135 million parameters, in this process, on the shipped seeds: AutoEvol by two
selection rules and OPRO, each with the same few calls, and methods as they ship. One referee
re-scores all final methods on rows that none of them has seen. The sizes are chosen for two
cores and a quarter of an hour, so the intervals are wide: what the study shows is that the whole
comparison runs on a real model, and how much a model of this size can make of it.

The same command goes on where a killed one stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from autoevol.comparison import job
from autoevol.config import CompareConfig, Settings
from autoevol.reports.comparison import ComparisonReport, Finished

CONTESTANTS = "race,paper,opro,initial,weak,compact,add-constraints,deepen"
"""Two selection rules, a rival, the three starting methods and two operations of WizardLM."""

# As in `make run`, with shorter replies.
_REPLY_TOKENS = 160
_SYSTEM = "Answer in at most three sentences, or with one short piece of code."


def run(
    out: Path,
    *,
    budget: int = 40,
    seeds: int = 1,
    model: str = "local/smollm2",
    api_base: str | None = None,
) -> ComparisonReport:
    """The study; entries, calls and `comparison.json` are kept in `out`.

    Args:
        out: Folder; the same one goes on where a run was killed.
        budget: Calls that each entry may pay.
        seeds: Entries per contestant.
        model: Plays every role.
        api_base: Endpoint, where the model is not in this process.
    """
    comparison = CompareConfig(
        optimizers=CONTESTANTS,
        budget=budget,
        seeds=seeds,
        # The one shipped method whose results this model marks often enough to be optimised.
        start="compact",
        dev_size=6,
        holdout_size=10,
        curve_methods=2,
    )
    settings = Settings.of(
        evol_model=model,
        api_base=api_base,
        temperature=0.5,
        reply_tokens=_REPLY_TOKENS,
        system=_SYSTEM,
        concurrency=4,
    )
    return job.compare("sample", out, config=comparison, settings=settings, on_entry=_tell).report


def costs(entries: Sequence[Finished]) -> str:
    """Calls, tokens and seconds of each contestant that paid for any call, over all its entries."""
    lines = []
    for name in dict.fromkeys(entry.contestant for entry in entries if entry.calls):
        mine = [entry for entry in entries if entry.contestant == name]
        calls, tokens = sum(entry.calls for entry in mine), sum(entry.tokens for entry in mine)
        changed = sum(entry.method != entry.curve[0].method for entry in mine)
        lines.append(
            f"{name:16} {calls:5} calls {tokens:8} tokens {sum(entry.seconds for entry in mine):6.0f} s,"
            f" method replaced in {changed} of {len(mine)} entries"
        )
    return "\n".join(lines)


def main() -> None:
    """Read the options, run, print the tables."""
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.study", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="Folder; the same one goes on.")
    parser.add_argument("--budget", type=int, default=40, help="Calls per entry (default 40).")
    parser.add_argument("--seeds", type=int, default=1, help="Entries per contestant (default 1).")
    parser.add_argument("--model", default="local/smollm2", help="Plays every role (default local/smollm2).")
    parser.add_argument("--api-base", help="URL of an OpenAI-compatible endpoint of another model.")
    options = parser.parse_args()
    started = time.monotonic()
    report = run(
        options.out,
        budget=options.budget,
        seeds=options.seeds,
        model=options.model,
        api_base=options.api_base,
    )
    print(report.table())
    print(costs(report.entries))
    print(f"{time.monotonic() - started:.0f} s; {options.out / 'comparison.json'}")


def _tell(entry: Finished) -> None:
    took = f"{entry.calls} calls, {entry.seconds:.0f} s, {entry.ending}"
    print(f"{entry.contestant}, seed {entry.seed}: {took}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
