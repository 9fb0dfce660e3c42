"""What users give to AutoEvol: rows in every form, rules by name, and mistakes that are answered in words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dspy
import pytest

from autoevol.core.errors import InputError
from autoevol.optimization.compiling import train_and_dev
from autoevol.optimization.teleprompter import AutoEvol
from autoevol.programs.evolver import Evolver
from synthetic import SMALL, START, rows


@pytest.mark.parametrize(
    ("student", "more", "message"),
    [
        (dspy.Predict("question -> answer"), {}, r"compiles an `autoevol\.Evolver`, got Predict$"),
        (Evolver(), {"num_trials": 3}, "num_trials"),
    ],
)
def test_misuse_is_a_type_error_that_names_it(
    student: dspy.Module, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        AutoEvol(config=SMALL).compile(student, trainset=rows(4), **more)


def test_a_plain_dspy_metric_is_refused_where_it_is_given() -> None:
    metric: Any = lambda example, prediction, trace=None: 1.0  # noqa: E731
    with pytest.raises(TypeError, match="your own rule into a detector"):
        AutoEvol(metric)


@pytest.mark.parametrize("item", [3, "  ", {"prompt": "Why?"}, dspy.Example(question="Why?")])
def test_what_is_no_row_is_shown(item: Any) -> None:
    with pytest.raises(InputError, match=re.escape(f"this is none: {item!r:.80}")):
        AutoEvol(config=SMALL).compile(Evolver(START), trainset=[*rows(4), item])


@pytest.mark.parametrize("trainset", ["seeds.jsonl", Path("seeds.jsonl"), 3])
def test_what_is_no_list_of_rows_is_answered_with_how_to_read_one(trainset: Any) -> None:
    with pytest.raises(InputError, match=r"not a \w+; `autoevol.load_rows\(path\).rows` reads one"):
        AutoEvol(config=SMALL).compile(Evolver(START), trainset=trainset)


def test_texts_dicts_and_examples_are_the_same_rows() -> None:
    texts = [f"Name a prime above {number}." for number in range(4)]
    as_dicts = [{"instruction": text} for text in texts]
    examples = [dspy.Example(instruction=text).with_inputs("instruction") for text in texts]
    drawn = [train_and_dev(given, None, dev_size=2, seed=1) for given in (texts, as_dicts, examples)]
    assert drawn[0] == drawn[1] == drawn[2]


class _Whole(dspy.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rewriter = Evolver(START)


def test_a_program_that_has_an_evolver_is_told_which_part_to_compile() -> None:
    with pytest.raises(TypeError, match=r"got _Whole\. It has one: program\.rewriter = AutoEvol"):
        AutoEvol(config=SMALL).compile(_Whole(), trainset=rows(4))


def test_rules_and_dev_rows_go_by_their_names_too() -> None:
    named = AutoEvol(selection="paper", dev_rows="fresh")
    assert (named.selection.name, named.dev_rows.name) == ("paper", "fresh")
    with pytest.raises(InputError, match="did you mean paper"):
        AutoEvol(selection="papper")
