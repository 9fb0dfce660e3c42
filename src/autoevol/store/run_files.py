"""The files of a run folder, by what they are worth when it is taken up again.

run.json        the settings of the run by group; the same folder with other settings is refused
look.json       whether an optimisation looked worth its calls
journal.jsonl   finished optimisation steps
calls.sqlite    every LM call
seeds.json      what the seed file was found to hold
endpoint.json   where the models were asked last
progress.json   where the run stands, or how it ended, for `autoevol show`; a run can do without
worked.json     for how long, over all starts
parts/          finished rows with all their rounds
method.json     the chosen evolving method
methods.json    every method that rounds were drawn from, by id
program.json    the same as a saved DSPy program
dataset.jsonl   evolved pairs that passed
rejected.jsonl  rows that failed, with the reason
dead.jsonl      rows that were lost to the infrastructure, with the reason
outputs.json    lines and checksums of these three
rejects.jsonl   records of the seed file that could not be read (with --skip-bad)
summary.json    figures and paths
tracking.json   under which id `--track` has told a service of the run
passport.json   the chosen method with all that is known about it; a method file as well
passport.md     the same for readers
"""

from __future__ import annotations

UNPAID = frozenset(
    {
        ".lock",
        "run.json",
        "estimate.json",
        "seeds.json",
        "rejects.jsonl",
        "endpoint.json",
        "progress.json",
        "tracking.json",
        "worked.json",
        "method.json",
        "methods.json",
        "parts",
        "calls.sqlite",
        "calls.sqlite-wal",
        "calls.sqlite-shm",
        ".calls.sqlite.paid",
    }
)
"""What a run that ended before its first reply leaves behind."""

OUTPUTS = ("dataset.jsonl", "rejected.jsonl", "dead.jsonl", "summary.json")
"""What the rows come to."""

REPORTS = (
    "headroom.json",
    "answers.json",
    "transfer.json",
    "comparison.json",
    "search.json",
    "benchmarks.json",
    "plan.json",
    "proof.json",
)
"""What other commands leave in their folders at their end."""

OPTIMISED = ("look.json", "journal.jsonl", "program.json", "passport.json", "passport.md")
"""What an optimisation comes to."""

PRODUCTS = (
    "look.json",
    "seeds.json",
    "rejects.jsonl",
    "method.json",
    "methods.json",
    "program.json",
    "dataset.jsonl",
    "rejected.jsonl",
    "dead.jsonl",
    "summary.json",
    "passport.json",
    "passport.md",
    "progress.json",
)
"""Files that a run would overwrite."""
