"""All settings of a run in one record, so that they travel together."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoevol.config.loop import LoopConfig, MethodConfig
from autoevol.config.models import BudgetConfig, MetricConfig, ModelConfig
from autoevol.config.rows import CleanConfig, DataConfig, PipelineConfig

SETTINGS_SCHEMA = "autoevol.settings/1"
"""Schema of a file for `--config` that a command has written; one of a user's own needs none."""


@dataclass(frozen=True)
class Settings:
    """The groups of settings that the commands of the main job share; `config` says what each holds.

    A command has options for the groups that it uses (see `options.with_settings`); the others keep
    their defaults.
    """

    data: DataConfig = field(default_factory=DataConfig)
    models: ModelConfig = field(default_factory=ModelConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    methods: MethodConfig = field(default_factory=MethodConfig)
    metrics: MetricConfig = field(default_factory=MetricConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)
    clean: CleanConfig = field(default_factory=CleanConfig)
