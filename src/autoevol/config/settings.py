"""All settings of a run in one record, so that they travel together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from autoevol.config.choices import FAILED_ROWS
from autoevol.config.limits import (
    BatchConfig,
    BudgetConfig,
    MetricConfig,
    RequestConfig,
    StoreConfig,
    TrackingConfig,
)
from autoevol.config.loop import LoopConfig, MethodConfig, StagesConfig
from autoevol.config.models import ModelConfig
from autoevol.config.options import assemble, decisive
from autoevol.config.rows import CleanConfig, DataConfig, PipelineConfig

SETTINGS_SCHEMA = "autoevol.settings/1"
"""Schema of a file for `--config` that a command has written; one of a user's own needs none."""

_MODELS = ("data", "models", "requests", "store", "metrics", "budget")
GROUPS: dict[str, tuple[str, ...]] = {
    "run": (*_MODELS, "stages", "loop", "methods", "pipeline", "clean", "batch", "tracking"),
    "optimize": (*_MODELS, "loop", "methods", "tracking"),
    "evolve": (*_MODELS, "pipeline", "clean", "batch", "tracking"),
    "retry": ("requests", "store", "budget", "batch"),
    "again": ("requests", "store", "budget"),
    "transfer": _MODELS,
    "estimate": (*_MODELS, "stages", "loop", "methods", "pipeline", "batch"),
    "headroom": (*_MODELS, "loop", "methods"),
    "judge-answers": ("models", "requests", "store", "budget"),
    "calibrate": ("models", "requests", "store", "budget"),
    "doctor": ("models", "requests", "budget"),
    "search": ("data", "models", "requests", "metrics", "budget", "loop", "methods", "tracking"),
    "compare": ("data", "models", "requests", "metrics", "tracking"),
    "quality": ("models", "requests", "store", "budget"),
    "prove": ("requests", "store", "budget"),
    "clean": ("clean", "data"),
    "export": ("data",),
}
"""The groups of settings that each command takes."""


@dataclass(frozen=True)
class Settings:
    """The groups of settings that the commands of the main job share; `config` says what each holds.

    A command has options for the groups that it uses (see `options.with_settings`); the others keep
    their defaults.
    """

    data: DataConfig = field(default_factory=DataConfig)
    models: ModelConfig = field(default_factory=ModelConfig)
    requests: RequestConfig = field(default_factory=RequestConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    methods: MethodConfig = field(default_factory=MethodConfig)
    metrics: MetricConfig = field(default_factory=MetricConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)
    clean: CleanConfig = field(default_factory=CleanConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    stages: StagesConfig = field(default_factory=StagesConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)

    @classmethod
    def of(cls, **values: Any) -> Settings:  # noqa: ANN401 (settings of every type)
        """Settings by the names of their options: `Settings.of(evol_model="x", m=3)`."""
        return assemble(cls, values)

    def decisive(self, *groups: str) -> dict[str, dict[str, Any]]:
        """What of these groups decides the results of a run, by group."""
        return {name: decisive(getattr(self, name)) for name in groups}

    @property
    def rows_at_once(self) -> int:
        """Rows of the bulk stage that are begun and not finished; in batches, thousands wait together."""
        return self.batch.requests if self.batch.on else self.requests.concurrency

    def of_a_part(self, parts: int) -> Settings:
        """The same with the budget of one of so many processes."""
        return replace(self, budget=self.budget.part(parts))

    def settled(self, on_failure: str | None = None) -> Settings:
        """The same that say what happens to failed rows; unsaid it is `on_failure`, or the default."""
        said = self.pipeline.on_failure or on_failure or FAILED_ROWS
        return replace(self, pipeline=replace(self.pipeline, on_failure=said))

    def cleaning(self) -> CleanConfig | None:
        """How the rows of the bulk stage are cleaned, None if they are not."""
        return self.clean if self.pipeline.clean or self.clean.decontaminate else None
