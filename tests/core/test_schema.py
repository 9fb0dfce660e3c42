"""Records as JSON: what is written, what is read back, and what is refused with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple

import pytest

from autoevol.core.records import Demo, Method
from autoevol.core.schema import SPARSE, Document, Malformed, NewerSchema, Record, decode, encode


class Colour(StrEnum):
    RED = "red"


class Span(NamedTuple):
    low: float
    high: float = 1.0


@dataclass(frozen=True, slots=True)
class Leaf(Record):
    number: int
    share: float | None
    span: Span
    colour: Colour = Colour.RED
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True)
class Tree(Document, schema="test.tree/3"):
    leaves: tuple[Leaf, ...]
    by_seed: Mapping[int, float]
    pair: tuple[int, str] = (1, "x")
    note: str | None = field(default=None, metadata=SPARSE)
    facts: Mapping[str, Any] = field(default_factory=dict, metadata=SPARSE)

    @classmethod
    def upgraded(cls, data: Mapping[str, Any], version: int) -> Mapping[str, Any]:
        assert version < 3
        return {**data, "leaves": data.get("leaf", ())}


TREE = Tree((Leaf(1, None, Span(0.0)), Leaf(2, 0.5, Span(0.25, 0.5), kind="b")), {0: 0.5, -1: 1.0})


def test_a_document_says_first_what_it_is_and_leaves_sparse_fields_out() -> None:
    data = TREE.to_json()
    assert list(data) == ["schema", "leaves", "by_seed", "pair"]
    assert data["schema"] == "test.tree/3"
    assert data["leaves"][0]["span"] == {"low": 0.0, "high": 1.0}
    assert data["by_seed"] == {"0": 0.5, "-1": 1.0}
    assert Tree.from_json(data) == TREE
    assert Tree(leaves=(), by_seed={}, note="x").to_json()["note"] == "x"


def test_methods_keep_their_text_demos_and_name_and_compute_their_id() -> None:
    method = Method("Rewrite it.", (Demo("One.", "One and two."),), "named")
    data = encode(method)
    assert data["id"] == method.id
    again = decode(Method, {**data, "id": "something else"})
    assert (again, again.id, again.name) == (method, method.id, "named")


def test_keys_that_nobody_knows_are_ignored_and_defaults_stand_in_for_missing_ones() -> None:
    assert Tree.from_json({"schema": "test.tree/3", "leaves": [], "by_seed": {}, "new": 1}) == Tree((), {})


def test_older_versions_are_upgraded_and_none_counts_as_the_first() -> None:
    leaf = {"number": 1, "share": 1, "span": {"low": 0}}
    for version in ({}, {"schema": "test.tree/1"}, {"schema": "test.tree/2"}):
        tree = Tree.from_json({**version, "leaf": [leaf], "by_seed": {}})
        assert tree.leaves == (Leaf(1, 1.0, Span(0.0)),)
        assert isinstance(tree.leaves[0].share, float)


def test_a_later_version_is_refused_in_one_sentence() -> None:
    with pytest.raises(NewerSchema, match=r"later version of autoevol \(schema test.tree/4;.*test.tree/3"):
        Tree.from_json({"schema": "test.tree/4"})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": "test.bush/1"}, "is of the schema 'test.bush/1'"),
        ({"schema": "test.tree/new"}, "is of the schema"),
        ({"leaves": {}}, r"^leaves: expected a list"),
        ({"leaves": "ab"}, r"^leaves: expected a list"),
        ({"leaves": [{"number": 1}]}, r"^leaves\[0\]: 'share' is missing"),
        ({"leaves": [3]}, r"^leaves\[0\]: expected an object, got 3"),
        ({"by_seed": {"0": "x"}}, r"^by_seed.0: expected float, got 'x'"),
        ({"by_seed": {"a": 1.0}}, r"^by_seed.a: expected int"),
        ({"by_seed": {"0": None}}, r"^by_seed.0: expected float"),
        ({"pair": [1]}, r"^pair: expected 2 values"),
        ({"pair": [True, "x"]}, r"^pair\[0\]: expected int, got True"),
        ({"note": 3}, r"^note: expected str"),
    ],
)
def test_what_makes_no_record_is_refused_with_its_place(change: dict[str, Any], told: str) -> None:
    with pytest.raises(Malformed, match=told):
        Tree.from_json({**TREE.to_json(), **change})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"colour": "blue"}, "colour: expected Colour, got 'blue'"),
        ({"colour": {}}, "colour: expected Colour"),
        ({"kind": "c"}, "kind: expected one of"),
        ({"span": {"high": 1.0}}, "span: 'low' is missing"),
    ],
)
def test_choices_and_named_tuples_are_checked(change: dict[str, Any], told: str) -> None:
    with pytest.raises(Malformed, match=told):
        Leaf.from_json({**TREE.leaves[0].to_json(), **change})


@pytest.mark.parametrize("data", [None, [], "x", 3])
def test_what_is_no_object_is_refused(data: object) -> None:
    with pytest.raises(Malformed, match="not a JSON object"):
        Tree.from_json(data)
