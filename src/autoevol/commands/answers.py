"""`autoevol judge-answers` as a function: a blind LM judges which of two models answers better."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import dspy

from autoevol.answers.files import AnswerPair, Question, pair_up, read_answers, read_questions
from autoevol.answers.judged import JudgedPair
from autoevol.answers.judging import AnswerJudge
from autoevol.commands.following import Listener, following
from autoevol.commands.keywords import take
from autoevol.commands.models import open_session, role_lm
from autoevol.commands.result import Result
from autoevol.config import AnswersConfig, ModelConfig, RoleConfig, Settings
from autoevol.config.models import RoleName
from autoevol.config.options import decisive
from autoevol.core import aio
from autoevol.core.errors import BudgetReached, InputError
from autoevol.core.progress import Progress
from autoevol.core.records import Case, digest
from autoevol.lm.session import Session
from autoevol.metrics.base import passed, unscored
from autoevol.programs.respond import RespondToInstruction, answering_with
from autoevol.reports.answers import FILE, PAIRS, AnswerFigures, AnswersReport, Sides
from autoevol.reports.rates import Ledger
from autoevol.reports.run import versions
from autoevol.store.files import LineWriter, replacing
from autoevol.store.run import RunFolder
from autoevol.store.sealed import check_source, write_counts, write_sealed

_T = TypeVar("_T")
# The roles under which the models of the two sides are called, if they are not files.
_ROLE_OF: dict[str, RoleName] = {"a": "evol", "b": "respond"}


@dataclass(frozen=True)
class Sources:
    """What is compared, as the user named it: each side is a file of answers or the name of a model."""

    questions: Path
    a: str
    b: str

    def file_of(self, side: str) -> Path | None:
        """The file of a side; None if a model is to answer. Raises InputError if the file is missing."""
        path = Path(getattr(self, side))
        if path.suffix in (".json", ".jsonl") or path.exists():
            if not path.is_file():
                raise InputError(f"{path} is no file of answers")
            return path
        return None


def judge_answers(
    questions: str | Path,
    answers: tuple[str | Path, str | Path],
    out: str | Path,
    *,
    config: AnswersConfig | None = None,
    settings: Settings | None = None,
    listener: Listener | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Result[AnswersReport]:
    """Let an LM judge which of two models answers better: `autoevol judge-answers`.

    This takes two calls per question that both have answered, one in each order; `judged.jsonl` holds the
    votes.

    Args:
        questions: A file of questions (formats: `answers.files`).
        answers: A and B, each a file of answers or the name of a model that is to answer.
        out: Folder; the same one resumes.
        config: Names and endpoints of the two.
        settings: The judge's model, requests, hard caps.
        listener: As for `run`.
        options: Fields of these by the names of the command's options.

    Raises:
        InputError: If there is no judge, or a file cannot be used; raised before anything is paid for.
        StoreError, StopRun: As for `run`; also `BudgetReached` while the models answer.
    """
    settings, config = take("judge-answers", settings, options, config or AnswersConfig())
    judge = settings.models.judge.model
    if judge is None:
        raise InputError("there is nobody to judge: give --judge-model")
    sources, listener = Sources(Path(questions), *map(str, answers)), listener or Progress()
    for file in filter(None, (sources.questions, *map(sources.file_of, _ROLE_OF))):
        check_source(file)
    asked = read_questions(sources.questions)
    given = {side: read_answers(path, asked) for side in _ROLE_OF if (path := sources.file_of(side))}
    settings = replace(settings, models=_models(settings.models, sources, config))
    texts = [digest(*(f"{key}\0{text}" for key, text in sorted(said.items()))) for said in given.values()]
    inputs = {"questions": digest(*(one.text for one in asked)), "answers": texts}
    decided = {"judge-answers": decisive(config), **settings.decisive("models"), "inputs": inputs}
    roles: tuple[RoleName, ...] = (*(role for side, role in _ROLE_OF.items() if side not in given), "judge")
    started = time.monotonic()
    with RunFolder(out, decided) as folder, following(folder.path, listener) as told:
        open_store = partial(folder.calls, settings.store.path)
        with open_session(open_store, settings, roles=roles, listener=told) as session:
            asking, written = _Asking(session, settings, told), list[LineWriter]()
            for side in _ROLE_OF:
                if side not in given:
                    given[side] = asking.answers(side, asked)
                    path = folder.path / f"answers_{side}.jsonl"
                    written.append(_write_answers(path, asked, given[side]))
            pairs = pair_up(asked, given["a"], given["b"])
            judged, stop = asking.judged(pairs)
            figures = AnswerFigures.of(judged, len(pairs) - len(judged))
            report = AnswersReport(
                run_id=folder.run_id,
                sides=Sides(config.name_a or _name(sources.a), config.name_b or _name(sources.b), judge),
                questions=len(asked),
                pairs=len(pairs),
                **{one.name: getattr(figures, one.name) for one in fields(figures)},
                ledger=Ledger.of(session.ledger()),
                versions=versions(),
                seconds=time.monotonic() - started,
            )
        with replacing(folder.path / PAIRS) as lines:
            for one in judged:
                lines.add(one.to_json())
        write_counts(folder.path, [*written, lines])
        write_sealed(folder.path / FILE, report.to_json())
        told.ends_with(stop)
    return Result(report, Path(out), stop)


@dataclass(frozen=True)
class _Asking:
    """Calls the models of both sides and the judge, and passes the results to a listener."""

    session: Session
    settings: Settings
    listener: Listener

    def answers(self, side: str, questions: Sequence[Question]) -> dict[str, str]:
        """The answers of a side's model, by question; a call that fails for good leaves none."""
        respond, answers = RespondToInstruction(self.settings.models.system), dict[str, str]()

        async def answer(question: Question) -> None:
            try:
                said = await respond.acall(instruction=question.text)
            except dspy.LMError as error:
                self._tell(question, str(error))
                return
            answers[question.id] = said.response
            self._tell(question)

        self.listener.phase(f"answers of {side.upper()}", len(questions))
        lm = role_lm(self.session, self.settings.models, _ROLE_OF[side])
        with dspy.context(lm=lm), answering_with(None):
            self._all(answer, questions)
        return answers

    def judged(self, pairs: Sequence[AnswerPair]) -> tuple[list[JudgedPair], BudgetReached | None]:
        """The votes on the pairs, in order, as far as the budget goes; and what stopped it, if anything."""
        judge, done = AnswerJudge(), dict[str, JudgedPair]()

        async def vote(pair: AnswerPair) -> None:
            said = (await judge.acall(pair=pair)).judged
            done[pair.question.id] = said
            self._tell(pair.question, "" if said.scored else "not scored")

        self.listener.phase("judge", len(pairs))
        stop = None
        try:
            with dspy.context(lm=role_lm(self.session, self.settings.models, "judge")):
                self._all(vote, pairs)
        except BudgetReached as reached:
            stop = reached
        ordered = (done.get(pair.question.id) for pair in pairs)
        return [one for one in ordered if one is not None], stop

    def _all(self, ask: Callable[[_T], Coroutine[Any, Any, None]], every: Sequence[_T]) -> None:
        """Call `ask` for each, with the configured concurrency; the first error ends the others."""
        slots = asyncio.Semaphore(self.settings.requests.concurrency)

        async def in_turn(one: _T) -> None:
            async with slots:
                await ask(one)

        aio.run_and_wait(aio.gather([in_turn(one) for one in every]))

    def _tell(self, question: Question, problem: str = "") -> None:
        verdict = unscored("judge-answers", problem) if problem else passed("judge-answers")
        self.listener.case(Case(question.id, verdict))


