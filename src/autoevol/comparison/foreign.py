"""Contestants from DSPy, configured to tune the instructions only, except for random search."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Literal

import dspy

from autoevol.comparison import sizes
from autoevol.comparison.entry import Entry
from autoevol.comparison.tracker import TrackedMetric
from autoevol.metrics.failure import FailureMetric
from autoevol.optimization.teleprompter import as_examples
from autoevol.programs.evolver import Evolver
from autoevol.reports.comparison import Group

_ENDLESS = 10**9
_UNPARSABLE = "an unparsable proposal ends it: its best so far counts, and the error is noted"
_CUT = "stopped by the cap wherever it is: the tracker's best so far counts"
_OWN_SCALE = "its own scores and call counts are not used: scale and coverage are its own"


def _evolver(compiled: object) -> Evolver:
    if not isinstance(compiled, Evolver):
        raise TypeError(f"gave back a {type(compiled).__name__}, not an Evolver")
    return compiled


class _Foreign:
    """Base of the adapters for DSPy's optimizers."""

    name: str
    group: Group = "rivals"
    traps: tuple[str, ...] = ()
    keeps_best = False

    def _rows(self, entry: Entry) -> dict[str, Any]:
        return {"trainset": as_examples(entry.heat.train), "valset": as_examples(entry.heat.dev)}

    def _dev(self, entry: Entry) -> list[dspy.Example]:
        return as_examples(entry.heat.dev)

    def _terms(self, entry: Entry) -> tuple[int, int, int]:
        return entry.budget, entry.row_calls, len(entry.heat.dev)


class Copro(_Foreign):
    """COPRO (Khattab et al.; breadth and depth). It takes a single set of rows, so it gets the dev rows."""

    name = "copro"
    traps: tuple[str, ...] = (
        _UNPARSABLE,
        "prints to standard output: silenced",
        "has no seed: its samples are drawn in a scope of the entry's seed",
        _CUT,
        _OWN_SCALE,
    )

    def sizes(self, entry: Entry) -> Mapping[str, Any]:
        """See `Contestant`."""
        return sizes.copro(*self._terms(entry))._asdict()

    def compile(self, entry: Entry) -> Evolver:
        """See `Contestant`."""
        metric = TrackedMetric(entry.metric, entry.tracker)
        optimizer = dspy.COPRO(prompt_model=entry.prompt_lm, metric=metric, **self.sizes(entry))
        how = {"num_threads": entry.heat.bench.concurrency, "display_progress": False}
        return _evolver(optimizer.compile(entry.heat.student, trainset=self._dev(entry), eval_kwargs=how))


class Mipro(_Foreign):
    """MIPROv2 without demos (Opsahl-Ong et al., arXiv 2406.11695)."""

    name = "mipro"
    traps: tuple[str, ...] = (
        _UNPARSABLE,
        "seed 0 is taken for its default: seeds are shifted by one",
        "accepts failed traces as demos without a threshold: the threshold is 1",
        "bootstraps demos although none are kept: counted in its size",
        "a call lost for good scores 0",
        _CUT,
        _OWN_SCALE,
    )

    def sizes(self, entry: Entry) -> Mapping[str, Any]:
        """See `Contestant`."""
        return sizes.mipro(*self._terms(entry))._asdict()

    def compile(self, entry: Entry) -> Evolver:
        """See `Contestant`."""
        sized = dict(self.sizes(entry))
        optimizer = dspy.MIPROv2(
            metric=TrackedMetric(entry.metric, entry.tracker),
            prompt_model=entry.prompt_lm,
            auto=None,
            num_candidates=sized.pop("num_candidates"),
            max_bootstrapped_demos=0,
            max_labeled_demos=0,
            metric_threshold=1.0,
            num_threads=entry.heat.bench.concurrency,
            max_errors=_ENDLESS,
            seed=entry.seed + 1,
        )
        return _evolver(optimizer.compile(entry.heat.student, **self._rows(entry), **sized))


