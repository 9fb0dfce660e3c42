"""The files of each trainer. A recipe is text: it imports nothing of the trainer that it is for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from autoevol.core.errors import unknown
from autoevol.training.plan import TrainingPlan
from autoevol.training.scripts import TRL, UNSLOTH, VICUNA

_COLUMNS = {
    "messages": ("messages",),
    "parquet": ("messages",),
    "prompt-completion": ("prompt", "completion"),
}
_LORA = {"r": 16, "alpha": 32, "dropout": 0.0}
OUT = "tuned-vicuna"
"""The folder, beside the files of the recipe, that the tuned model goes to. FastChat, which runs MT-Bench,
takes Vicuna's prompt for a model by this word in its path."""


class Recipe(Protocol):
    """Writes what one trainer is started with.

    Attributes:
        name: As given to `--recipe`.
        formats: Formats of an export that the trainer reads whole, the best one first.
        versions: What the files were written for.
        one_gpu: Whether the trainer has no use for a second GPU.
    """

    name: str
    formats: tuple[str, ...]
    versions: str
    one_gpu: bool

    def needs(self, plan: TrainingPlan) -> str:
        """What is to be installed, as words for pip."""
        ...

    def files(self, plan: TrainingPlan) -> dict[str, str]:
        """Texts by file name, relative to the folder of the recipe. Deterministic."""
        ...

    def launch(self, plan: TrainingPlan) -> str:
        """The line that trains, run in the folder of the recipe."""
        ...


class Trl:
    """TRL's `SFTTrainer`, by a script of its own, so that the types of the columns are stated."""

    name = "trl"
    formats: tuple[str, ...] = ("messages", "prompt-completion", "parquet")
    versions = "trl 1.16, transformers 5.24, accelerate 1.15, peft 0.21, datasets 5.2"
    one_gpu = False

    def needs(self, plan: TrainingPlan) -> str:
        """See `Recipe`."""
        return "torch trl peft" + (" deepspeed" if plan.divided else "")

    def files(self, plan: TrainingPlan) -> dict[str, str]:
        """See `Recipe`."""
        config: dict[str, Any] = {
            "model_name_or_path": plan.model,
            "chat_template_path": "vicuna.jinja",
            "max_length": plan.preset.max_length,
            "packing": False,
            **_hugging_face(plan),
            # A completion is all that is learned of in any case; of a dialogue, every answer is.
            "assistant_only_loss": plan.format != "prompt-completion",
        }
        if plan.preset.tune == "lora":
            lora = {f"lora_{name}": value for name, value in _LORA.items()}
            config |= {"use_peft": True, **lora, "lora_target_modules": "all-linear"}
        files = {
            "config.yaml": _yaml(config),
            "vicuna.jinja": VICUNA,
            "sft.py": TRL.format(**_of_script(plan, self.versions), columns=_COLUMNS[plan.format]),
        }
        return files | ({"accelerate.yaml": _yaml(_accelerate(plan))} if plan.gpus > 1 else {})

    def launch(self, plan: TrainingPlan) -> str:
        """See `Recipe`."""
        if plan.gpus == 1:
            return "python sft.py --config config.yaml"
        return "accelerate launch --config_file accelerate.yaml sft.py --config config.yaml"


class Axolotl:
    """Axolotl, by one YAML file."""

    name = "axolotl"
    formats: tuple[str, ...] = ("messages", "sharegpt", "parquet")
    versions = "axolotl 0.19"
    one_gpu = False

    def needs(self, plan: TrainingPlan) -> str:
        """See `Recipe`."""
        return "axolotl[deepspeed]" if plan.divided else "axolotl"

    def files(self, plan: TrainingPlan) -> dict[str, str]:
        """See `Recipe`."""
        reader = "parquet" if plan.format == "parquet" else "json"
        template = {"chat_template": "jinja", "chat_template_jinja": "vicuna.jinja"}
        data = {
            "path": f"../{plan.file}",
            "ds_type": reader,
            **(plan.axolotl or {}),
            **template,
            "roles_to_train": ["assistant"],
            "train_on_eos": "turn",
        }
        config: dict[str, Any] = {
            "base_model": plan.model,
            "datasets": [data],
            "dataset_prepared_path": "prepared",
            **template,
            "train_on_inputs": False,
            "sequence_len": plan.preset.max_length,
            "sample_packing": False,
            "output_dir": OUT,
            "micro_batch_size": plan.at_once,
            "gradient_accumulation_steps": plan.accumulated,
            "num_epochs": plan.preset.epochs,
            "learning_rate": plan.preset.rate,
            "lr_scheduler": "cosine",
            "warmup_steps": plan.warmup_steps,
            "optimizer": "adamw_torch",
            "weight_decay": 0.0,
            "bf16": "auto",
            "gradient_checkpointing": True,
            "logging_steps": 1,
            "saves_per_epoch": 1,
            "save_total_limit": 1,
            "auto_resume_from_checkpoints": True,
            "seed": 0,
        }
        if plan.preset.tune == "lora":
            lora = {f"lora_{name}": value for name, value in _LORA.items()}
            config |= {"adapter": "lora", **lora, "lora_target_linear": True}
        if plan.divided:
            config["deepspeed"] = "zero3.json"
        return {"config.yaml": _yaml(config), "vicuna.jinja": VICUNA, **_zero3(plan)}

    def launch(self, plan: TrainingPlan) -> str:
        """See `Recipe`."""
        return f"axolotl train config.yaml --launcher accelerate -- --num_processes {plan.gpus}"


