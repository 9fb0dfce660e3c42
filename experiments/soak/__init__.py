"""A soak: whole commands, killed and started again, on endpoints that fail in every way."""
