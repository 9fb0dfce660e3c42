"""Three proofs whose outcome is known beforehand, for the embedded model and hand-written pairs.

`python -m autoevol.experiments.proofs DATA OUT` writes the pairs out of a folder that holds GSM8K
(`gsm8k_train_1000.jsonl`, `gsm8k_test.jsonl`) and the seed tasks of Alpaca (`alpaca_seed_tasks_110.json`),
and prints the two commands that prove them: data of the kind that is measured, which must be better;
the same with the responses shuffled, which must lose; and other pairs of the same kind as the seeds,
which must make no difference.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_SEED_PAIRS = 200
_MEASURED = 24

Pairs = list[tuple[str, str]]
"""Instruction and response."""


def known_pairs(data: Path) -> dict[str, Pairs]:
    """The pairs of every file, by its name: short ones, so that a step of few tokens sees many.

    Args:
        data: Folder with the three files.

    Returns:
        `seeds` and `equal`: disjoint problems of one kind. `shuffled`: those of `equal`, each with the
        response of the next. `general`: tasks of other kinds. `measured`: problems in none of them.
    """
    problems = _problems(data / "gsm8k_train_1000.jsonl")
    random.Random(0).shuffle(problems)
    seeds, equal = problems[:_SEED_PAIRS], problems[_SEED_PAIRS:]
    answers = [answer for _, answer in equal]
    following = zip(equal, [*answers[1:], *answers[:1]], strict=True)
    return {
        "seeds": seeds,
        "equal": equal,
        "shuffled": [(question, answer) for (question, _), answer in following],
        "general": _general(data / "alpaca_seed_tasks_110.json"),
        "measured": _problems(data / "gsm8k_test.jsonl")[:_MEASURED],
    }


def commands(files: Mapping[str, Path], out: Path) -> list[str]:
    """The command lines of the proofs, everything else by default."""
    good = f"--against seeds={files['general']} --heldout-file {files['measured']} --out {out / 'good'}"
    bad = f"--against seeds={files['seeds']},equal={files['equal']} --out {out / 'shuffled'}"
    return [f"autoevol prove {files['equal']} {good}", f"autoevol prove {files['shuffled']} {bad}"]


def _problems(file: Path) -> Pairs:
    lines = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
    return _short(((row["question"], row["answer"]) for row in lines), (220, 260))


def _general(file: Path) -> Pairs:
    tasks = json.loads(file.read_text(encoding="utf-8"))
    whole = (
        ("\n\n".join(filter(None, (task["instruction"], task["input"]))), task["output"]) for task in tasks
    )
    # A response of a word or two has too few tokens to learn from.
    return [pair for pair in _short(whole, (400, 500)) if len(pair[1]) > 20]


def _short(pairs: Iterable[tuple[str, str]], below: tuple[int, int]) -> Pairs:
    return [pair for pair in pairs if len(pair[0]) < below[0] and len(pair[1]) < below[1]]


def main(argv: Sequence[str] | None = None) -> None:
    """Write the pairs and print the commands."""
    parser = argparse.ArgumentParser(prog="python -m autoevol.experiments.proofs", description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA", help="Folder with the three files.")
    parser.add_argument("out", type=Path, metavar="OUT", help="Folder for the pairs and the proofs.")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    files = {name: options.out / f"{name}.jsonl" for name in known_pairs(options.data)}
    for name, pairs in known_pairs(options.data).items():
        records = (json.dumps({"instruction": pair[0], "response": pair[1]}) for pair in pairs)
        files[name].write_text("".join(f"{record}\n" for record in records), encoding="utf-8")
    print("\n".join(commands(files, options.out)))


if __name__ == "__main__":
    main()
