"""Words that settings take: the same as the registries know, and a wrong one is answered with the nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol import config
from autoevol.commands import launch
from autoevol.commands.calibrate import HALVES, Pairs
from autoevol.commands.trackers import TRACKERS
from autoevol.config import choices
from autoevol.core.errors import InputError, unknown
from autoevol.dataset.formats import FORMATS
from autoevol.metrics.catalog import DETECTORS
from autoevol.metrics.objectives import OBJECTIVES
from autoevol.optimization.dev_rows import DEV_ROWS
from autoevol.optimization.rules import RULES
from autoevol.training.presets import PRESETS
from autoevol.training.recipes import RECIPES


@pytest.mark.parametrize(
    ("literal", "registry"),
    [
        (choices.Selection, RULES),
        (choices.DevRows, DEV_ROWS),
        (choices.Objective, OBJECTIVES),
        (choices.Detector, DETECTORS),
        (choices.ExportFormat, FORMATS),
        (choices.Executor, launch._EXECUTORS),
        (choices.Preset, PRESETS),
        (choices.Recipe, RECIPES),
        (choices.Half, HALVES),
        (choices.Track, TRACKERS),
    ],
)
def test_the_types_hold_what_the_registries_know(literal: Any, registry: Iterable[str]) -> None:
    assert get_args(literal) == tuple(registry)


@pytest.mark.parametrize(
    ("record", "values", "told"),
    [
        (config.RequestConfig, {"client": "aiohtp"}, "--client 'aiohtp' .* did you mean aiohttp"),
        (config.MetricConfig, {"detector": "txt"}, "--detector 'txt' .* did you mean text"),
        (config.MetricConfig, {"objective": "yield"}, "known are failure-rate, usable-yield"),
        (config.MethodConfig, {"selection": "sprnt"}, "did you mean sprint"),
        (config.LaunchConfig, {"executor": "slrum"}, "did you mean slurm"),
        (config.DataConfig, {"turns": "all"}, "known are first, every$"),
        (config.AgainConfig, {"detector": "papr"}, "did you mean paper"),
        (config.AgainConfig, {"keep": "lats"}, "--keep 'lats' .* did you mean last"),
        (config.PipelineConfig, {"keep": "0"}, "--keep '0'"),
        (config.PipelineConfig, {"on_failure": "rety:2"}, "--on-failure 'rety:2' .* did you mean retry"),
        (config.PipelineConfig, {"on_failure": "retry:0"}, "K >= 1"),
        (Pairs, {"file": "x.jsonl", "half": "reports"}, "--half 'reports' .* did you mean report"),
    ],
)
def test_a_record_with_another_word_is_refused(
    record: Callable[..., object], values: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        record(**values)


@pytest.mark.parametrize("keep", ["last", "all", "best", "1", "12", None])
def test_rounds_to_keep(keep: str | None) -> None:
    choices.check_keep(keep)


def test_settings_that_say_nothing_pass() -> None:
    assert config.AgainConfig().detector is None
    assert choices.words_of(str | None) == ()
    assert choices.words_of(choices.Half | None) == ("development", "report")


@given(st.text(), st.lists(st.text(min_size=1), min_size=1, unique=True))
def test_the_error_lists_every_word(word: str, known: list[str]) -> None:
    message = str(unknown("--flag", word, known))
    assert message.startswith(f"--flag {word!r} is unknown; known are {', '.join(known)}")
    hint = message.partition("; did you mean ")[2]
    assert not hint or hint.rstrip("?") in [name.rstrip("?") for name in known] or "; did you mean " in known
