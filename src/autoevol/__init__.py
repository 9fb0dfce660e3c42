"""Evolve instruction data, and optimise the method that evolves it."""
