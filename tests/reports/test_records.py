"""Every report survives its file: written as JSON text and read again, it is the same record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoevol.core.records import Demo, Method
from autoevol.core.schema import Document
from autoevol.metrics.paired import PairedTest
from autoevol.reports.comparison import ComparisonReport, Finished
from autoevol.reports.folder import FolderReport
from autoevol.reports.headroom import HeadroomReport
from autoevol.reports.passport import Passport
from autoevol.reports.quality import QualityReport
from autoevol.reports.run import RunReport
from autoevol.reports.search import SearchReport
from autoevol.reports.transfer import TransferReport

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
shares = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**53), 2**53)
lines = st.text("abc ", min_size=1, max_size=8)
demos = st.lists(st.builds(Demo, lines, lines), max_size=2).map(tuple)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    Any: st.none() | st.booleans() | whole | shares | texts,
    int: whole,
    float: shares,
    str: texts,
    bool: st.booleans(),
    NoneType: st.none(),
    Method: st.builds(Method, lines, demos, texts),
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type that a record may hold."""
    kind, args = get_origin(hint) or hint, get_args(hint)
    if hint in PLAIN:
        return PLAIN[hint]
    if kind in (Union, UnionType):
        return st.one_of(*map(values_of, args))
    if kind is Literal:
        return st.sampled_from(args)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if kind is Mapping:
        return st.dictionaries(values_of(args[0]), values_of(args[1]), max_size=2)
    if kind is tuple and args[-1] is Ellipsis:
        return st.lists(values_of(args[0]), max_size=2).map(tuple)
    if kind is tuple:
        return st.tuples(*map(values_of, args))
    hints = get_type_hints(kind)
    names = [one.name for one in fields(kind) if one.init] if is_dataclass(kind) else list(hints)
    return st.builds(kind, **{name: values_of(hints[name]) for name in names})


KINDS = [
    RunReport, TransferReport, SearchReport, ComparisonReport, HeadroomReport, Finished, Passport,
    FolderReport, QualityReport,
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.SCHEMA)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_record_is_what_is_read_from_its_json(kind: type[Document], data: st.DataObject) -> None:
    record = data.draw(values_of(kind))
    written = record.to_json()
    again = kind.from_json(orjson.loads(orjson.dumps(written)))
    assert again == record
    assert again.to_json() == written
    assert next(iter(written)) == "schema"


@given(values_of(PairedTest))
def test_a_paired_test_has_one_shape(test: PairedTest) -> None:
    data = test.to_json()
    assert list(data) == [
        "difference", "low", "high", "p_value", "rows", "lower", "higher", "interval", "test",
        *(["counted"] if test.counted != "failures" else []),
    ]  # fmt: skip
    assert PairedTest.from_json(orjson.loads(orjson.dumps(data))) == test
