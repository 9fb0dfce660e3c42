"""A proof as a folder for TRL: the same arms, batches and measures, wherever there are GPUs.

recipe/configs/<arm>-<seed>.json  one student each
recipe/sft.py                     tunes the student of a config by TRL's SFTTrainer
recipe/choose_rate.py             chooses the learning rate on the seed arm
recipe/evaluate.py                measures a tuned student into `tuned/`
recipe/launch.sh                  all of it in order, with the `accelerate` lines
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autoevol.proof.analysis import SEEDS
from autoevol.proof.plan import ProofPlan
from autoevol.store.files import replace_text, write_json

RECIPES = ("trl",)
VERSIONS = "trl 1.16, transformers 5.24, peft 0.21, accelerate 1.14, torch 2.13"
"""The versions that the recipe was tested with."""

_SFT = '''\
"""Tune the student of one config: python sft.py configs/found-0.json. Written for {versions}."""

import json
import sys
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

from autoevol.proof.arms import load_material
from autoevol.proof.plan import frozen
from autoevol.students.schedule import schedule
from autoevol.students.torch_student import LORA, TorchStudent
from autoevol.proof.tuning import encode_all

config = json.loads(Path(sys.argv[1]).read_text())
proof = Path(__file__).resolve().parents[1]
plan, material = frozen(proof), load_material(proof)
target = proof / "recipe" / "models" / f"{{config['arm']}}-{{config['seed']}}{{config['suffix']}}"
if (target / "done").exists():
    sys.exit(0)  # a student that is finished is not tuned again
rate = config["rate"] or json.loads((proof / "rate.json").read_text())["rate"]
student = TorchStudent(plan.student, "full")  # TRL adds the adapters
batches = schedule(
    encode_all(student, material.arms[config["arm"]], plan.max_length),
    plan.steps, plan.step_tokens, config["seed"],
)
rows = [row for batch in batches for row in batch]
places = iter(range(len(rows)))
order = [[next(places) for _ in batch] for batch in batches]


class InPlannedBatches(SFTTrainer):
    """Every step learns from exactly the supervised tokens that the plan gives it."""

    def get_train_dataloader(self):
        return torch.utils.data.DataLoader(
            self.train_dataset, batch_sampler=order, collate_fn=self.data_collator
        )


torch.manual_seed(config["seed"])
trainer = InPlannedBatches(
    model=student._model,
    processing_class=student.tokenizer,
    train_dataset=Dataset.from_list(
        [{{"input_ids": list(row.tokens), "labels": list(row.labels)}} for row in rows]
    ),
    peft_config=LoraConfig(**LORA) if plan.tune == "lora" else None,
    args=SFTConfig(
        output_dir=str(target), max_steps=plan.steps, learning_rate=rate, lr_scheduler_type="linear",
        warmup_steps=0, weight_decay=0.0, max_grad_norm=1.0, seed=config["seed"], packing=False,
        max_length=plan.max_length, save_strategy="no", report_to="none", logging_steps=plan.steps,
        bf16=torch.cuda.is_available(), use_cpu=not torch.cuda.is_available(), gradient_checkpointing=False,
        dataloader_num_workers=0, remove_unused_columns=False,
    ),
)
trainer.train()
model = trainer.accelerator.unwrap_model(trainer.model)
(model.merge_and_unload() if plan.tune == "lora" else model).save_pretrained(target)
student.tokenizer.save_pretrained(target)
(target / "done").write_text(str(rate))
'''

_CHOOSE = '''\
"""Choose the learning rate: the lowest NLL of the seed arm on items that decide nothing else."""

import json
from pathlib import Path

from autoevol.proof.arms import load_material
from autoevol.proof.plan import frozen
from autoevol.students.torch_student import TorchStudent
from autoevol.proof.tuning import Measuring

proof = Path(__file__).resolve().parents[1]
plan, material = frozen(proof), load_material(proof)
tried = {}
for rate in plan.rates:
    student = TorchStudent(str(proof / "recipe" / "models" / f"seeds-{plan.seeds}-rate-{rate:g}"), "full")
    found = Measuring(student, material, plan).nll(student.untouched(), material.items["rate"])
    tried[rate] = sum(found.values()) / len(found)
best = min(tried, key=lambda rate: (tried[rate], rate))
told = {f"{rate:g}": nll for rate, nll in tried.items()}
(proof / "rate.json").write_text(json.dumps({"plan": plan.id, "rate": best, "tried": told}))
'''

_EVALUATE = '''\
"""Measure one tuned student: python evaluate.py configs/found-0.json; without a config, the base."""

import json
import sys
from pathlib import Path

from autoevol.proof.arms import load_material
from autoevol.proof.plan import frozen
from autoevol.students.torch_student import TorchStudent
from autoevol.proof.tuning import keep_measures

proof = Path(__file__).resolve().parents[1]
plan, material = frozen(proof), load_material(proof)
if len(sys.argv) == 1:
    keep_measures(TorchStudent(plan.student, "full"), material, plan, proof, "base", 0)
    if plan.reference:
        keep_measures(TorchStudent(plan.reference, "full"), material, plan, proof, "reference", 0)
else:
    config = json.loads(Path(sys.argv[1]).read_text())
    model = proof / "recipe" / "models" / f"{config['arm']}-{config['seed']}"
    rate = float((model / "done").read_text())
    student = TorchStudent(str(model), "full")
    keep_measures(student, material, plan, proof, config["arm"], config["seed"], rate)
'''

_HEAD = """\
#!/bin/sh
# One process per student: give each line its own GPU (--gpu_ids), or its own job of the cluster.
# Needs: pip install 'autoevol[prove]' trl ({versions}). What is finished is skipped.
set -eu
cd "$(dirname "$0")"
"""


_ALONE = "--num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no"


def write_recipe(folder: Path, plan: ProofPlan) -> Path:
    """Write `recipe/` into the folder of a proof whose plan is frozen; returns its path.

    The same plan gives the same files, so writing them again does not disturb jobs that are running.
    """
    recipe = folder / "recipe"
    (recipe / "configs").mkdir(parents=True, exist_ok=True)
    replace_text(recipe / "sft.py", _SFT.format(versions=VERSIONS))
    replace_text(recipe / "choose_rate.py", _CHOOSE)
    replace_text(recipe / "evaluate.py", _EVALUATE)
    lines = ["python evaluate.py"]
    several = len(plan.rates) > 1
    if several:
        lines += [_train(recipe, SEEDS, plan.seeds, rate, f"-rate-{rate:g}") for rate in plan.rates]
        lines.append("python choose_rate.py")
    for seed in range(plan.seeds):
        for arm in plan.arms:
            lines.append(_train(recipe, arm, seed, None if several else plan.rates[0]))
            lines.append(f"python evaluate.py configs/{arm}-{seed}.json")
    lines.append("autoevol prove .. --collect")
    replace_text(recipe / "launch.sh", _HEAD.format(versions=VERSIONS) + "\n".join(lines) + "\n")
    (recipe / "launch.sh").chmod(0o755)
    return recipe


def _train(recipe: Path, arm: str, seed: int, rate: float | None, suffix: str = "") -> str:
    config: dict[str, Any] = {"arm": arm, "seed": seed, "rate": rate, "suffix": suffix}
    name = f"configs/{arm}-{seed}{suffix}.json"
    write_json(recipe / name, config)
    return f"accelerate launch {_ALONE} sft.py {name}"
