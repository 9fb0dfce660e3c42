"""Whatever a record holds, it is read, exported and cleaned, or refused in words."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoevol.config import DataConfig
from autoevol.config.choices import Turns
from autoevol.core.errors import InputError
from autoevol.data import load_rows
from autoevol.data.conversation import COMPANIONS
from autoevol.dataset.clean import clean_file
from autoevol.dataset.export import export_file
from autoevol.dataset.formats import FORMATS

COLUMNS = sorted(
    {*COMPANIONS, "instruction", "question", "prompt", "query", "problem", "text", "tools", "thinking"}
)
ROLES = ["system", "user", "human", "assistant", "gpt", "tool", "function_call", "observation", "narrator"]

text = st.text(st.characters(codec="utf-8"), max_size=5) | st.sampled_from(["Ask", "[", '["a", "b"]', "[{}]"])
value = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(0, 1) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=2),
    max_leaves=5,
)
turn = st.fixed_dictionaries(
    {"role": st.sampled_from(ROLES) | value, "content": text | value},
    optional={"tool_calls": value, "reasoning_content": value, "function_call": value, "name": value},
) | st.fixed_dictionaries({"from": st.sampled_from(ROLES) | value, "value": text | value})
column = st.lists(turn, max_size=5) | text | value | st.lists(st.lists(text, max_size=3), max_size=2)
record = st.dictionaries(st.sampled_from(COLUMNS), column, min_size=1, max_size=5) | value


@given(
    st.lists(record, min_size=1, max_size=3),
    st.sampled_from(list(FORMATS)),
    st.sampled_from(["first", "every"]),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=300,
)
def test_any_record_is_used_or_refused(tmp_path: Path, records: list[Any], name: str, turns: Turns) -> None:
    source = tmp_path / "d.jsonl"
    source.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    data = DataConfig(skip_bad=True, turns=turns)
    for job in (
        lambda: load_rows(source, **data.reading()),
        lambda: export_file(source, tmp_path / f"o{FORMATS[name].suffix}", name, data=data),
        lambda: clean_file(source, tmp_path / "clean.jsonl", data=data),
    ):
        with contextlib.suppress(InputError):
            job()