def _models(models: ModelConfig, sources: Sources, config: AnswersConfig) -> ModelConfig:
    """The models, with the two sides in their roles and the judge at its own endpoint."""
    made = replace(models, judge=_settled(models, "judge"), respond=_settled(models, "respond"))
    if sources.file_of("b") is None:
        where = _where(config.api_base_b, config.api_key_env_b)
        made = replace(made, respond=replace(made.respond, model=sources.b, **where))
    if sources.file_of("a") is None:
        where = _where(config.api_base_a, config.api_key_env_a)
        made = replace(made, evol=replace(made.evol, model=sources.a, **where))
    return made


def _settled(models: ModelConfig, name: RoleName) -> RoleConfig:
    """A role with all inherited fields filled in, so that replacing the evol model does not change it."""
    role = models.resolved(name)
    return RoleConfig(**{one.name: getattr(role, one.name) for one in fields(RoleConfig)})


def _where(api_base: str | None, key: str | None) -> dict[str, str | None]:
    """The endpoint fields of a side; an endpoint of its own never gets another one's key."""
    if api_base is None:
        return {} if key is None else {"api_key_env": key}
    return {"api_base": api_base, "api_key_env": key}


def _write_answers(path: Path, questions: Sequence[Question], answers: dict[str, str]) -> LineWriter:
    with replacing(path) as lines:
        for one in questions:
            if one.id in answers:
                lines.add({"id": one.id, "instruction": one.text, "output": answers[one.id]})
    return lines


def _name(source: str) -> str:
    path = Path(source)
    return path.stem if path.suffix in (".json", ".jsonl") else source
