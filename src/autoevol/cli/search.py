"""search: the settings of the loop that find the best method for the fewest calls."""

from __future__ import annotations

from autoevol.cli.common import Json, Out, Seeds, app, exit_codes, finish
from autoevol.cli.options import with_settings
from autoevol.config import SearchConfig, Settings
from autoevol.config.settings import GROUPS


@app.command()
@exit_codes()
@with_settings(*GROUPS["search"], config=SearchConfig)
def search(
    *,
    seeds: Seeds,
    out: Out,
    json: Json = False,
    config: SearchConfig,
    settings: Settings,
) -> None:
    """Search batch size, m, steps and more for SEEDS. The same command resumes, or joins a running search."""
    from autoevol.hypersearch import job

    finish(lambda tell: job.search(seeds, out, config=config, settings=settings, listener=tell), json)
