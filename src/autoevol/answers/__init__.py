"""Answers of two models to the same questions: read, set side by side, judged, and counted."""
