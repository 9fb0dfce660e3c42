"""Does the data train a better model? From a run to a verdict with intervals.

Data path: a run folder or files of pairs -> arms (`pairs`, `arms`) -> a frozen plan (`plan`) -> batches
of equal supervised tokens (`schedule`) -> a student tuned and measured for each arm and random seed
(`students` has it; `tuning` runs and resumes them, `recipe` hands them to a cluster) -> `MeasuredStudent`
records in the folder -> `analysis` -> a `ProofReport` (`report`). `job` is the command.
"""
