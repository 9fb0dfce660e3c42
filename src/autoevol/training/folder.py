"""The folder of a recipe: its files, a README and `launch.sh`."""

from __future__ import annotations

import shlex
from pathlib import Path

from autoevol.store.files import replace_text
from autoevol.training.plan import TrainingPlan
from autoevol.training.recipes import OUT, Recipe

_LAUNCH = """\
#!/bin/sh
# Needs: pip install {needs}
# Written for {versions}. The same command goes on from the last epoch that was saved.
set -eu
cd "$(dirname "$0")"
{line}
"""

_README = """\
# Training {model} on `{file}` with {trainer}

```sh
pip install {needs}
sh launch.sh
```

The model ends up in `{out}/`. Written for {versions}.

| setting | value |
|---|---|
| preset | `{preset}`: {source} |
| data | {rows:,} examples, `../{file}`, format {format} |
| template | Vicuna (`vicuna_v1.1` of FastChat); loss on what the assistant says |
| tuned | {tuned} |
| epochs, steps | {epochs}, about {steps:,} ({warmup:,} of them warm-up) |
| batch | {batch} = {gpus} GPU x {at_once} at once x {accumulated} accumulated |
| learning rate | {rate:g}, cosine |
| longest example | {max_length:,} tokens; what is longer is cut |
{doubts}"""


def write_training_folder(data: Path, plan: TrainingPlan, recipe: Recipe) -> Path:
    """Write `STEM.RECIPE/` beside the data; returns its path.

    The same plan gives the same files. Others in the folder stay, such as a model in training.

    Raises:
        StoreLost: If the disk refuses.
    """
    folder = data.with_name(f"{data.stem}.{recipe.name}")
    folder.mkdir(exist_ok=True)
    for name, text in recipe.files(plan).items():
        replace_text(folder / name, text)
    needs = " ".join(shlex.quote(word) for word in recipe.needs(plan).split())
    launch = _LAUNCH.format(needs=needs, versions=recipe.versions, line=recipe.launch(plan))
    replace_text(folder / "launch.sh", launch)
    (folder / "launch.sh").chmod(0o755)
    replace_text(folder / "README.md", _readme(plan, recipe, needs))
    return folder


def warnings_of(plan: TrainingPlan, recipe: Recipe) -> list[str]:
    """What makes the training another one than the preset says, or pointless."""
    said = []
    if plan.model != plan.preset.model:
        said.append(f"the preset {plan.preset.name} was made for {plan.preset.model}, not for {plan.model}")
    if plan.rows < plan.preset.batch:
        said.append(
            f"{plan.rows} examples are fewer than a batch of {plan.preset.batch}: "
            f"{plan.steps} optimizer steps in all"
        )
    if recipe.one_gpu and plan.preset.gpus > 1:
        said.append(
            f"{recipe.name} tunes all weights on one GPU here, where {plan.preset.gpus} shared them: "
            "it has to hold the model, its gradients and the optimizer's state"
        )
    return said


def _readme(plan: TrainingPlan, recipe: Recipe, needs: str) -> str:
    preset = plan.preset
    tuned = "all weights" if preset.tune == "full" else "LoRA, rank 16, alpha 32, on all linear layers"
    doubts = [f"Not said by the source, and chosen here: {preset.assumed}"] if preset.assumed else []
    doubts += [f"Warning: {text}" for text in warnings_of(plan, recipe)]
    return _README.format(
        model=plan.model,
        file=plan.file,
        trainer=recipe.name,
        needs=needs,
        out=OUT,
        versions=recipe.versions,
        preset=preset.name,
        source=preset.source,
        rows=plan.rows,
        format=plan.format,
        tuned=tuned + (", divided among the GPUs (ZeRO-3)" if plan.divided else ""),
        epochs=preset.epochs,
        steps=plan.steps,
        warmup=plan.warmup_steps,
        batch=preset.batch,
        gpus=plan.gpus,
        at_once=plan.at_once,
        accumulated=plan.accumulated,
        rate=preset.rate,
        max_length=preset.max_length,
        doubts="".join(f"\n{text}.\n" for text in doubts),
    )
