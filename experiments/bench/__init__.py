"""How fast the LM layer is, beside what else could carry the same calls."""
