"""What a trainer is started with: settings of the papers, files, and what is refused."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autoevol.commands.datasets import export
from autoevol.core.errors import InputError
from autoevol.training.folder import warnings_of, write_training_folder
from autoevol.training.plan import TrainingPlan
from autoevol.training.presets import PRESETS, find_preset
from autoevol.training.recipes import RECIPES, find_recipe

CASES = [
    (recipe, preset, form)
    for recipe in RECIPES
    for preset in ("small", "auto-evol-mixtral-8x7b")
    for form in RECIPES[recipe].formats
]
each_case = pytest.mark.parametrize(("recipe", "preset", "form"), CASES)


def plan_of(preset: str = "small", form: str = "messages", rows: int = 1000, gpus: int = 0) -> TrainingPlan:
    chosen = find_preset(preset)
    suffix = ".parquet" if form == "parquet" else ".jsonl"
    notation = {"type": "chat_template", "field_messages": "messages"}
    return TrainingPlan(f"train{suffix}", form, rows, chosen, chosen.model, gpus or chosen.gpus, notation)


# Auto Evol-Instruct, appendix F; WizardLM and the README of its code.
@pytest.mark.parametrize(
    ("name", "batch", "epochs", "rate"),
    [
        ("auto-evol-mistral-7b", 128, 4, 5e-6),
        ("auto-evol-mixtral-8x7b", 200, 4, 5e-6),
        ("auto-evol-codellama-13b", 192, 3, 2e-5),
        ("auto-evol-deepseek-33b", 192, 3, 2e-5),
        ("wizardlm-7b", 64, 3, 2e-5),
        ("wizardlm-13b", 384, 3, 2e-5),
    ],
)
@pytest.mark.parametrize("recipe", RECIPES)
def test_the_settings_of_a_paper_reach_every_trainer(
    recipe: str, name: str, batch: int, epochs: int, rate: float
) -> None:
    found = find_recipe(recipe)
    plan = plan_of(name, found.formats[0], gpus=1 if found.one_gpu else 8)
    config = settings(found.files(plan))
    at_once = config.get("per_device_train_batch_size") or config["micro_batch_size"]
    assert at_once * config["gradient_accumulation_steps"] * plan.gpus == batch
    assert (config.get("num_train_epochs") or config["num_epochs"]) == epochs
    assert config["learning_rate"] == rate
    length = {config.get(key) for key in ("max_length", "sequence_len", "cutoff_len")}
    assert 2048 in length


def settings(files: dict[str, str]) -> dict[str, Any]:
    if "config.json" in files:
        return json.loads(files["config.json"])["training"]
    return yaml.safe_load(files["config.yaml"])


@given(
    preset=st.sampled_from(sorted(PRESETS)),
    gpus=st.sampled_from([1, 2, 4, 8]),
    rows=st.integers(1, 300_000),
)
def test_a_batch_is_divided_without_a_rest(preset: str, gpus: int, rows: int) -> None:
    plan = plan_of(preset, rows=rows, gpus=gpus)
    assert plan.at_once * plan.accumulated * gpus == plan.preset.batch
    assert 1 <= plan.at_once <= plan.preset.most_at_once
    assert (plan.steps - plan.preset.epochs) * plan.preset.batch < rows * plan.preset.epochs
    assert plan.steps * plan.preset.batch >= rows * plan.preset.epochs
    assert 0 <= plan.warmup_steps <= plan.steps // 2


def test_gpus_that_cannot_share_a_batch_are_refused() -> None:
    with pytest.raises(InputError, match="--gpus 7: a batch of 128"):
        plan_of("auto-evol-mistral-7b", gpus=7)


@each_case
def test_files_parse_and_name_the_data(recipe: str, preset: str, form: str, tmp_path: Path) -> None:
    found = find_recipe(recipe)
    plan = plan_of(preset, form, gpus=1 if found.one_gpu else 0)
    data = tmp_path / plan.file
    folder = write_training_folder(data, plan, found)
    assert folder == tmp_path / f"train.{recipe}"
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    for name, text in texts.items():
        if name.endswith(".py"):
            ast.parse(text)
        elif name.endswith(".yaml"):
            assert isinstance(yaml.safe_load(text), dict)
        elif name.endswith(".json"):
            json.loads(text)
    subprocess.run(["sh", "-n", str(folder / "launch.sh")], check=True)
    readme = texts["README.md"]
    assert found.versions in readme
    assert find_preset(preset).source in readme
    every = "".join(texts.values())
    assert f"../{plan.file}" in every
    before = dict(texts)
    write_training_folder(data, plan, found)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


def test_weights_are_divided_where_there_are_gpus_to_divide_them_among() -> None:
    for recipe in ("axolotl", "llama-factory"):
        many = find_recipe(recipe).files(plan_of("auto-evol-mistral-7b"))
        one = find_recipe(recipe).files(plan_of("auto-evol-mistral-7b", gpus=1))
        assert json.loads(many["zero3.json"])["zero_optimization"]["stage"] == 3
        assert settings(many)["deepspeed"] == "zero3.json"
        assert "zero3.json" not in one
        assert "deepspeed" not in settings(one)
    shared = yaml.safe_load(find_recipe("trl").files(plan_of("wizardlm-7b"))["accelerate.yaml"])
    assert shared["deepspeed_config"]["zero_stage"] == 3
    adapters = yaml.safe_load(find_recipe("trl").files(plan_of("small", gpus=2))["accelerate.yaml"])
    assert adapters["distributed_type"] == "MULTI_GPU"


def test_what_differs_from_the_preset_is_told() -> None:
    from dataclasses import replace

    trl, unsloth = find_recipe("trl"), find_recipe("unsloth")
    assert warnings_of(plan_of("small"), trl) == []
    few = warnings_of(plan_of("auto-evol-mistral-7b", rows=40), trl)
    assert few == ["40 examples are fewer than a batch of 128: 4 optimizer steps in all"]
    other = warnings_of(replace(plan_of(), model="my/model"), trl)
    assert "not for my/model" in other[0]
    (alone,) = warnings_of(plan_of("auto-evol-mistral-7b", gpus=1), unsloth)
    assert "one GPU" in alone


def test_names_with_quotes_end_no_text(tmp_path: Path) -> None:
    from dataclasses import replace

    for recipe in RECIPES.values():
        strange = replace(plan_of(), file='it"s """one.jsonl', model='a"""b\\', gpus=1)
        folder = write_training_folder(tmp_path / strange.file, strange, recipe)
        for script in folder.glob("*.py"):
            tree = ast.parse(script.read_text())
            strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
            assert f"../{strange.file}" in strings
        for config in folder.glob("config.yaml"):
            assert strange.model in yaml.safe_load(config.read_text()).values()


def test_as_a_function_the_options_are_keywords(tmp_path: Path) -> None:
    source = tmp_path / "d.jsonl"
    source.write_text(json.dumps({"instruction": "Name a prime.", "response": "7"}) + "\n")
    done = export(source, tmp_path / "t.jsonl", recipe="axolotl", preset="wizardlm-7b", gpus=2)
    assert done.training is not None
    assert done.training.path == tmp_path / "t.axolotl"
    assert (
        yaml.safe_load((done.training.path / "config.yaml").read_text())["base_model"]
        == "huggyllama/llama-7b"
    )
    assert done.to_json()["recipe"] == str(done.training.path)
    assert done.notes()[-1] == "1 examples are fewer than a batch of 64: 3 optimizer steps in all"
