"""Small models that are tuned to see what data teach: what a student is, and one on PyTorch.

Pair -> `Encoded` tokens -> batches of equal supervised tokens (`schedule`) -> a tuned copy that scores
responses (`torch_student`). `learner` asks what a single pair teaches; `proof` tunes on whole data sets.
"""
