"""Does the data train a better model? From a run to a verdict with intervals.

Data path: a run folder or files of pairs -> arms (`pairs`, `arms`) -> a frozen plan (`plan`) -> a student
(package `students`) tuned on batches of equal supervised tokens and measured, for each arm and random seed
(`tuning` runs and resumes them, `recipe` hands them to a cluster) -> `MeasuredStudent` records in the
folder -> `analysis` -> a `ProofReport` (`reports.proof`). `job` is the command.
"""
