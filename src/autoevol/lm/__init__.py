"""Language models: every call recorded, counted, capped and resumable."""
