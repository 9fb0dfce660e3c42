"""What a run found, as records, sentences and pages. Never calls a model."""
