"""Questions and answers from the files that people have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autoevol.answers.files import Question, pair_up, read_answers, read_questions
from autoevol.core.errors import InputError


def jsonl(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize(
    ("record", "question"),
    [
        (
            {"idx": 3, "Skill": "Math", "Difficulty": 4, "Instruction": "Add."},
            Question("3", "Add.", "Math", 4),
        ),
        (
            {"question_id": 81, "category": "writing", "turns": ["Write.", "Again."]},
            Question("81", "Write.", "writing"),
        ),
        ({"id": "a", "question": "Why?"}, Question("a", "Why?")),
        ({"id": 0, "prompt": "Why?", "level": "7"}, Question("0", "Why?", None, 7)),
    ],
    ids=["WizardLM", "MT-Bench", "plain", "level as text"],
)
def test_questions_of_each_shape(tmp_path: Path, record: dict[str, Any], question: Question) -> None:
    assert read_questions(jsonl(tmp_path / "q.jsonl", record)) == (question,)
    (tmp_path / "q.json").write_text(json.dumps([record]))
    assert read_questions(tmp_path / "q.json") == (question,)


def test_answers_are_found_by_id_and_by_text(tmp_path: Path) -> None:
    questions = read_questions(
        jsonl(tmp_path / "q.jsonl", {"id": 1, "prompt": "One?"}, {"id": 2, "prompt": "Two?"})
    )
    by_id = jsonl(tmp_path / "a.jsonl", {"question_id": 2, "choices": [{"turns": ["two", "more"]}]})
    # AlpacaEval: no id, and a number of its own would be another question's.
    by_text = jsonl(tmp_path / "b.jsonl", {"id": 1, "instruction": "Two? ", "output": ""})
    a, b = read_answers(by_id, questions), read_answers(by_text, questions)
    assert (a, b) == ({"2": "two"}, {"2": ""})
    assert [(pair.question.id, pair.a, pair.b) for pair in pair_up(questions, a, b)] == [("2", "two", "")]


@pytest.mark.parametrize(
    ("questions", "answers", "said"),
    [
        ([{"id": 1, "prompt": "x"}, {"id": 1, "prompt": "y"}], [{"id": 1, "answer": "z"}], "the id 1"),
        ([{"id": 1}], [{"id": 1, "answer": "z"}], "holds no question"),
        ([{"id": 1, "prompt": "x"}], [{"id": 1}], "holds no answer"),
        ([{"id": 1, "prompt": "x"}], [{"id": 2, "answer": "z"}], "answers none of the 1 questions"),
        ([{"id": 1, "prompt": "x"}], [{"id": 1, "answer": "z"}] * 2, "a second answer to the question 1"),
        ([7], [{"id": 1, "answer": "z"}], "is no JSON object"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, questions: Any, answers: Any, said: str) -> None:
    files = jsonl(tmp_path / "q.jsonl", *questions), jsonl(tmp_path / "a.jsonl", *answers)
    with pytest.raises(InputError, match=said):
        read_answers(files[1], read_questions(files[0]))


def test_a_pair_needs_both_answers() -> None:
    with pytest.raises(InputError, match="no question that both"):
        pair_up((Question("1", "x"),), {"1": "a"}, {})
