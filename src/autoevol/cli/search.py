"""search: the settings of the loop that find the best method for the fewest calls."""

from __future__ import annotations

from autoevol.cli.common import Json, Out, Seeds, app, exit_codes, finish
from autoevol.config import (
    BudgetConfig,
    DataConfig,
    LoopConfig,
    MethodConfig,
    MetricConfig,
    ModelConfig,
    SearchConfig,
)
from autoevol.options import with_settings


@app.command()
@exit_codes()
@with_settings(
    config=SearchConfig,
    data=DataConfig,
    models=ModelConfig,
    loop=LoopConfig,
    methods=MethodConfig,
    metrics=MetricConfig,
    budget=BudgetConfig,
)
def search(
    *,
    seeds: Seeds,
    out: Out,
    json: Json = False,
    config: SearchConfig,
    data: DataConfig,
    models: ModelConfig,
    loop: LoopConfig,
    methods: MethodConfig,
    metrics: MetricConfig,
    budget: BudgetConfig,
) -> None:
    """Search batch size, m and steps (and more) for SEEDS; the same command again helps or resumes."""
    from autoevol.search import job, result

    finish(
        lambda tell: job.search(seeds, out, data, models, loop, methods, metrics, budget, config, tell),
        json,
        result.table_rows,
    )
