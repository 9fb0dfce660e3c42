"""The paper's studies (Auto Evol-Instruct, section 5), each one command, one table and one plot.

`python -m autoevol.experiments.ablations STUDY --testbed --out DIR` runs a study in several
testbeds with a known truth (*simulated*, see `experiments.testbed`); with `--seeds FILE` and
model names instead it runs on real models and measures on a holdout that no loop has seen.

- `m`: number of rewrites per step (figure 5a).
- `steps`: number of steps without an early stop (figure 5b), over-optimisation included.
- `start`: a weak against the default starting method (figure 4).
- `models`: evol LM by optimizer LM (table 3). In a testbed: two worlds, in which the start fails
  more or less often, by two degrees of the optimizer LM's insight.
- `rounds`: mixing the data of 1, 2 and 3 rounds (figure 6), here without tuning a model: yield and
  complexity of the mixture as the real detectors and measures see them. The testbed has no truth
  beyond the first round.
- `transfer`: a method optimised on data and model A, rated on others. The paper leaves it open.

No loop stops early, so that a study varies one thing; the paper does stop.
"""
