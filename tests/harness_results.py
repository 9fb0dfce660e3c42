"""Result files in the shapes that the harnesses write, of our own making."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MODEL = "models/mine"
QUESTIONS = [
    f"A farmer in the valley of the {word} counts the sheep that cross the old bridge before noon"
    for word in ("north", "south", "east", "west", "hill", "river", "wood", "lake")
]


def write(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def lines(path: Path, records: Sequence[object]) -> Path:
    return write(path, "".join(json.dumps(record) + "\n" for record in records))


def lm_eval(
    folder: Path, points: Sequence[float], date: str = "2026-11-29T10-00-00.000001", **changes: Any
) -> Path:
    """GSM8K as lm-eval 0.4 leaves it: two filters, of which one counts. None of `points`: no samples."""
    mean = sum(points) / len(points) if points else 0.5
    figures = {"alias": "gsm8k", "exact_match,strict-match": mean, "exact_match_stderr,strict-match": 0.05}
    figures |= {"exact_match,flexible-extract": 1.0, "exact_match_stderr,flexible-extract": 0.0}
    content: dict[str, Any] = {
        "results": {"gsm8k": figures},
        "n-shot": {"gsm8k": 5},
        "config": {"model": "hf", "limit": None},
        "lm_eval_version": "0.4.13",
        "model_name": MODEL,
    }
    content |= changes
    samples = [
        {
            "doc_id": number,
            "doc": {"question": QUESTIONS[number % len(QUESTIONS)], "answer": f"#### {number}"},
            "filter": kept,
            "exact_match": point if kept == "strict-match" else 1.0,
        }
        for kept in ("strict-match", "flexible-extract")
        for number, point in enumerate(points)
    ]
    if samples:
        lines(folder / f"samples_gsm8k_{date}.jsonl", samples)
    return write(folder / f"results_{date}.json", content)


def mmlu(folder: Path, subjects: dict[str, Sequence[float]]) -> Path:
    """MMLU: a group with a file of samples for each of its tasks."""
    date = "2026-11-29T11-00-00.000001"
    every = [point for points in subjects.values() for point in points]
    for name, points in subjects.items():
        records = [{"doc": {"question": name}, "filter": "none", "acc": point} for point in points]
        lines(folder / f"samples_mmlu_{name}_{date}.jsonl", records)
    results = {"mmlu": {"acc,none": sum(every) / len(every), "alias": "mmlu"}}
    return write(folder / f"results_{date}.json", {"results": results, "model_name": MODEL})


def evalplus(folder: Path, passed: Sequence[Sequence[bool]]) -> Path:
    """HumanEval by evalplus: the samples of each task."""
    tasks = {
        f"HumanEval/{number}": [
            {
                "task_id": f"HumanEval/{number}",
                "solution": "pass",
                "base_status": "pass" if right else "fail",
                "plus_status": "fail",
                "base_fail_tests": [],
                "plus_fail_tests": [],
            }
            for right in tries
        ]
        for number, tries in enumerate(passed)
    }
    name = "models--mine_hf_temp_0.0_eval_results.json"
    return write(folder / "humaneval" / name, {"date": "2026-11-29 10:00", "hash": "0", "eval": tasks})


def bigcode(folder: Path, rate: float = 0.25, model: str = MODEL) -> Path:
    content = {"humaneval": {"pass@1": rate}, "config": {"model": model, "limit": None, "tasks": "humaneval"}}
    return write(folder / "evaluation_results.json", content)


def alpaca(folder: Path, preferences: Sequence[float | None], other: str = "text_davinci_003") -> Path:
    records = [
        {
            "instruction": QUESTIONS[number % len(QUESTIONS)],
            "output_1": "a",
            "generator_1": other,
            "output_2": "b",
            "generator_2": "mine",
            "annotator": "alpaca_eval_gpt4",
            "preference": preference,
        }
        for number, preference in enumerate(preferences)
    ]
    return write(folder / "annotations.json", records)


def leaderboard(folder: Path, name: str = "mine") -> Path:
    head = ",win_rate,standard_error,n_wins,n_wins_base,n_draws,n_total,mode,avg_length\n"
    rows = f"gpt4,95.28,0.7,761,32,12,805,verified,1365\n{name},60.0,1.5,480,320,5,805,community,900\n"
    return write(folder / "leaderboard.csv", head + rows)


def judgements(folder: Path, grades: Sequence[tuple[int, int, float]], model: str = "mine") -> Path:
    """(question, turn, grade) as FastChat writes them."""
    records = [
        {
            "question_id": question,
            "model": model,
            "judge": ["gpt-4", "single-v1"],
            "user_prompt": "?",
            "judgment": "Rating: [[7]]",
            "score": grade,
            "turn": turn,
            "tstamp": 1.0,
        }
        for question, turn, grade in grades
    ]
    return lines(folder / "model_judgment" / "gpt-4_single.jsonl", records)
