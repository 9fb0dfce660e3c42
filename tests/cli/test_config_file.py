"""Settings from the command line, a file, the environment and the defaults: who wins, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.cli.config_file import PREFIX, TABLES, read_config, read_environment, settings_of
from autoevol.config import Settings
from autoevol.core.errors import InputError
from command_line import command, printed, seed_file

OWN = [
    setting
    for name in ("data", "models", "loop", "methods", "clean")
    for setting in settings_of(TABLES[name])
]


def read(folder: Path, text: str, name: str = "c.toml") -> dict[str, Any]:
    path = folder / name
    path.write_text(text)
    return read_config(path, "run", OWN)


def test_the_command_line_comes_first_then_the_file_then_the_environment(tmp_path: Path) -> None:
    seeds = seed_file(tmp_path, [f"Task {number}: name a prime." for number in range(40)])
    path = tmp_path / "c.toml"
    path.write_text("steps = 3\n[methods]\nrounds = 2\n")

    def steps_and_rounds(*more: object, **variables: str) -> tuple[int, int]:
        """As a run would have them; with one chain per step, chains are steps."""
        words = ["run", seeds, "--out", tmp_path / "run", "--m", 1, "--dry-run", "--json", *more]
        plan = printed(command(*words, **variables))
        return plan["stages"]["optimize"]["chains"], plan["rounds"]

    variables = {"AUTOEVOL_STEPS": "4", "AUTOEVOL_ROUNDS": "3", "AUTOEVOL_M": "9"}
    assert steps_and_rounds() == (20, 1)
    assert steps_and_rounds(**variables) == (4, 3)
    assert steps_and_rounds("--config", path, **variables) == (3, 2)
    assert steps_and_rounds("--config", path, "--steps", 1, **variables) == (1, 2)
    assert steps_and_rounds("--rounds", 1, **variables) == (4, 1)
    assert steps_and_rounds(AUTOEVOL_STEPS=" ") == (20, 1), "a blank variable says nothing"


def test_flat_or_in_tables_toml_or_json(tmp_path: Path) -> None:
    expected = {"batch_size": 5, "start": ["weak", "initial"], "temperature": 1.0, "clean": True}
    expected |= {"near": 0.9, "system": "3"}
    own = [*OWN, *settings_of(TABLES["pipeline"])]
    tables = {
        "clean": {"near": 0.9},
        "pipeline": {"clean": True},
        "loop": {"batch-size": 5},
        "methods": {"start": ["weak", "initial"], "holdout_size": None},
        "models": {"temperature": 1, "system": 3},
    }
    flat = {"batch_size": 5, "start": ["weak", "initial"], "temperature": 1, "clean": True, "near": 0.9}
    for content in (tables, flat | {"system": 3}):
        path = tmp_path / "c.json"
        path.write_text(json.dumps(content))
        assert read_config(path, "run", own) == expected
    path = tmp_path / "c.toml"
    path.write_text(
        "near = 0.9\nsystem = 3\nclean = true\n[loop]\nbatch_size = 5\n"
        '[methods]\nstart = ["weak", "initial"]\n[models]\ntemperature = 1\n'
    )
    assert read_config(path, "run", own) == expected


def test_tables_of_other_commands_are_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, "[search]\ntrials = 9\n[loop]\nm = 2\n[launch]\nshards = 4\n") == {"m": 2}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("batch_sise = 3", "run has no setting 'batch_sise'; did you mean batch_size?"),
        ("[loop]\nbatch_sise = 3", "[loop] has no setting 'batch_sise'; did you mean batch_size?"),
        ("[lop]\nm = 3", "run has no setting 'lop'; did you mean loop?"),
        ("[search]\ntrails = 3", "[search] has no setting 'trails'; did you mean trials?"),
        ("trials = 3", "run has no setting 'trials'"),
        ("m = 2.5", "m is 2.5; expected a whole number"),
        ("m = true", "m is True; expected a whole number"),
        ("m = '3'", "m is '3'; expected a whole number"),
        ("temperature = 'hot'", "temperature is 'hot'; expected a number"),
        ("skip_bad = 1", "skip_bad is 1; expected true or false"),
        ("start = [1]", "start is [1]; expected a list of texts"),
        ("system = true", "system is True; expected text"),
        ("loop = 3", "run has no setting 'loop'"),
        (
            "selection = 'rac'",
            "selection 'rac' is unknown; known are adaptive, race, sprint, paper, author; did you mean race?",
        ),
        ("m = 1\n[loop]\nm = 2", "'m' is given twice, with different values"),
        ("m = ", "cannot read it as TOML"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, text)
    assert told in str(refused.value)
    assert str(tmp_path / "c.toml") in str(refused.value)


def test_variables_are_read_as_the_type_of_their_setting() -> None:
    variables = {
        "AUTOEVOL_M": "7",
        "AUTOEVOL_TEMPERATURE": "0.5",
        "AUTOEVOL_SKIP_BAD": "yes",
        "AUTOEVOL_START": "weak 'my method.txt'",
        "AUTOEVOL_DECONTAMINATE": "gsm8k.jsonl",
        "AUTOEVOL_TRIALS": "none of this command",
        "HOME": "/",
    }
    assert read_environment(variables, OWN) == {
        "m": 7,
        "temperature": 0.5,
        "skip_bad": True,
        "start": ["weak", "my method.txt"],
        "decontaminate": ["gsm8k.jsonl"],
    }


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("M", "many", "AUTOEVOL_M is 'many'; expected a whole number"),
        ("SKIP_BAD", "perhaps", "AUTOEVOL_SKIP_BAD is 'perhaps'; expected true or false"),
        ("TOP_P", "high", "AUTOEVOL_TOP_P is 'high'; expected a number"),
        (
            "CLIENT",
            "openapi",
            "AUTOEVOL_CLIENT 'openapi' is unknown; known are aiohttp, openai; did you mean openai?",
        ),
    ],
)
def test_a_variable_that_cannot_be_read_ends_the_command(
    name: str, text: str, told: str, tmp_path: Path
) -> None:
    done = command("run", "sample", "--out", tmp_path / "run", **{PREFIX + name: text})
    assert done.exit_code == 2
    assert told in done.stderr
    assert not (tmp_path / "run").exists()


@given(st.fixed_dictionaries({}, optional={
    "batch_size": st.integers(1, 99), "optimizer_temperature": st.floats(0, 2), "seed": st.integers(),
}))  # fmt: skip
def test_what_is_written_in_a_table_is_read(values: dict[str, Any]) -> None:
    text = "[loop]\n" + "".join(f"{name} = {value!r}\n" for name, value in values.items())
    with TemporaryDirectory() as folder:
        assert read(Path(folder), text) == values


def test_every_group_of_settings_has_a_table() -> None:
    assert set(Settings.__annotations__) <= TABLES.keys()
    assert len(set(TABLES.values())) == len(TABLES)


@pytest.mark.parametrize(
    "name",
    [
        "run",
        "optimize",
        "evolve",
        "retry",
        "again",
        "estimate",
        "clean",
        "export",
        "launch",
        "search",
        "compare",
        "transfer",
        "calibrate",
        "judge-answers",
    ],
)
def test_every_command_with_settings_takes_a_file(name: str) -> None:
    assert "--config" in command(name, "--help").stdout


def test_a_plan_for_the_embedded_model_says_what_to_expect_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("seeds.csv").write_text("task\nName a river.\nName a lake.\n")
    plan = command("evolve", "seeds.csv", "--out", "run", "--dry-run").stdout
    assert "seeds           2 rows of seeds.csv, its text column 'task'" in plan
    assert "do not train on its rows" in plan
    other = ("--evol-model", "m", "--api-base", "http://localhost:1/v1")
    assert "do not train" not in command("evolve", "seeds.csv", "--out", "run", "--dry-run", *other).stdout
