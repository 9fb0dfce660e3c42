"""The benchmarks by name: what is counted, and in what unit."""

from __future__ import annotations

from dataclasses import dataclass

from autoevol.core.errors import unknown


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark.

    Attributes:
        name: As given on the command line.
        label: As papers write it.
        counted: What the figure is, with the settings that it was taken under.
        task: Its name in lm-eval; None where that does not run it.
        metric: Key of the figure in lm-eval's results, and filter; blank where `task` is None.
        shots: Examples before the question, in lm-eval.
        chat: Whether the model is asked in its chat template there.
        most: The best figure; the worst is 0, of MT-Bench 1.
    """

    name: str
    label: str
    counted: str
    task: str | None = None
    metric: str = ""
    shots: int = 0
    chat: bool = False
    most: float = 100.0


# Shots as on the first Open LLM Leaderboard, which table 9 of Auto Evol-Instruct reports.
BENCHMARKS = {
    one.name: one
    for one in (
        Benchmark(
            "gsm8k", "GSM8K", "exact match, 5 shots", "gsm8k", "exact_match,strict-match", 5, chat=True
        ),
        Benchmark("mmlu", "MMLU", "accuracy, 5 shots", "mmlu", "acc,none", 5),
        Benchmark("truthfulqa", "TruthfulQA", "MC2, 0 shots", "truthfulqa_mc2", "acc,none"),
        Benchmark("ifeval", "IFEval", "prompts, strict", "ifeval", "prompt_level_strict_acc,none", chat=True),
        Benchmark("arc", "ARC-Challenge", "acc_norm, 25 shots", "arc_challenge", "acc_norm,none", 25),
        Benchmark("hellaswag", "HellaSwag", "acc_norm, 10 shots", "hellaswag", "acc_norm,none", 10),
        Benchmark("humaneval", "HumanEval", "pass@1, greedy"),
        Benchmark("alpaca-eval", "AlpacaEval", "win rate"),
        Benchmark("mt-bench", "MT-Bench", "mean grade of both turns", most=10.0),
    )
}
BY_TASK = {one.task: one for one in BENCHMARKS.values() if one.task is not None}


def find_benchmark(name: str) -> Benchmark:
    """A benchmark by name. Raises InputError if it is unknown."""
    if name not in BENCHMARKS:
        raise unknown("benchmark", name, BENCHMARKS)
    return BENCHMARKS[name]
