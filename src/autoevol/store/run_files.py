"""The files of a run folder, grouped by what they mean for a run that resumes.

run.json        the settings of the run by group; the same folder with other settings is refused
look.json       whether an optimisation looked worth its calls
journal.jsonl   finished optimisation steps
calls.sqlite    every LM call
seeds.json      the scan of the seed file
endpoint.json   where the models were last asked
progress.json   the run's status, or how it ended, for `autoevol show`; not needed to resume
worked.json     working time over all starts
parts/          finished rows with all their rounds
method.json     the chosen evolving method
methods.json    every method that rounds were drawn from, by id
program.json    the chosen method as a saved DSPy program
dataset.jsonl   evolved pairs that passed
rejected.jsonl  rows that failed, with the reason
dead.jsonl      rows lost to the infrastructure, with the reason
outputs.json    line counts and checksums of these three
rejects.jsonl   records of the seed file that could not be read (with --skip-bad)
summary.json    figures and paths
tracking.json   the run's id at the service of `--track`
passport.json   the chosen method with everything known about it; also a method file
passport.md     the passport for human readers
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
    }
)
"""What a run that ended before its first reply leaves behind."""

OUTPUTS = ("dataset.jsonl", "rejected.jsonl", "dead.jsonl", "summary.json")
"""Derived from the parts at the end of the bulk stage."""

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
"""Reports that other commands leave in their folders."""

OPTIMISED = ("look.json", "journal.jsonl", "program.json", "passport.json", "passport.md")
"""Results of an optimisation."""

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
