"""What every part shares: records, errors, scopes and running coroutines."""
