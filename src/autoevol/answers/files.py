"""Questions, and what two models answered to them, from the files that people have.

Read are JSON Lines and JSON lists with the keys of WizardLM's test set (`idx`, `Skill`, `Difficulty`,
`Instruction`), of MT-Bench (`question_id`, `category`, `turns`; answers in `choices`), of AlpacaEval
(`instruction`, `output`), and plain ones (`id`, `question` or `prompt`, `answer` or `response`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from autoevol.core.errors import InputError
from autoevol.core.records import digest
from autoevol.core.schema import Record
from autoevol.data.files import Raw
from autoevol.data.lines import jsonl_records
from autoevol.data.opening import opened

_ID = ("id", "question_id", "idx", "index")
_TEXT = ("instruction", "question", "prompt", "turns")
_ANSWER = ("answer", "output", "response", "completion", "choices")


@dataclass(frozen=True, slots=True)
class Question(Record):
    """One question that both models answered.

    Attributes:
        id: As the file has it, else 16 hex digits of the text.
        text: What was asked; of several turns the first.
        skill: What it takes, such as `Math`; None where the file does not say.
        level: Difficulty, 1..10 in WizardLM's test set; None where the file does not say.
    """

    id: str
    text: str
    skill: str | None = None
    level: int | None = None


@dataclass(frozen=True, slots=True)
class AnswerPair(Record):
    """A question with the answers of two models, A and B."""

    question: Question
    a: str
    b: str


def read_questions(path: Path) -> tuple[Question, ...]:
    """The questions of a file, in its order.

    Raises:
        InputError: If it cannot be read, a record has no text, or two have the same id.
    """
    questions = [_question(record, place) for place, record in _records(path)]
    ids = [question.id for question in questions]
    if repeated := next((one for one in ids if ids.count(one) > 1), None):
        raise InputError(f"{path}: two questions have the id {repeated}; leave one of them out")
    return tuple(questions)


def read_answers(path: Path, questions: Sequence[Question]) -> dict[str, str]:
    """The answers in a file by the id of their question; questions without an answer are missing.

    A record belongs to the question with its id, or where it names none to the one with its text.

    Raises:
        InputError: If it cannot be read, a record has no answer, or answers none of the questions.
    """
    by_id = {question.id for question in questions}
    by_text = {question.text.strip(): question.id for question in questions}
    answers: dict[str, str] = {}
    for place, record in _records(path):
        text = _text(record)
        known = str(_first(record, _ID)) if _first(record, _ID) is not None else ""
        # An id may be a line number of another file: where both are there, the text decides.
        belongs = by_text.get(text.strip()) if text else known
        if belongs is None or belongs not in by_id:
            continue
        said = _answer(record)
        if said is None:
            raise InputError(f"{place} holds no answer: it needs one of the keys {', '.join(_ANSWER)}")
        if belongs in answers:
            raise InputError(f"{place} is a second answer to the question {belongs}; leave one of them out")
        answers[belongs] = said
    if not answers:
        raise InputError(
            f"{path} answers none of the {len(questions)} questions: its records need their id or their text"
        )
    return answers


def pair_up(questions: Sequence[Question], a: Mapping[str, str], b: Mapping[str, str]) -> list[AnswerPair]:
    """The questions that both have answered, in order; an answer may be empty.

    Raises:
        InputError: If there is none.
    """
    both = [AnswerPair(one, a[one.id], b[one.id]) for one in questions if one.id in a and one.id in b]
    if not both:
        raise InputError("there is no question that both A and B have answered")
    return both


def _records(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """Every record with the place that messages name."""
    with opened(lambda: path.open("rb"), str(path)) as stream:
        raw = list(jsonl_records(stream, str(path))) if not _is_list(path) else _listed(stream.read(), path)
    records = []
    for one in raw:
        place = f"{path}, record {one.line}"
        if one.problem or not isinstance(one.value, Mapping):
            raise InputError(f"{place}: {one.problem or 'is no JSON object'}")
        records.append((place, one.value))
    return records


def _is_list(path: Path) -> bool:
    with opened(lambda: path.open("rb"), str(path)) as stream:
        return stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def _listed(text: bytes, path: Path) -> list[Raw]:
    try:
        return [Raw(number, record) for number, record in enumerate(orjson.loads(text), start=1)]
    except orjson.JSONDecodeError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from error


def _question(record: Mapping[str, Any], place: str) -> Question:
    text = _text(record)
    if not text:
        raise InputError(f"{place} holds no question: it needs one of the keys {', '.join(_TEXT)}")
    number = _first(record, _ID)
    level = _first(record, ("level", "difficulty"))
    skill = _first(record, ("skill", "category"))
    return Question(
        id=digest(text)[:16] if number is None else str(number),
        text=text,
        skill=None if skill is None else str(skill),
        level=int(level) if isinstance(level, int | float | str) and str(level).isdecimal() else None,
    )


def _text(record: Mapping[str, Any]) -> str:
    said = _first(record, _TEXT)
    return str(said[0]) if isinstance(said, list) and said else said if isinstance(said, str) else ""


def _answer(record: Mapping[str, Any]) -> str | None:
    said = _first(record, _ANSWER)
    if isinstance(said, list):  # MT-Bench: choices of turns, of which the first is looked at
        turns = said[0].get("turns") if said and isinstance(said[0], Mapping) else None
        said = turns[0] if isinstance(turns, list) and turns else None
    return said if isinstance(said, str) else None


def _first(record: Mapping[str, Any], names: Sequence[str]) -> Any:  # noqa: ANN401 (JSON)
    """The value of the first of these keys that is there, however it is capitalised."""
    lower = {str(key).lower(): value for key, value in record.items()}
    return next((lower[name] for name in names if lower.get(name) is not None), None)
