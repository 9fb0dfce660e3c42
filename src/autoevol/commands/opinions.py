"""An LM's opinions on the versions of seeds: complexity, tags, gain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import dspy

from autoevol.commands.job import Listener
from autoevol.commands.models import role_lm
from autoevol.config import ModelConfig, QualityConfig, Settings
from autoevol.config.models import RoleName
from autoevol.core import aio
from autoevol.core.context import as_role
from autoevol.core.errors import BudgetReached
from autoevol.core.records import Case
from autoevol.dataset.figures import Figures, version_key
from autoevol.dataset.lineages import EvolvedPair, SeedLineage, Stages
from autoevol.lm.session import Session
from autoevol.metrics.base import passed, unscored
from autoevol.metrics.complexity import ComplexityScorer, Tagger
from autoevol.metrics.judge import Judge, decide

_T = TypeVar("_T")
_NAME = "quality"


@dataclass(frozen=True)
class Opinions:
    """What to ask for.

    Attributes:
        role: Role whose model is called.
        model: Its name.
        compared: Seeds whose versions are compared, all in one prompt.
        tagged: Versions whose instructions are tagged; equal texts take one call.
        judged: Pairs to be judged for gain: those without one from the run's judge.
    """

    role: RoleName
    model: str
    compared: Sequence[SeedLineage] = ()
    tagged: Sequence[Stages] = ()
    judged: Sequence[EvolvedPair] = ()

    @property
    def texts(self) -> list[str]:
        """The distinct texts to be tagged."""
        return list(dict.fromkeys(way[-1] for way in self.tagged))

    @property
    def calls(self) -> dict[str, int]:
        """LM calls by purpose."""
        counts = {"complexity": len(self.compared), "tags": len(self.texts), "gain": len(self.judged)}
        return {name: count for name, count in counts.items() if count}


def wanted_opinions(
    lineages: Sequence[SeedLineage], models: ModelConfig, config: QualityConfig
) -> Opinions | None:
    """What the settings ask for; None if nothing."""
    ways = [way for lineage in lineages for way in lineage.versions]
    if judge := models.judge.model:
        pairs = [pair for lineage in lineages for pair in lineage.pairs]
        judged = [pair for pair in pairs if len(pair.stages) > 1 and pair.gain is None]
        return Opinions("judge", judge, lineages, ways, judged)
    return Opinions("evol", models.evol.model, tagged=ways) if config.tags else None


@dataclass
class Said:
    """The model's replies, as far as they came and could be read.

    Attributes:
        model: The model that was asked.
        compares: Whether complexity was asked for.
        complexity: By `version_key`.
        tags: By text.
        gain: By `EvolvedPair.key`.
        texts: The text of each version, by `version_key`.
    """

    model: str
    compares: bool
    texts: Mapping[str, str]
    complexity: dict[str, float] = field(default_factory=dict)
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    gain: dict[str, float] = field(default_factory=dict)

    def on(self, known: Figures) -> Figures:
        """The figures of a version, updated with the replies about it.

        Two judges score on two scales: if this one gave no score, another's is dropped.
        """
        older = known
        if self.compares and known.version in self.texts and known.judge != self.model:
            older = replace(known, complexity=None, judge=None)
        complexity = self.complexity.get(known.version)
        gain = self.gain.get(known.pair) if known.pair and known.round else None
        tags = self.tags.get(self.texts.get(known.version, ""))
        now = replace(
            known,
            complexity=complexity,
            gain=gain,
            judge=self.model if complexity is not None or gain is not None else None,
            tags=tags,
            tagger=self.model if tags is not None else None,
        )
        return now.over(older)


def ask_for_opinions(
    session: Session, settings: Settings, asks: Opinions, listener: Listener
) -> tuple[Said, BudgetReached | None]:
    """Ask for everything, with the configured concurrency; unreadable replies leave no score.

    Returns:
        The replies, and what stopped the calls, if anything did.
    """
    texts = {version_key(way): way[-1] for way in asks.tagged}
    said = Said(asks.model, bool(asks.compared), texts)
    asking = _Asking(said, listener, settings.requests.concurrency)
    try:
        with dspy.context(lm=role_lm(session, settings.models, asks.role)), as_role(asks.role):
            asking.all("complexity", asking.compare, asks.compared)
            asking.all("gain", asking.judge, asks.judged)
            asking.all("tags", asking.tag, asks.texts)
    except BudgetReached as reached:
        return said, reached
    return said, None


class _Asking:
    def __init__(self, said: Said, listener: Listener, concurrency: int) -> None:
        self._said = said
        self._listener = listener
        self._concurrency = concurrency
        self._scorer, self._tagger, self._judge = ComplexityScorer(), Tagger(), Judge()

    def all(self, phase: str, ask: Callable[[_T], Coroutine[Any, Any, bool]], every: Sequence[_T]) -> None:
        """Call `ask` for each; the first error ends the others."""
        if not every:
            return
        slots = asyncio.Semaphore(self._concurrency)

        async def in_turn(number: int, one: _T) -> None:
            async with slots:
                read = await ask(one)
            verdict = passed(_NAME) if read else unscored(_NAME, "the reply cannot be read")
            self._listener.case(Case(str(number), verdict))

        self._listener.phase(phase, len(every))
        aio.run_and_wait(aio.gather([in_turn(number, one) for number, one in enumerate(every)]))

    async def compare(self, lineage: SeedLineage) -> bool:
        """Score all versions of a seed in one prompt."""
        ways = lineage.versions
        scores = (await self._scorer.acall(versions=[way[-1] for way in ways])).scores
        for way, score in zip(ways, scores or (), strict=bool(scores)):
            self._said.complexity[version_key(way)] = score
        return scores is not None

    async def judge(self, pair: EvolvedPair) -> bool:
        """Judge how much harder the last instruction is than the seed, as for the objective `gain`."""
        try:
            read = await self._judge.acall(
                original=pair.stages[0], evolved=pair.stages[-1], response=pair.response or None
            )
        except (dspy.LMError, dspy.AdapterParseError):
            return False
        said = decide(read.judgement).assessment
        if said is None or said.gain is None:
            return False
        self._said.gain[pair.key] = float(said.gain)
        return True

    async def tag(self, text: str) -> bool:
        """Name what an instruction asks for."""
        tags = (await self._tagger.acall(instruction=text)).tags
        if tags is not None:
            self._said.tags[text] = tags
        return tags is not None
