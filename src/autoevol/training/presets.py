"""The settings that the papers trained with, by name, and small ones of our own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autoevol.core.errors import unknown

_AUTO_EVOL = "Auto Evol-Instruct (arXiv 2406.00770), appendix F"
_WIZARDLM = "WizardLM (arXiv 2304.12244) and the README of its code"


@dataclass(frozen=True, slots=True)
class Preset:
    """How one model is tuned.

    Attributes:
        model: Name on the Hugging Face hub.
        rate: Peak learning rate.
        epochs: Passes over the data.
        batch: Examples of one optimizer step, over all GPUs.
        max_length: Tokens of an example.
        gpus: As many as the source had; a recipe may take others.
        warmup: Optimizer steps if >= 1, else a share of all steps.
        source: Where the settings are from.
        assumed: What the source does not say, and what stands for it here.
        tune: All weights, or LoRA adapters (rank 16, alpha 32, all linear layers).
        most_at_once: Examples of one GPU at a time; the rest of a batch is accumulated.
    """

    name: str
    model: str
    rate: float
    epochs: int
    batch: int
    max_length: int
    gpus: int
    warmup: float
    source: str
    assumed: str
    tune: Literal["full", "lora"] = "full"
    most_at_once: int = 4


def _auto_evol(name: str, model: str, rate: float, epochs: int, batch: int) -> Preset:
    assumed = "scheduler cosine with 3 % warm-up, AdamW without weight decay, bf16"
    return Preset(name, model, rate, epochs, batch, 2048, 8, 0.03, _AUTO_EVOL, assumed)


def _wizardlm(name: str, model: str, batch: int, warmup: int) -> Preset:
    assumed = "AdamW without weight decay for Adam, and bf16, which their V100s did not have"
    return Preset(name, model, 2e-5, 3, batch, 2048, 8, warmup, _WIZARDLM, assumed)


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            name="small",
            model="HuggingFaceTB/SmolLM2-135M",
            rate=2e-4,
            epochs=3,
            batch=16,
            max_length=1024,
            gpus=1,
            warmup=0.03,
            source="ours: a first look on one small GPU, from no paper",
            assumed="",
            tune="lora",
        ),
        _wizardlm("wizardlm-7b", "huggyllama/llama-7b", 64, 2),
        _wizardlm("wizardlm-13b", "huggyllama/llama-13b", 384, 50),
        _auto_evol("auto-evol-mistral-7b", "mistralai/Mistral-7B-v0.1", 5e-6, 4, 128),
        _auto_evol("auto-evol-mixtral-8x7b", "mistralai/Mixtral-8x7B-v0.1", 5e-6, 4, 200),
        _auto_evol("auto-evol-codellama-13b", "codellama/CodeLlama-13b-Python-hf", 2e-5, 3, 192),
        _auto_evol("auto-evol-deepseek-33b", "deepseek-ai/deepseek-coder-33b-base", 2e-5, 3, 192),
    )
}


def find_preset(name: str) -> Preset:
    """A preset by name. Raises InputError if it is unknown."""
    if name not in PRESETS:
        raise unknown("--preset", name, PRESETS)
    return PRESETS[name]
