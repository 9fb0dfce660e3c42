"""What the papers report: single runs, without intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autoevol.core.schema import Record

_TABLE_2 = "Auto Evol-Instruct, table 2"
_TABLE_9 = "Auto Evol-Instruct, table 9"
_QUOTED = "Auto Evol-Instruct, table 2, quoted there"
_WIZARDLM = "WizardLM, version 3"


@dataclass(frozen=True, slots=True)
class PaperRow(Record):
    """One model of a paper.

    Attributes:
        name: The data it was tuned on, or the model.
        model: What was tuned; GSM8K and HumanEval may have other models than chat.
        source: Where the figures stand.
        figures: By benchmark, in percent; of MT-Bench 1..10.
    """

    name: str
    model: str
    source: str
    figures: Mapping[str, float]

    def named(self, benchmark: str) -> str:
        """The data, and the model that was tuned for this benchmark: `seeds (Mistral-7B)`."""
        chat, _, code = self.model.partition("; HumanEval ")
        model = code if code and benchmark == "humaneval" else chat
        return f"{self.name} ({model})" if model else self.name


def _row(name: str, model: str, source: str, *figures: float | None) -> PaperRow:
    order = ("mt-bench", "alpaca-eval", "gsm8k", "humaneval")
    known = {one: figure for one, figure in zip(order, figures, strict=True) if figure is not None}
    return PaperRow(name, model, source, known)


_SMALL = "Mistral-7B; HumanEval CodeLlama-13B-Python"
_LARGE = "Mixtral-8x7B; HumanEval DeepSeek-Coder-33B"
PAPER_ROWS = (
    _row("Auto Evol-Instruct", _SMALL, _TABLE_2, 7.51, 84.41, 70.74, 65.85),
    _row("Evol-Instruct", _SMALL, _TABLE_2, 6.80, 86.67, 63.15, 61.59),
    _row("seeds", _SMALL, _TABLE_2, 6.88, 84.08, 56.90, 57.90),
    _row("Auto Evol-Instruct", _LARGE, _TABLE_2, 8.09, 91.37, 82.49, 77.40),
    _row("Evol-Instruct", _LARGE, _TABLE_2, 7.76, 89.50, 79.15, 73.20),
    _row("seeds", _LARGE, _TABLE_2, 7.65, 87.98, 70.60, 72.00),
    PaperRow(
        "Auto Evol-Instruct",
        "Mistral-7B",
        _TABLE_9,
        {"arc": 60.7, "hellaswag": 83.3, "mmlu": 62.1, "truthfulqa": 46.9},
    ),
    _row("WizardLM-13B", "LLaMA-13B", _WIZARDLM, 6.35, 75.31, 37.15, 24.0),
    _row("Vicuna-13B", "LLaMA-13B", _WIZARDLM, 6.21, 70.43, 24.34, 12.5),
    _row("GPT-3.5-Turbo", "", _QUOTED, 7.90, 89.37, 80.80, 73.20),
    _row("GPT-4", "", _QUOTED, 8.99, 95.28, 92.00, 84.10),
)
"""In the order in which they are printed. IFEval stands in neither paper."""
