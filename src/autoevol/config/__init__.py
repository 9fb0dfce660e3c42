"""The settings of a run, as frozen records. The command line is generated from them."""

from autoevol.config.loop import CompareConfig, LoopConfig, MethodConfig, SearchConfig, TransferConfig
from autoevol.config.models import FREE, BudgetConfig, EndpointConfig, MetricConfig, ModelConfig
from autoevol.config.rows import (
    AgainConfig,
    CleanConfig,
    DataConfig,
    ExportConfig,
    LaunchConfig,
    PipelineConfig,
)
from autoevol.config.settings import SETTINGS_SCHEMA, Settings

__all__ = [
    "FREE",
    "SETTINGS_SCHEMA",
    "AgainConfig",
    "BudgetConfig",
    "CleanConfig",
    "CompareConfig",
    "DataConfig",
    "EndpointConfig",
    "ExportConfig",
    "LaunchConfig",
    "LoopConfig",
    "MethodConfig",
    "MetricConfig",
    "ModelConfig",
    "PipelineConfig",
    "SearchConfig",
    "Settings",
    "TransferConfig",
]
