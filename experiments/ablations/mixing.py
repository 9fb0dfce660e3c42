"""The study of rounds: what is in the mixture of the data of 1, 2 and 3 rounds (figure 6).

The paper tunes a model on each mixture. Here nothing is tuned: the mixture is measured, by the
real detectors (usable yield) and by counts on its texts. In a testbed these texts come from a few
templates, and nothing beyond the first round has a defined truth; so what the study shows there is
how rounds pile up, not how models get better.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import dspy

from autoevol.core import aio
from autoevol.core.records import Case, Method, Outcome, Row
from autoevol.experiments.ablations.grounds import Ground, Site
from autoevol.experiments.ablations.studies import Plan
from autoevol.experiments.ablations.table import Line, Table, line
from autoevol.lm.budget import Caps
from autoevol.metrics.failure import FailureMetric
from autoevol.metrics.objectives import UsableYield
from autoevol.metrics.quality import constraint_count, distinct_n, operation_count
from autoevol.optimization.scoreboard import Scoreboard

MOST = 3


@dataclass(frozen=True)
class Round:
    """One round at one site.

    Attributes:
        usable: For every evolution that was decided, whether it is usable.
        texts: The usable ones.
    """

    usable: tuple[bool, ...]
    texts: tuple[str, ...]


def evolve_rounds(site: Site, method: Method, plan: Plan) -> list[Round]:
    """`MOST` rounds, one after the other.

    What is not usable leaves. WizardLM (section 3.2) would evolve its instruction another way
    in the next round; here one method meets every round, and would fail again the same way.
    """
    bench, path = site.heat.bench, plan.folder / f"rounds-{method.id[:12]}-{site.name}.sqlite"
    with bench.session(path, Caps()) as session:
        metric = FailureMetric(bench.metric(session).detector, UsableYield())
        board = Scoreboard(site.heat.student, metric, concurrency=bench.concurrency)

        async def work() -> list[Round]:
            pool, found = list(site.fresh), list[Round]()
            for number in range(1, MOST + 1):
                cases = await board.cases(method, pool, f"round-{number}")
                found.append(_round(cases))
                pool = [Row(case.row_id, text) for case in cases if (text := usable_text(case))]
            return found

        with dspy.context(lm=bench.task_lm(session), trace=None, disable_history=True):
            return aio.run_and_wait(work())


def rounds(ground: Ground, plan: Plan) -> Table:
    """Mixtures of 1, 1+2 and 1+2+3 rounds under the start and under an optimised method."""
    sites = ground.sites()
    starts = [site.heat.student.method for site in sites]
    optimised = [plan.run(site)[-1].method for site in sites]
    lines: list[Line] = []
    for name, methods in {"start": starts, "optimised": optimised}.items():
        made = [evolve_rounds(site, method, plan) for site, method in zip(sites, methods, strict=True)]
        first = _yields([found[:1] for found in made])
        for most in range(1, MOST + 1):
            mixed = [found[:most] for found in made]
            rounds_named = "+".join(str(number) for number in range(1, most + 1))
            rates = _yields(mixed)
            base = first if most > 1 and len(first) == len(rates) else None
            lines.append(line(f"{name}, rounds {rounds_named}", rates, base, **_measures(mixed)))
    return Table(
        "rounds", ground.label, "usable yield by the detectors", "round 1 of the same method", tuple(lines),
        notes=(
            "measured by the real detectors: there is no truth beyond the first round, and nothing is tuned",
            "words, constraints, operations: means over the usable texts; distinct-2: on samples of one size",
        ),
    )  # fmt: skip


def _round(cases: Sequence[Case]) -> Round:
    decided = [case for case in cases if case.verdict.outcome is not Outcome.UNSCORED]
    usable = tuple(case.verdict.outcome is Outcome.PASSED for case in decided)
    return Round(usable, tuple(text for case in decided if (text := usable_text(case))))


def usable_text(case: Case) -> str | None:
    """The evolved instruction of a case that passed."""
    passed = case.verdict.outcome is Outcome.PASSED
    return case.trajectory.evolved if passed and case.trajectory else None


def _yields(mixed: Sequence[Sequence[Round]]) -> list[float]:
    """Usable share of each site's mixture; of each evolution where there is one site alone."""
    shares = [[float(good) for part in found for good in part.usable] for found in mixed]
    return shares[0] if len(shares) == 1 else [fmean(share) for share in shares if share]


def _measures(mixed: Sequence[Sequence[Round]]) -> dict[str, list[float]]:
    """Means by site of counts on the usable texts; a site without any does not count."""
    by_site = [texts for found in mixed if (texts := [text for part in found for text in part.texts])]
    if not by_site:
        return {}
    # The share of distinct pairs of words falls with size: all mixtures of a site are cut to round 1's.
    sizes = [max(1, len(found[0].texts)) for found in mixed if any(part.texts for part in found)]
    return {
        "kept": [float(len(texts)) for texts in by_site],
        "words": [fmean(len(text.split()) for text in texts) for texts in by_site],
        "constraints": [fmean(map(constraint_count, texts)) for texts in by_site],
        "operations": [fmean(map(operation_count, texts)) for texts in by_site],
        "distinct-2": [
            distinct_n(random.Random(0).sample(texts, min(size, len(texts))))
            for texts, size in zip(by_site, sizes, strict=True)
        ],
    }
