"""The papers' benchmarks: what runs them elsewhere, and what it leaves, read back.

Data path: a model -> one `HarnessJob` for each benchmark (`jobs`: commands of a harness, the versions that
they were written for) -> the harness's own result files -> `BenchmarkFigure`s with intervals (`lm_eval`,
`code`, `chat`), beside what training data share with the items (`contamination`) and the papers' rows
(`papers`). No harness is imported.
"""
