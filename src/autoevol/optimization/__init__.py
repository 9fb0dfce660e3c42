"""The evolving method optimised: the teleprompter, its selection rules, and rival optimizers."""
