"""A finished data set: duplicates and benchmark items removed, quality measured, written for trainers."""
