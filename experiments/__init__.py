"""Studies and searches: runnable modules, each with a `main(argv)`."""
