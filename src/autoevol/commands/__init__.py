"""The commands as functions: each opens its run folder, does its stages and leaves a summary."""
