"""All state on disk: the call store, the journal, the run folder. No other package writes state."""