class LlamaFactory:
    """LLaMA-Factory, by one YAML file and the `dataset_info.json` that the export has written."""

    name = "llama-factory"
    formats: tuple[str, ...] = ("sharegpt", "alpaca")
    versions = "llamafactory 0.9.5"
    one_gpu = False

    def needs(self, plan: TrainingPlan) -> str:
        """See `Recipe`."""
        return "llamafactory" + (" deepspeed" if plan.divided else "")

    def files(self, plan: TrainingPlan) -> dict[str, str]:
        """See `Recipe`."""
        config: dict[str, Any] = {
            "stage": "sft",
            "do_train": True,
            "model_name_or_path": plan.model,
            "finetuning_type": plan.preset.tune,
            "dataset_dir": "..",
            "dataset": plan.stem,
            "template": "vicuna",
            "cutoff_len": plan.preset.max_length,
            "packing": False,
            "plot_loss": False,
            **_hugging_face(plan),
        }
        if plan.preset.tune == "lora":
            config |= {"lora_rank": _LORA["r"], "lora_alpha": _LORA["alpha"], "lora_target": "all"}
        if plan.divided:
            config["deepspeed"] = "zero3.json"
        return {"config.yaml": _yaml(config), **_zero3(plan)}

    def launch(self, plan: TrainingPlan) -> str:
        """See `Recipe`."""
        if plan.gpus == 1:
            return "llamafactory-cli train config.yaml"
        return f"FORCE_TORCHRUN=1 NPROC_PER_NODE={plan.gpus} llamafactory-cli train config.yaml"


class Unsloth:
    """Unsloth, by a script and its settings. The template's marks make the labels; no text is matched."""

    name = "unsloth"
    formats: tuple[str, ...] = ("messages", "parquet")
    versions = "unsloth 2026.10, trl 1.15"
    one_gpu = True

    def needs(self, plan: TrainingPlan) -> str:
        """See `Recipe`."""
        return "unsloth"

    def files(self, plan: TrainingPlan) -> dict[str, str]:
        """See `Recipe`."""
        lora = {
            "r": _LORA["r"],
            "lora_alpha": _LORA["alpha"],
            "lora_dropout": _LORA["dropout"],
            "use_gradient_checkpointing": "unsloth",
            "random_state": 0,
        }
        full = plan.preset.tune == "full"
        settings: dict[str, Any] = {
            "model": {
                "model_name": plan.model,
                "max_seq_length": plan.preset.max_length,
                "load_in_4bit": False,
                "full_finetuning": full,
            },
            "lora": None if full else lora,
            "training": {"max_length": plan.preset.max_length, "packing": False, **_hugging_face(plan)},
        }
        return {
            "config.json": json.dumps(settings, indent=2) + "\n",
            "vicuna.jinja": VICUNA,
            "train.py": UNSLOTH.format(**_of_script(plan, self.versions)),
        }

    def launch(self, plan: TrainingPlan) -> str:
        """See `Recipe`."""
        return "python train.py"


RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (Trl(), Axolotl(), LlamaFactory(), Unsloth())}


def find_recipe(name: str) -> Recipe:
    """A recipe by name. Raises InputError if it is unknown."""
    if name not in RECIPES:
        raise unknown("--recipe", name, RECIPES)
    return RECIPES[name]


def _hugging_face(plan: TrainingPlan) -> dict[str, Any]:
    """The training arguments of transformers, which TRL, LLaMA-Factory and Unsloth share."""
    return {
        "output_dir": OUT,
        "per_device_train_batch_size": plan.at_once,
        "gradient_accumulation_steps": plan.accumulated,
        "num_train_epochs": plan.preset.epochs,
        "learning_rate": plan.preset.rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": plan.warmup_steps,
        "weight_decay": 0.0,
        "bf16": True,
        "gradient_checkpointing": True,
        "logging_steps": 1,
        "save_strategy": "epoch",
        "save_total_limit": 1,
        "report_to": "none",
        "seed": 0,
    }


def _of_script(plan: TrainingPlan, versions: str) -> dict[str, str]:
    reader = "parquet" if plan.format == "parquet" else "json"
    # Names are the user's: quotes in them must not end the docstring of the script.
    model, file = (name.replace("\\", "/").replace('"', "'") for name in (plan.model, plan.file))
    return {"model": model, "file": file, "versions": versions, "reader": reader, "data": f"../{plan.file}"}


def _zero3(plan: TrainingPlan) -> dict[str, str]:
    if not plan.divided:
        return {}
    settings = {
        "zero_optimization": {
            "stage": 3,
            "overlap_comm": True,
            "contiguous_gradients": True,
            "stage3_gather_16bit_weights_on_model_save": True,
        },
        "bf16": {"enabled": "auto"},
        "gradient_clipping": "auto",
        "gradient_accumulation_steps": "auto",
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
    }
    return {"zero3.json": json.dumps(settings, indent=2) + "\n"}


def _accelerate(plan: TrainingPlan) -> Mapping[str, Any]:
    shared = {
        "compute_environment": "LOCAL_MACHINE",
        "mixed_precision": "bf16",
        "num_machines": 1,
        "num_processes": plan.gpus,
        "machine_rank": 0,
        "use_cpu": False,
    }
    if not plan.divided:
        return {**shared, "distributed_type": "MULTI_GPU"}
    zero = {"zero_stage": 3, "zero3_init_flag": True, "zero3_save_16bit_model": True}
    return {**shared, "distributed_type": "DEEPSPEED", "deepspeed_config": zero}


def _yaml(values: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
