"""The settings of a run, as frozen records. The command line is generated from them."""

from autoevol.config.limits import (
    BatchConfig,
    BudgetConfig,
    MetricConfig,
    RequestConfig,
    StoreConfig,
    TrackingConfig,
)
from autoevol.config.loop import (
    AnswersConfig,
    CalibrateConfig,
    CompareConfig,
    LoopConfig,
    MethodConfig,
    SearchConfig,
    StagesConfig,
    TransferConfig,
)
from autoevol.config.models import EndpointConfig, EvolConfig, ModelConfig, RoleConfig
from autoevol.config.proving import ProveConfig
from autoevol.config.quality import QualityConfig, SelectConfig
from autoevol.config.rows import (
    AgainConfig,
    CleanConfig,
    DataConfig,
    ExportConfig,
    LaunchConfig,
    PipelineConfig,
    PublishConfig,
)
from autoevol.config.settings import SETTINGS_SCHEMA, Settings
from autoevol.config.training import BenchmarksConfig, RecipeConfig

__all__ = [
    "SETTINGS_SCHEMA",
    "AgainConfig",
    "AnswersConfig",
    "BatchConfig",
    "BenchmarksConfig",
    "BudgetConfig",
    "CalibrateConfig",
    "CleanConfig",
    "CompareConfig",
    "DataConfig",
    "EndpointConfig",
    "EvolConfig",
    "ExportConfig",
    "LaunchConfig",
    "LoopConfig",
    "MethodConfig",
    "MetricConfig",
    "ModelConfig",
    "PipelineConfig",
    "ProveConfig",
    "PublishConfig",
    "QualityConfig",
    "RecipeConfig",
    "RequestConfig",
    "RoleConfig",
    "SearchConfig",
    "SelectConfig",
    "Settings",
    "StagesConfig",
    "StoreConfig",
    "TrackingConfig",
    "TransferConfig",
]
