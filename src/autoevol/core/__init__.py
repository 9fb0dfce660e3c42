"""Shared by every package: records, errors, scopes, and running coroutines."""
