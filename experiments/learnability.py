"""Does what a pair teaches a student agree with what people say of it? On labelled pairs with responses.

    python -m autoevol.experiments.learnability labelled.jsonl --natural gsm8k_train.jsonl --domains math

Every pair is learned twice, once with its own response and once with that of the next pair: the control,
which must teach less if learnability sees what a response says and not what it looks like.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autoevol.core.records import Row
from autoevol.data.load import load_rows
from autoevol.metrics.intervals import spearman
from autoevol.metrics.paired import PairedTest
from autoevol.students.learner import LearnerSettings, PairLearner
from autoevol.students.torch_student import TorchStudent


def main() -> None:
    """Learn every pair, a JSON line each, then what the lines say together."""
    options = _options()
    rows = [row for path in options.labelled for row in _records(path) if row.get("response")]
    rows = [row for row in rows if (row.get("domain") or "math") in options.domains][: options.limit]
    natural = [
        row for row in load_rows(str(options.natural)).rows if _characters(row) <= options.most_characters
    ]
    learner = PairLearner(
        TorchStudent(options.student, "last"),
        [(row.instruction, row.reference or "") for row in natural[: options.pairs]],
        LearnerSettings(options.steps, options.step_tokens, max_length=options.max_length),
    )
    print(json.dumps({"natural": learner.natural, "rows": len(rows), "steps": options.steps}), flush=True)
    found = []
    for number, (row, after) in enumerate(zip(rows, [*rows[1:], *rows[:1]], strict=True)):
        instruction = row.get("evolved") or row["instruction"]
        own = learner.gain(instruction, row["response"])
        controlled = number % options.control_every == 0
        shuffled = learner.gain(instruction, after["response"]) if controlled else None
        if own is None:
            continue
        raters = row.get("gain")
        found.append(
            {
                "id": row.get("id", number),
                "own": own / learner.natural,
                "shuffled": None if shuffled is None else shuffled / learner.natural,
                "characters": len(row["response"]),
                "ok": row.get("ok"),
                "fatal": row.get("fatal"),
                "gain": None if raters is None else sum(raters) / len(raters),
            }
        )
        print(json.dumps(found[-1]), flush=True)
    for line in conclusions(found):
        print(line)


def conclusions(found: Sequence[dict[str, Any]]) -> list[str]:
    """What the learned pairs say; shares of what a natural pair teaches."""
    own = [one["own"] for one in found]
    pairs = [(one["shuffled"], one["own"]) for one in found if one["shuffled"] is not None]
    lines = [
        f"{len(found)} pairs: mean {np.mean(own):.2f} of a natural pair's gain, sd {np.std(own):.2f}; "
        f"{sum(value > 0 for value in own)} above 0",
        *([f"own less shuffled response: {PairedTest.of(*zip(*pairs, strict=True))}"] if pairs else []),
        _rank("characters of the response", own, [one["characters"] for one in found]),
    ]
    for label in ("ok", "fatal"):
        known = [one for one in found if one[label] is not None]
        yes, no = ([one["own"] for one in known if one[label] is value] for value in (True, False))
        if yes and no:
            lines.append(f"{label}: AUC {_auc(yes, no):.2f} ({len(yes)} yes, {len(no)} no)")
    rated = [one for one in found if one["gain"] is not None]
    if len(rated) > 2:
        lines.append(_rank("raters' gain", [one["own"] for one in rated], [one["gain"] for one in rated]))
        usable = [(one["own"], one["gain"]) for one in rated if one["ok"]]
        lines.append(_rank("the same, usable pairs", *map(list, zip(*usable, strict=True))))
    return lines


def _rank(name: str, own: Sequence[float], other: Sequence[float]) -> str:
    """Spearman's correlation with its 95 % bootstrap interval over pairs."""
    draws, rng = [], np.random.default_rng(0)
    for _ in range(2_000):
        drawn = rng.integers(0, len(own), len(own))
        draws.append(spearman([own[place] for place in drawn], [other[place] for place in drawn]))
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return f"{name}: Spearman {spearman(own, other):+.2f} [{low:+.2f}, {high:+.2f}] over {len(own)} pairs"


def _auc(yes: Sequence[float], no: Sequence[float]) -> float:
    return float(np.mean([(one > other) + 0.5 * (one == other) for one in yes for other in no]))


def _characters(row: Row) -> int:
    return len(row.instruction) + len(row.reference or "")


def _records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("labelled", nargs="+", type=Path, help="labelled evolutions with responses")
    parser.add_argument("--natural", type=Path, required=True, help="natural pairs to learn for")
    parser.add_argument("--domains", nargs="+", default=["math", "code", "general", "own"])
    parser.add_argument("--student", default="smollm2")
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--most-characters", type=int, default=1_000, help="of a natural pair")
    parser.add_argument("--limit", type=int, help="learn the first rows only")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument(
        "--control-every", type=int, default=1, help="shuffle the response of every n-th pair"
    )
    parser.add_argument("--step-tokens", type=int, default=64)
    parser.add_argument("--max-length", type=int, default=192)
    return parser.parse_args()


if __name__ == "__main__":
    main()
