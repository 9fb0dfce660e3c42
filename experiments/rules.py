"""Does every text rule earn its false alarms? Leave-one-out over labelled evolutions, by domain.

    python -m autoevol.experiments.rules FILE [FILE ...] [--sound DATA]

For each rule the ensemble is asked with the rule switched off; what changes is what the rule
alone brings: broken pairs found and called broken wrongly, unusable pairs stopped and usable
ones thrown away. A rule that changes nothing is never the only one that sees anything there.
`--sound` is a folder with `gsm8k_train_1000.jsonl`, `code_alpaca_800.json` and
`alpaca_seed_tasks_110.json`: sound tasks taken for rewrites of themselves less a sentence, on which
every finding but stagnation is a false alarm.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from autoevol.core.records import Evolution, FailureKind, Outcome, Trajectory, Verdict
from autoevol.metrics import (
    answered,
    conclusions,
    content,
    form,
    growth,
    responses,
    scaffold,
    soundness,
    working,
)
from autoevol.metrics.base import passed
from autoevol.metrics.domains import MATH
from autoevol.metrics.ensemble import default_text_ensemble
from autoevol.metrics.labels import Labelled, load_labelled
from autoevol.metrics.severity import is_fatal
from autoevol.metrics.textual import view


class Rule(NamedTuple):
    """A rule that can be switched off: a function of a module, or the `judge` of one of its classes."""

    name: str
    owner: Any
    function: str
    nothing: object


def _functions(module: ModuleType, nothing: object, *names: str) -> list[Rule]:
    title = module.__name__.rpartition(".")[2]
    return [Rule(f"{title}.{name.strip('_')}", module, name, nothing) for name in names]


def _classes(*classes: type) -> list[Rule]:
    return [Rule(found.__name__, found, "judge", passed(found.__name__)) for found in classes]


RULES: list[Rule] = [
    *_classes(scaffold.Scaffold, scaffold.Placeholders, form.CutShort, form.LanguageChanged),
    *_classes(responses.Refused, responses.AsksForMore, responses.Hedged, growth.Stagnant),
    *_functions(answered, "", "_said_outright", "_spelled_out", "_recipe"),
    *_functions(content, "", "_lost_question", "_statement", "_lost_input", "_lost_quantities"),
    *_functions(content, "", "_lost_number", "_other_work", "_other_subject"),
    *_functions(soundness, "", "_open_quantity", "_unpriced", "_unmatched", "_vague", "_second_total"),
    *_functions(conclusions, (FailureKind.UNSOLVABLE, ""), "_said", "_assumed", "_number", "_impossible"),
    *_functions(working, "", "_below_zero", "_two_values"),
]  # fmt: skip


class Counts(NamedTuple):
    """Decisions on labelled pairs: broken ones found, sound ones called broken; usable ones thrown
    away, unusable ones let through.
    """

    found: int
    alarms: int
    thrown: int
    through: int

    def less(self, other: Counts) -> Counts:
        """What the rules of `self` bring over those of `other`."""
        return Counts(*(a - b for a, b in zip(self, other, strict=True)))


def count(pairs: Sequence[Labelled], judge: Callable[[Trajectory], Verdict]) -> Counts:
    """The ensemble's decisions on `pairs`; pairs on which the raters disagree are left out."""
    verdicts = [(pair, judge(pair.trajectory)) for pair in pairs]
    failed = [(pair, verdict.outcome is Outcome.FAILED) for pair, verdict in verdicts]
    return Counts(
        sum(is_fatal(verdict) for pair, verdict in verdicts if pair.fatal),
        sum(is_fatal(verdict) for pair, verdict in verdicts if pair.fatal is False),
        sum(fails for pair, fails in failed if pair.usable),
        sum(not fails for pair, fails in failed if pair.usable is False),
    )


@contextmanager
def without(rule: Rule) -> Iterator[None]:
    """The ensemble as if it had no such rule."""
    kept = getattr(rule.owner, rule.function)
    setattr(rule.owner, rule.function, lambda *_, **__: rule.nothing)
    try:
        yield
    finally:
        setattr(rule.owner, rule.function, kept)


def groups(files: Iterable[Path]) -> dict[str, list[Labelled]]:
    """Labelled pairs by file and domain; those of mathematics with and without a response apart."""
    found: dict[str, list[Labelled]] = {}
    for file in files:
        for pair in load_labelled(file):
            part = pair.domain
            if part == MATH:
                part += ", answered" if pair.trajectory.response is not None else ", unanswered"
            found.setdefault(f"{file.stem}/{part}", []).append(pair)
    return found


_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def sound(folder: Path) -> list[Labelled]:
    """Sound tasks as rewrites of themselves less the last sentence but one: none is broken."""
    texts = [json.loads(line) for line in (folder / "gsm8k_train_1000.jsonl").read_text("utf-8").splitlines()]
    pairs = [(row["question"], re.sub(r"<<.*?>>", "", row["answer"])) for row in texts]
    for name in ("code_alpaca_800.json", "alpaca_seed_tasks_110.json"):
        rows = json.loads((folder / name).read_text("utf-8"))
        pairs += [(f"{row['instruction']}\n{row['input']}".strip(), row["output"]) for row in rows]
    found: list[Labelled] = []
    for number, (task, answer) in enumerate(pairs):
        sentences = _SENTENCE.split(task)
        seed = " ".join(sentences[:-2] + sentences[-1:]) if len(sentences) > 2 else task
        trajectory = Trajectory((Evolution(seed, task, task),), answer)
        found.append(Labelled(str(number), trajectory, None, False, frozenset()))
    return found


def pairs_a_second(pairs: Sequence[Labelled], rounds: int = 5) -> float:
    """Decisions of the ensemble in a second of this thread's CPU time, the best of several rounds."""
    judge, quickest = default_text_ensemble().judge, float("inf")
    for _ in range(rounds):
        view.cache_clear()
        start = time.thread_time()
        for pair in pairs:
            judge(pair.trajectory)
        quickest = min(quickest, time.thread_time() - start)
    return len(pairs) / quickest


def main() -> None:
    """Print the table: the whole ensemble, then what each rule alone brings to each group."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--sound", type=Path)
    options = parser.parse_args()
    sets = groups(options.files)
    if options.sound:
        sets["sound"] = sound(options.sound)
    judge = default_text_ensemble().judge
    whole = {name: count(pairs, judge) for name, pairs in sets.items()}
    print("counts: broken found / called broken wrongly / usable thrown away / unusable let through")
    for name, counts in whole.items():
        print(f"  {name} ({len(sets[name])}): " + " / ".join(map(str, counts)))
    print(f"speed: {pairs_a_second([pair for pairs in sets.values() for pair in pairs]):,.0f} pairs a second")
    print("what each rule alone brings (found +, false alarms +, thrown away +, let through -):")
    for rule in RULES:
        with without(rule):
            brought = {name: whole[name].less(count(pairs, judge)) for name, pairs in sets.items()}
        said = "; ".join(f"{n} {'/'.join(f'{c:+d}' for c in b)}" for n, b in brought.items() if any(b))
        print(f"  {rule.name}: {said or 'nothing'}")


if __name__ == "__main__":
    main()
