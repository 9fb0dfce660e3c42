"""Failure detectors and the statistics of how good they are; quality of data sets; objectives."""
