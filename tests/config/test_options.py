"""Settings by flat names: made, changed, recorded, and read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.config import LoopConfig, Settings
from autoevol.config.history import changes, from_0_1
from autoevol.config.options import check_names, options_of, override, restore
from autoevol.config.settings import GROUPS
from autoevol.core.errors import InputError

VALUES = {
    "evol_model": "x",
    "optimizer_model": "o",
    "respond_temperature": 0.5,
    "seed": 7,
    "start": ["weak", "initial"],
    "keep": "all",
    "max_calls": 10,
    "store": "calls.sqlite",
}


def test_values_land_where_their_names_say() -> None:
    made = Settings.of(**VALUES)
    assert (made.models.evol.model, made.models.optimizer.model) == ("x", "o")
    assert made.models.respond.temperature == 0.5
    assert made.loop.seed == made.pipeline.seed == 7  # one option fills both
    assert made.methods.start == ("weak", "initial")
    assert (made.pipeline.keep, made.budget.max_calls, made.store.path) == ("all", 10, "calls.sqlite")
    assert override(Settings(), VALUES) == made


def test_flat_names_are_distinct_but_for_the_seed() -> None:
    names = [option.name for option in options_of(Settings)]
    assert {name for name in names if names.count(name) > 1} == {"seed"}


_CHANGES = {
    "evol_model": st.text(min_size=1, max_size=8),
    "temperature": st.floats(0, 2),
    "respond_top_p": st.none() | st.floats(0.01, 1),
    "m": st.integers(1, 9),
    "start": st.lists(st.sampled_from(["weak", "initial"]), min_size=1).map(tuple),
    "detector": st.sampled_from(["text", "paper"]),
    "with_seeds": st.floats(0, 1),
    "decontaminate": st.lists(st.text(max_size=4)).map(tuple),
}


@given(st.fixed_dictionaries({}, optional=_CHANGES))
def test_what_decides_is_recorded_and_read_back(values: dict[str, object]) -> None:
    changed = Settings.of(max_calls=3, **values)
    record = json.loads(json.dumps(changed.decisive(*GROUPS["run"])))
    again = restore(Settings, record)
    assert again.decisive(*GROUPS["run"]) == changed.decisive(*GROUPS["run"])
    assert again.budget == Settings().budget  # a budget decides nothing


def test_endpoints_keys_and_speed_decide_nothing() -> None:
    where = Settings.of(
        api_base="http://h/v1", api_key_env="K", judge_api_key_env="J", concurrency=3, rpm=1.0,
        client="openai", calibration="c.json", part_rows=5, forget_calls=True, max_usd=1.0, store="s",
    )  # fmt: skip
    every = GROUPS["run"]
    assert where.decisive(*every) == Settings().decisive(*every)


def test_changes_are_told_by_group_and_defaults_count() -> None:
    then = Settings.of(m=3).decisive("loop")
    now = Settings.of(m=4, respond_model="r").decisive("loop", "models")
    assert changes(then, now) == {"loop.m": (3, 4), "models.respond.model": (None, "r")}


def test_a_flat_table_of_0_1_0_becomes_groups() -> None:
    flat = {"evol_model": "x", "judge_model": None, "seed": 3, "m": 2, "concurrency": 16, "data_hash": "d"}
    assert from_0_1(flat) == {
        "models": {"evol": {"model": "x"}, "judge": {"model": None}},
        "loop": {"m": 2, "seed": 3},
        "inputs": {"data_hash": "d"},
    }
    assert from_0_1({"sample": 5, "evol_model": "x"})["0.1.0"] == {"sample": 5}


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"run has no setting 'evol_modle'; did you mean evol_model\?"):
        check_names({"evol_modle": 1}, {"evol_model", "m"}, "run")


def test_values_are_taken_as_users_of_python_write_them() -> None:
    made = Settings.of(start=Path("weak.txt"), price="x=1,2", keep=2, temperature=1, extra={"top_k": 3})
    assert (made.methods.start, made.budget.price) == (("weak.txt",), ("x=1,2",))
    assert (made.pipeline.keep, made.models.evol.temperature) == ("2", 1)
    assert made.models.evol.body == {"top_k": 3}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"m": "3"}, "m must be a whole number, not str: '3'"),
        ({"m": True}, "m must be a whole number, not bool"),
        ({"m": None}, "m must be a whole number, not NoneType"),
        ({"temperature": "warm"}, "temperature must be a number, not str"),
        ({"batch": 1}, "batch must be True or False, not int"),
        ({"evol_model": object()}, "evol_model must be the name of a model, as text, not object"),
        ({"start": [3.5]}, "start must be text, not float"),
        ({"selection": 1.5}, "selection must be text, not float"),
    ],
)
def test_a_value_of_another_type_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Settings.of(**values)


def test_a_record_made_by_hand_says_what_is_no_number() -> None:
    with pytest.raises(InputError, match="--batch-size must be a number, got '4'"):
        LoopConfig(batch_size="4")  # type: ignore[arg-type]
