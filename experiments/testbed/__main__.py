"""`python -m autoevol.experiments.testbed`: the true rate over the steps of AutoEvol, *simulated*."""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean

import dspy

from autoevol.config import LoopConfig
from autoevol.core.records import Step
from autoevol.experiments.testbed import Testbed
from autoevol.lm.session import Session
from autoevol.metrics.failure import FailureMetric
from autoevol.optimization.rules import LowestFailureRate
from autoevol.optimization.teleprompter import AutoEvol
from autoevol.programs.evolver import Evolver
from autoevol.store.calls import CallStore


def run(seed: int, config: LoopConfig) -> list[float]:
    """Optimise in the testbed of `seed`, print a line per step, and return the true rates."""
    testbed = Testbed(seed)
    transport = testbed.transport()
    with (
        tempfile.TemporaryDirectory() as folder,
        Session(CallStore(Path(folder) / "calls.sqlite", power_safe=False)) as session,
    ):
        lm = session.lm("testbed/world", transport=transport, temperature=0.0)
        methods = {testbed.start.id: testbed.start}
        rates: list[float] = []

        def show(step: Step) -> None:
            methods.update({c.method.id: c.method for c in step.candidates if c.method})
            dev = step.chosen_score.rate if step.chosen_score else float("nan")
            rates.append(testbed.true_rate(methods[step.chosen_id]))
            words = len(methods[step.chosen_id].text.split())
            print(
                f"  step {step.number:2d}: true rate {rates[-1]:6.1%}, on dev {dev:6.1%}, {words:3d} words,"
                f" {transport.asked} calls"
            )

        with dspy.context(lm=lm):
            AutoEvol(FailureMetric(), config=config, selection=LowestFailureRate(), on_step=show).compile(
                Evolver(testbed.start),
                trainset=testbed.rows(200, first=config.dev_size),
                valset=testbed.rows(config.dev_size),
            )
    return rates


def main() -> None:
    """Read the options and run every seed."""
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.testbed", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="How many testbeds (default 3).")
    parser.add_argument("--steps", type=int, default=6, help="Steps of the loop (default 6).")
    parser.add_argument("--m", type=int, default=3, help="Rewrites per step (default 3; the paper's is 5).")
    parser.add_argument("--dev", type=int, default=30, help="Dev rows (default 30; the paper's is 50).")
    given = parser.parse_args()
    print("simulated: AutoEvol with the selection rule `paper` in a testbed with a known truth")
    loop = LoopConfig(m=given.m, steps=given.steps, patience=max(1, given.steps), dev_size=given.dev)
    ends: list[tuple[float, float]] = []
    for seed in range(given.seeds):
        started = time.perf_counter()
        print(f"testbed {seed} (simulated)")
        rates = run(seed, replace(loop, seed=seed))
        ends.append((rates[0], rates[-1]))
        print(f"  {time.perf_counter() - started:.1f} s")
    means = [f"{mean(rates):.1%}" for rates in zip(*ends, strict=True)]
    print(f"simulated: mean true rate {means[0]} -> {means[1]} over {len(ends)} testbeds")


if __name__ == "__main__":
    main()
