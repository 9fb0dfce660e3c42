"""The files that a trainer is started with, for a data set that was exported.

Data path: what an export has written and a `Preset` (`presets`) -> a `TrainingPlan` with batches and steps
(`plan`) -> the files and launch lines of one trainer (`recipes`, whose scripts are in `scripts`) -> a folder
beside the data. Nothing here trains; the proof that a recipe does is in the tests.
"""
