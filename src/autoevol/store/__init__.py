"""All state on disk: the call store, the journal, the run folder. Nothing else writes state."""
