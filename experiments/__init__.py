"""Runnable studies; each file has a `main(argv)`."""
