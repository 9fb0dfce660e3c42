"""One run of AutoEvol in a heat, told step by step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import dspy

from autoevol.comparison.entry import Heat
from autoevol.config import LoopConfig
from autoevol.core.errors import BudgetReached
from autoevol.core.records import Method, Step
from autoevol.experiments.testbed.shortcut import calls_spared
from autoevol.lm.budget import Caps
from autoevol.lm.meter import DistinctCalls
from autoevol.optimization.rule import SelectionRule
from autoevol.optimization.rules import RULES
from autoevol.optimization.teleprompter import AutoEvol


class Reached(NamedTuple):
    """Where the loop stood after a step.

    Attributes:
        calls: Calls answered so far.
        method: The method in force.
        dev: Its failure rate on the dev rows that it was scored on, 0..1.
        improved: Whether this step put it in force.
    """

    calls: int
    method: Method
    dev: float
    improved: bool


def run_loop(
    heat: Heat,
    rule: str | SelectionRule,
    config: LoopConfig,
    path: Path,
    cap: int | None = None,
    starts: Sequence[Method] = (),
) -> list[Reached]:
    """One loop to its last step or to `cap` calls: one element per step, step 0 first.

    Args:
        heat: Student, rows and models.
        rule: The selection rule, or its name.
        config: Settings of the loop.
        path: Call store of this loop alone; a run that was killed finds its calls there.
        cap: Most calls, at which it ends with what it has.
        starts: Methods that compete with the student's own before step 1.

    Raises:
        BudgetReached: If the bench itself has caps, and they end it.
    """
    told: list[Reached] = []
    methods = {method.id: method for method in (heat.student.method, *starts)}
    answered = DistinctCalls()
    with heat.bench.session(path, Caps(calls=cap)) as session, session.watched(answered):

        def tell(step: Step) -> None:
            calls = len(answered) + calls_spared(heat.student)
            if cap is not None and calls > cap:
                raise BudgetReached(f"{calls} calls, more than {cap}")
            methods.update({c.method.id: c.method for c in step.candidates if c.method})
            dev = step.chosen_score.rate if step.chosen_score else float("nan")
            told.append(Reached(calls, methods[step.chosen_id], dev, step.improved))

        teleprompter = AutoEvol(
            heat.bench.metric(session),
            config=config,
            optimizer_lm=heat.bench.prompt_lm(session),
            selection=RULES[rule]() if isinstance(rule, str) else rule,
            starts=starts,
            on_step=tell,
        )
        with dspy.context(lm=heat.bench.task_lm(session)):
            best: Any = teleprompter.compile(heat.student, trainset=heat.train, valset=heat.dev)
    if best.stopped == "budget" and cap is None:
        raise BudgetReached(f"budget reached in the loop of {path.stem}")
    return told
