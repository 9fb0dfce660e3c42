"""What limits an estimate: what was sampled, what was assumed, and what is not known."""

from __future__ import annotations

from autoevol.commands.likely import TIMES
from autoevol.commands.plan import look_text
from autoevol.commands.planned import Plan
from autoevol.config import Settings


def notes_of(plan: Plan, sampled: int, chains: int, settings: Settings, priced: bool) -> list[str]:
    """In sentences, apart from the budget.

    Args:
        plan: Of the run.
        sampled: Rows that were run.
        chains: Analyses with a rewrite that were made.
        settings: Of the run.
        priced: Whether every model has a price.
    """
    concurrency, batch_size = settings.requests.concurrency, settings.loop.batch_size
    notes = [f"From {sampled} sampled rows" + (f" and {chains} analyses with a rewrite." if chains else ".")]
    if sampled < concurrency:
        notes.append(
            f"The sample kept at most {sampled} of {concurrency} requests under way, so an endpoint "
            "that slows down under load will take longer than said."
        )
    if chains and sampled < batch_size:
        notes.append(f"Analyses saw {sampled} of {batch_size} cases, so they will take more tokens.")
    if plan.policy.retries and not plan.differs and not plan.only_bulk:
        notes.append(
            "Fresh samples of failed rows are taken to fail at least as often as the last method does."
        )
    if plan.target:
        notes.append(f"The run ends when {plan.target} rows are kept; at most is told for all rows.")
    if settings.batch.on:
        notes.append(
            f"Batches spare {settings.batch.discount:.0%} of the bulk stage's price. Their time is the "
            "provider's: up to 24 hours for each rewrite, response and judgement of a round, and not the "
            "seconds said here."
        )
    if plan.course is not None:
        notes.append(
            f"Likely: the optimisation was played {TIMES} times with the rules of the run, rewrites from "
            "never better to nine of ten failures cured, and a first method that fails as in the sample."
        )
        notes.append("At most: every step is made, and every method is scored on all rows.")
    if plan.look:
        notes.append(f"First look: {look_text(plan.look)}.")
    if not priced:
        notes.append("Money is not known: give --price for every model.")
    if sampled == 1 < plan.rows:
        notes.append("One row says nothing about how much rows differ: the intervals have no meaning.")
    if plan.rows <= sampled:
        notes.append("The sample is all there is.")
    return notes