class Simba(_Foreign):
    """SIMBA without demos: rules learned from rows on which samples differ.

    Its metric gives feedback with every score, which it shows to the prompt LM. It takes a single set of
    rows, so its mini-batches come from the dev rows as well.
    """

    name = "simba"
    traps: tuple[str, ...] = (
        "learns nothing from a task LM without variance: it samples at temperature 1, and these samples"
        " are paid",
        "a call lost for good scores 0",
        "scores on mini-batches until its end: a method counts once it has been scored on enough rows",
        _CUT,
        _OWN_SCALE,
    )

    def sizes(self, entry: Entry) -> Mapping[str, Any]:
        """See `Contestant`."""
        return sizes.simba(*self._terms(entry))._asdict()

    def compile(self, entry: Entry) -> Evolver:
        """See `Contestant`."""
        # SIMBA accepts scores with feedback too, although its type does not say so.
        metric: Any = TrackedMetric(entry.metric, entry.tracker, feedback=True)
        optimizer = dspy.SIMBA(
            metric=metric,
            prompt_model=entry.prompt_lm,
            max_demos=0,
            num_threads=entry.heat.bench.concurrency,
            **self.sizes(entry),
        )
        return _evolver(optimizer.compile(entry.heat.student, trainset=self._dev(entry), seed=entry.seed))


class Gepa(_Foreign):
    """GEPA (Agrawal et al., arXiv 2507.19457) with the metric's feedback and a score per failure kind.

    Args:
        frontier: What keeps a candidate in the pool: `instance`, being best on a dev row; `hybrid`, that or
            being best at a kind of failure.
    """

    def __init__(self, frontier: Literal["hybrid", "instance"] = "hybrid") -> None:
        self.name = "gepa" if frontier == "hybrid" else f"gepa-{frontier}"
        self._frontier = frontier

    traps: tuple[str, ...] = (
        "overshoots its own limit, and does not count reflections: the cap ends it",
        "its `auto` uses an outdated formula: sized by metric calls",
        "an unparsable proposal costs its mini-batch: paid like any call",
        _CUT,
        _OWN_SCALE,
    )

    def sizes(self, entry: Entry) -> Mapping[str, Any]:
        """See `Contestant`."""
        return {"max_metric_calls": sizes.gepa(*self._terms(entry))}

    def compile(self, entry: Entry) -> Evolver:
        """See `Contestant`."""
        metric = FailureMetric(
            entry.metric.detector, entry.metric.objective, by_kind=self._frontier == "hybrid"
        )
        optimizer = dspy.GEPA(
            metric=TrackedMetric(metric, entry.tracker),
            reflection_lm=entry.prompt_lm,
            reflection_minibatch_size=3,
            num_threads=entry.heat.bench.concurrency,
            seed=entry.seed,
            gepa_kwargs={"frontier_type": self._frontier},
            **self.sizes(entry),
        )
        return _evolver(optimizer.compile(entry.heat.student, **self._rows(entry)))


class Bootstrap(_Foreign):
    """BootstrapFewShotWithRandomSearch. It tunes demos, not instructions, so it is reported separately."""

    name = "bootstrap"
    group: Group = "demos"
    traps: tuple[str, ...] = (
        "accepts failed traces as demos without a threshold: the threshold is 1",
        "prints to standard output: silenced",
        "draws by fixed seeds: it is given the train rows in an order of the entry's seed",
        _CUT,
        _OWN_SCALE,
    )

    def sizes(self, entry: Entry) -> Mapping[str, Any]:
        """See `Contestant`."""
        return {"num_candidate_programs": sizes.bootstrap(*self._terms(entry))}

    def compile(self, entry: Entry) -> Evolver:
        """See `Contestant`."""
        optimizer = dspy.BootstrapFewShotWithRandomSearch(
            metric=TrackedMetric(entry.metric, entry.tracker),
            max_labeled_demos=0,
            metric_threshold=1.0,
            num_threads=entry.heat.bench.concurrency,
            max_errors=_ENDLESS,
            **self.sizes(entry),
        )
        given = self._rows(entry)
        random.Random(entry.seed).shuffle(given["trainset"])
        return _evolver(optimizer.compile(entry.heat.student, **given))
