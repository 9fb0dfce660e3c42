"""The recipes under the trainers that they are for, on a model of a few thousand weights made here.

TRL trains. Axolotl and LLaMA-Factory check their settings and make the labels, where their packages are on
the path; they pin other versions of transformers than TRL needs, and are not run further. Unsloth needs a
GPU: its script runs with two functions in place of the package's own, whose arguments were compared with its
source.
"""

from __future__ import annotations

import importlib
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from autoevol.commands.datasets import export
from autoevol.config import ExportConfig, RecipeConfig
from trained_rows import ROWS, TALK

for _package in ("torch", "transformers", "peft", "trl"):
    pytest.importorskip(_package, reason="needs `pip install torch trl peft`")
pytestmark = pytest.mark.slow

Write = Callable[[str, object], Path]
SAID = ["{{7*7}}", "</script>"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers; one token a byte, and no template of its own."""
    tokenizers: Any = importlib.import_module("tokenizers")
    transformers: Any = importlib.import_module("transformers")

    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {text: number for number, text in enumerate(["<s>", "</s>", *letters])}
    level = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
    level.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    level.decoder = tokenizers.decoders.ByteLevel()
    words = transformers.PreTrainedTokenizerFast(tokenizer_object=level, bos_token="<s>", eos_token="</s>")
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    transformers.set_seed(0)
    folder = tmp_path_factory.mktemp("model")
    transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=len(words), **size)).save_pretrained(
        folder
    )
    words.save_pretrained(folder)
    return folder


def written(write: Write, model: Path, recipe: Any, form: Any) -> Path:
    """The folder of a recipe for a small data set with a conversation."""
    source = write("d.jsonl", [*ROWS, {"instruction": "First?", "response": "No.", "messages": TALK}])
    out = source.with_name("train.parquet" if form == "parquet" else "train.jsonl")
    done = export(
        source,
        out,
        format=form,
        examples=ExportConfig(training=RecipeConfig(recipe=recipe, base_model=str(model), gpus=1)),
    )
    assert done.training is not None
    return done.training.path


@pytest.fixture
def run_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Runs a script of a recipe in its folder, in this process."""

    def run(script: Path, *words: str) -> dict[str, Any]:
        monkeypatch.chdir(script.parent)
        monkeypatch.setattr(sys, "argv", [script.name, *words])
        return runpy.run_path(script.name, run_name="__main__")

    return run


def learned(tokenizer: Any, labels: Any) -> list[str]:
    """The supervised pieces of a row: runs of labels, as text."""
    pieces: list[list[int]] = [[]]
    for label in labels:
        if label != -100:
            pieces[-1].append(int(label))
        elif pieces[-1]:
            pieces.append([])
    return [tokenizer.decode(piece).removesuffix("</s>").strip() for piece in pieces if piece]


def answers(tokenizer: Any, rows: Any) -> list[list[str]]:
    return [learned(tokenizer, row["labels"]) for row in rows]


EXPECTED = [*([row["response"]] for row in ROWS), SAID]


@pytest.mark.parametrize("form", ["messages", "parquet", "prompt-completion"])
def test_trl_trains_two_steps_and_learns_what_the_assistant_says(
    form: str, write: Write, model: Path, run_in: Any
) -> None:
    folder = written(write, model, "trl", form)
    assert "python sft.py --config config.yaml" in (folder / "launch.sh").read_text()
    words = ["--config", "config.yaml", "--max_steps", "2", "--use_cpu", "true", "--bf16", "false"]
    words += ["--gradient_accumulation_steps", "1", "--gradient_checkpointing", "false"]
    done = run_in(folder / "sft.py", *words)
    trainer = done["trainer"]
    assert trainer.state.global_step == 2
    assert (folder / "tuned-vicuna" / "adapter_model.safetensors").exists()
    batch = next(iter(trainer.get_train_dataloader()))
    known = {text for said in EXPECTED for text in said}
    seen = [text for row in batch["labels"] for text in learned(trainer.processing_class, row)]
    assert seen
    assert set(seen) <= known
    text = trainer.processing_class.decode(batch["input_ids"][0]).replace("<s>", "")
    assert "ASSISTANT: " in text
    assert "USER: " in text
    # Started again it goes on from what was saved: anew it would take two steps. Before it looks at
    # max_steps, transformers takes one more.
    assert run_in(folder / "sft.py", *words)["trainer"].state.global_step == 3


def test_the_template_is_that_of_vicuna(write: Write, model: Path) -> None:
    transformers: Any = importlib.import_module("transformers")
    words = transformers.AutoTokenizer.from_pretrained(model)
    words.chat_template = (written(write, model, "trl", "messages") / "vicuna.jinja").read_text()
    said = words.apply_chat_template(TALK[:4], tokenize=False, add_generation_prompt=True)
    assert said == "<s>Be brief. USER: First? ASSISTANT: {{7*7}}</s>USER: Second? ASSISTANT:"
    plain = words.apply_chat_template(TALK[1:2], tokenize=False)
    assert plain.startswith("<s>A chat between a curious user and an artificial intelligence assistant. The")
    with pytest.raises(Exception, match="not tool"):
        words.apply_chat_template([{"role": "tool", "content": "1"}], tokenize=False)


def test_the_script_for_unsloth_trains_with_unsloth_s_own_two_calls_replaced(
    write: Write, model: Path, run_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    transformers: Any = importlib.import_module("transformers")
    peft: Any = importlib.import_module("peft")

    class Replaced:
        @staticmethod
        def from_pretrained(
            model_name: str, max_seq_length: int, load_in_4bit: bool, full_finetuning: bool
        ) -> Any:
            assert (max_seq_length, load_in_4bit, full_finetuning) == (1024, False, False)
            loaded = transformers.AutoModelForCausalLM.from_pretrained(model_name)
            return loaded, transformers.AutoTokenizer.from_pretrained(model_name)

        @staticmethod
        def get_peft_model(
            model: Any,
            r: int,
            lora_alpha: int,
            lora_dropout: float,
            use_gradient_checkpointing: str,
            random_state: int,
        ) -> Any:
            settings = peft.LoraConfig(
                r=r, lora_alpha=lora_alpha, lora_dropout=lora_dropout, task_type="CAUSAL_LM"
            )
            return peft.get_peft_model(model, settings)

    package: Any = ModuleType("unsloth")
    package.FastLanguageModel = Replaced
    monkeypatch.setitem(sys.modules, "unsloth", package)
    folder = written(write, model, "unsloth", "messages")
    settings = json.loads((folder / "config.json").read_text())
    settings["training"] |= {"bf16": False, "use_cpu": True, "max_steps": 2, "gradient_checkpointing": False}
    (folder / "config.json").write_text(json.dumps(settings))
    done = run_in(folder / "train.py")
    assert done["trainer"].state.global_step == 2
    assert answers(done["tokenizer"], done["data"]) == EXPECTED
    assert answers(done["tokenizer"], done["trainer"].train_dataset) == EXPECTED


@pytest.mark.parametrize("form", ["messages", "sharegpt", "parquet"])
def test_axolotl_takes_the_settings_and_makes_the_labels(
    form: str, write: Write, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schemas = pytest.importorskip("axolotl.utils.schemas.config", reason="axolotl is not on the path")
    strategy: Any = importlib.import_module("axolotl.prompt_strategies.chat_template")
    transformers: Any = importlib.import_module("transformers")
    datasets: Any = importlib.import_module("datasets")
    addict: Any = importlib.import_module("addict")

    folder = written(write, model, "axolotl", form)
    monkeypatch.chdir(folder)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert set(config) <= set(schemas.AxolotlInputConfig.model_fields)
    checked = schemas.AxolotlInputConfig(**config)
    (data,) = checked.datasets
    assert set(config["datasets"][0]) <= set(type(data).model_fields)
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    settings = addict.Dict(checked.model_dump())
    made = strategy.load(tokenizer, settings, ds_cfg=data)
    rows = datasets.load_dataset(data.ds_type, data_files=data.path, split="train", cache_dir="cache")
    assert answers(tokenizer, [made.tokenize_prompt(row) for row in rows]) == EXPECTED


@pytest.mark.parametrize("form", ["sharegpt", "alpaca"])
def test_llama_factory_takes_the_settings_and_makes_the_labels(
    form: str, write: Write, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISABLE_VERSION_CHECK", "1")
    hparams: Any = pytest.importorskip("llamafactory.hparams", reason="llamafactory is not on the path")
    arguments: Any = importlib.import_module("llamafactory.hparams.training_args")
    loading: Any = importlib.import_module("llamafactory.data")
    transformers: Any = importlib.import_module("transformers")

    folder = written(write, model, "llama-factory", form)
    monkeypatch.chdir(folder)
    config = yaml.safe_load((folder / "config.yaml").read_text()) | {"bf16": False, "use_cpu": True}
    kinds = (
        hparams.ModelArguments,
        hparams.DataArguments,
        arguments.TrainingArguments,
        hparams.FinetuningArguments,
        hparams.GeneratingArguments,
    )
    # Refuses a key that none of them knows.
    made = transformers.HfArgumentParser(kinds).parse_dict(config)
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    template = loading.get_template_and_fix_tokenizer(tokenizer, made[1])
    rows = loading.get_dataset(
        template,
        model_args=made[0],
        data_args=made[1],
        training_args=made[2],
        stage="sft",
        tokenizer=tokenizer,
    )["train_dataset"]
    assert answers(tokenizer, rows) == EXPECTED
    text = tokenizer.decode(rows[len(ROWS)]["input_ids"])
    assert text.startswith("Be brief.")
    assert "USER: First? ASSISTANT:" in text
