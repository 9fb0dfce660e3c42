"""Data that ships with the package: seed instructions and labelled evolutions."""
