"""What a DSPy optimizer needs to compile the LM judge: labelled pairs as examples, and a metric.

    tuned = dspy.GEPA(metric=judge_agreement, ...).compile(Judge(), trainset=judge_examples(pairs))
    tuned.save("judge.json")

A compiled judge is a detector like any other, `LMDetector(load_judge("judge.json"))`, and
`autoevol calibrate --judge judge.json` says whether it has become better. Measure it on other
pairs than it was compiled on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dspy

from autoevol.core.errors import InputError
from autoevol.core.records import Outcome
from autoevol.metrics.judge import Judge, decide
from autoevol.metrics.labels import Labelled
from autoevol.metrics.severity import by_severity, is_fatal

_PROMPT = ("signature", "demos", "fields", "traces", "train")
"""What of a predictor's saved state makes its prompt."""


def judge_examples(pairs: Iterable[Labelled]) -> list[dspy.Example]:
    """Labelled pairs as examples with the inputs of `Judge`: `original`, `evolved`, `response`.

    The labels are `usable` and `fatal` (True, False, or None where raters disagree), and
    `kinds` (names, worst first). Pairs without an evolved instruction, and pairs on which the
    raters agree about nothing, teach a judge nothing and are left out.
    """
    return [
        dspy.Example(
            original=pair.trajectory.seed,
            evolved=pair.trajectory.evolved,
            response=pair.trajectory.response,
            usable=pair.usable,
            fatal=pair.fatal,
            kinds=tuple(map(str, by_severity(pair.kinds))),
        ).with_inputs("original", "evolved", "response")
        for pair in pairs
        if pair.trajectory.evolved is not None and (pair.usable, pair.fatal) != (None, None)
    ]


def judge_agreement(
    gold: dspy.Example,
    pred: dspy.Prediction | None,
    trace: Any = None,  # noqa: ANN401 (DSPy's own metric contract)
    pred_name: str | None = None,
    pred_trace: Any = None,  # noqa: ANN401
) -> float | dspy.Prediction:
    """Share of the questions *usable* and *fatal* on which a judge agrees with the label, 0..1.

    A question that the raters dispute is not asked. A verdict that cannot be read scores 0.0, for
    DSPy has no third outcome. The mean over a set is accuracy; how a judge does on each kind,
    and its MCC, are a matter of `autoevol calibrate`.

    Returns:
        The share; with `pred_name`, as GEPA calls it, a prediction of `score` and `feedback`.
    """
    verdict = decide(getattr(pred, "judgement", None))
    said = {"usable": verdict.outcome is Outcome.PASSED, "fatal": is_fatal(verdict)}
    known = {question: gold[question] for question in said if gold[question] is not None}
    right = [question for question in known if said[question] == known[question]]
    score = len(right) / len(known) if known and verdict.outcome is not Outcome.UNSCORED else 0.0
    if pred_name is None:
        return score
    found = ", ".join(map(str, verdict.kinds)) or str(verdict.outcome)
    labels = ", ".join(gold.kinds) or "no fault"
    told = f"The judge said: {found}. {verdict.reason} The raters said: {labels}."
    return dspy.Prediction(score=score, feedback=" ".join(told.split()))


def load_judge(path: str | Path) -> Judge:
    """A judge that was compiled and saved with `Module.save(path)` as JSON.

    What is read of the file is the prompt. An LM that the program was saved with is left out, for calls
    to it would pass no session: neither recorded nor capped. The model is that of `dspy.context`.

    Raises:
        InputError: If the file cannot be read, or is no saved judge.
    """
    judge = Judge()
    try:
        saved = json.loads(Path(path).read_bytes())
        # DSPy sets whatever else a file holds on the predictor, and an LM there goes before the context's.
        judge.load_state(
            {
                name: {**{part: state[part] for part in _PROMPT if part in state}, "lm": None}
                for name, state in saved.items()
                if name != "metadata"
            }
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a saved judge: {error!r}") from error
    return judge
