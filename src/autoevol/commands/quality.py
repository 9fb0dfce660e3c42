"""`autoevol quality` as a function: how evolution changed a data set, round by round."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from autoevol.commands.job import Listener
from autoevol.commands.keywords import take
from autoevol.commands.models import open_session
from autoevol.commands.opinions import Opinions, ask_for_opinions, wanted_opinions
from autoevol.commands.predictors import find_difficulties, pairs_to_predict, with_difficulty
from autoevol.commands.result import as_lines, frame
from autoevol.config import QualityConfig, Settings
from autoevol.config.models import RoleName
from autoevol.core.errors import BudgetReached, InputError
from autoevol.core.progress import Progress
from autoevol.dataset.figures import (
    Figures,
    figures_file,
    figures_of,
    read_figures,
    report_file,
    write_figures,
)
from autoevol.dataset.lineages import EvolvedPair, SeedLineage, dataset_file, read_lineages, sample
from autoevol.dataset.quality import StageQuality, measure_stages
from autoevol.lm.likelihood import Predictor, likelihoods, predictor_weights
from autoevol.metrics.difficulty import difficulty_table
from autoevol.metrics.embeddings import Embed, model2vec_embedder
from autoevol.metrics.quality import tfidf
from autoevol.metrics.topics import TopicMap, topic_map
from autoevol.reports.quality import MAPPED, QualityReport
from autoevol.reports.rates import Ledger
from autoevol.reports.run import versions
from autoevol.store.calls import CallStore
from autoevol.store.sealed import write_sealed


@dataclass(frozen=True, repr=False)
class Quality:
    """Complexity, diversity and length of a data set, stage by stage.

    Attributes:
        report: All figures.
        figures: The known figures of each examined version.
        stopped_by: `BudgetReached` if that cut it short: the same call with a larger budget resumes.
    """

    report: QualityReport
    figures: tuple[Figures, ...]
    stopped_by: BudgetReached | None = None

    @property
    def rows(self) -> int:
        """Number of rows in the data set."""
        return self.report.rows

    @property
    def stages(self) -> tuple[StageQuality, ...]:
        """Seeds, rounds and final instructions."""
        return self.report.stages

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON."""
        return self.report.to_json()

    def to_pandas(self) -> Any:  # noqa: ANN401 (a pandas.DataFrame; pandas is optional)
        """The stages as a table, one row each. Raises InputError without pandas."""
        return frame([stage.to_json() for stage in self.stages])

    def __repr__(self) -> str:
        return f"{self.report.table()}\n\n{as_lines(self.report.table_rows())}"


@dataclass(frozen=True)
class QualityPlan:
    """The most that `quality` would call; what is in its call store is not paid for again.

    Attributes:
        seeds: Number of seeds to examine.
        calls: LM calls by purpose.
    """

    seeds: int
    calls: Mapping[str, int]

    @property
    def rows(self) -> list[tuple[str, str]]:
        """As (label, value) rows."""
        told = [(name, f"at most {count} calls") for name, count in self.calls.items()]
        return [("seeds", str(self.seeds)), *told, ("LM calls", f"at most {sum(self.calls.values())}")]

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"seeds": self.seeds, "calls": {**self.calls}, "total": sum(self.calls.values())}


def quality(
    dataset: str | Path,
    *,
    config: QualityConfig | None = None,
    settings: Settings | None = None,
    listener: Listener | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Quality:
    """Compare seeds, rounds and final instructions of a run: `autoevol quality`.

    With a judge model, it is asked for complexity, tags and gain. The figures of each version are written
    beside the data set (`dataset.quality.jsonl`), with the report (`.quality.json`) and the calls
    (`.quality.sqlite`, unless the settings name a store), so that the same call never pays twice. For a
    single file, nothing is written if no model was called.

    Args:
        dataset: A dataset.jsonl, or its run folder.
        config: What to measure, and on how many seeds.
        settings: Models, requests, budget and call store, used if an LM is called.
        listener: As for `run`.
        options: Fields of these by the names of the command's options.

    Raises:
        InputError: If the data set cannot be read, or a setting cannot be used.
        StoreError: If the data set or its figures are damaged.
        StopRun: If access, the endpoint or the disk fails.
    """
    settings, config = take("quality", settings, options, config or QualityConfig())
    source, listener = dataset_file(Path(dataset)), listener or Progress()
    embed = tfidf if config.vectors is None else model2vec_embedder(Path(config.vectors))
    every = read_lineages(Path(dataset))
    evolved = _evolved(every, source)
    looked_at = sample(evolved, config.limit)
    figures = _known(every, source)
    wanted = _Wanted.of(looked_at, settings, config)
    ledger, stop = Ledger({}), None
    if wanted:
        figures, ledger, stop = _asked(source, figures, wanted, settings, listener)
    report = replace(
        _report(every, looked_at, [one for of in figures.values() for one in of], embed, ledger),
        topics=_mapped(looked_at, embed, config.vectors),
    )
    if wanted or Path(dataset).is_dir():
        write_figures(figures_file(source), (one for of in figures.values() for one in of))
        write_sealed(report_file(source), report.to_json())
    shown = (one for lineage in looked_at for one in figures[lineage.seed_id])
    return Quality(report, tuple(shown), stop)


def _mapped(lineages: Sequence[SeedLineage], embed: Embed, vectors: str | None) -> TopicMap | None:
    shown = sample(lineages, MAPPED)
    ends = [way[-1] for lineage in shown for way in lineage.ends]
    space = Path(vectors).name if vectors else "TF-IDF"
    return topic_map([lineage.seed for lineage in shown], ends, embed, space=space)


def plan_quality(
    dataset: str | Path,
    *,
    config: QualityConfig | None = None,
    settings: Settings | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> QualityPlan:
    """What `quality` would call with these settings, without a call or a write. Raises as `quality` does."""
    settings, config = take("quality", settings, options, config or QualityConfig())
    source = dataset_file(Path(dataset))
    looked_at = sample(_evolved(read_lineages(Path(dataset)), source), config.limit)
    wanted = _Wanted.of(looked_at, settings, config)
    return QualityPlan(len(looked_at), wanted.calls if wanted else {})


@dataclass(frozen=True)
class _Wanted:
    """What to ask for: opinions of an LM, likelihoods of a model in this process, or both."""

    opinions: Opinions | None
    model: str | None = None
    pairs: Sequence[EvolvedPair] = ()

    @classmethod
    def of(cls, lineages: Sequence[SeedLineage], settings: Settings, config: QualityConfig) -> _Wanted | None:
        opinions = wanted_opinions(lineages, settings.models, config)
        if config.predictors is None:
            return cls(opinions) if opinions else None
        predictor_weights(config.predictors)  # refused before anything is paid
        return cls(opinions, config.predictors, pairs_to_predict(lineages))

    @property
    def calls(self) -> dict[str, int]:
        asked = dict(self.opinions.calls) if self.opinions else {}
        return {**asked, "difficulty, in this process": len(self.pairs)} if self.pairs else asked


def _evolved(every: Sequence[SeedLineage], source: Path) -> list[SeedLineage]:
    evolved = [lineage for lineage in every if lineage.evolved]
    if not evolved:
        raise InputError(f"{source}: nothing was made of any of the {len(every)} seeds")
    return evolved


def _known(every: Sequence[SeedLineage], source: Path) -> dict[str, list[Figures]]:
    """The figures of every version from the run and from earlier commands, by seed."""
    before = {one.key: one for one in read_figures(figures_file(source))}
    return {
        lineage.seed_id: [_merged(one, before.get(one.key)) for one in figures_of(lineage)]
        for lineage in every
    }


def _merged(by_run: Figures, asked: Figures | None) -> Figures:
    """The later figures take precedence, except for the gain if the run's own judge gave one."""
    if asked is None:
        return by_run
    merged = asked.over(by_run)
    return merged if by_run.gain is None else replace(merged, gain=by_run.gain)


def _asked(
    source: Path,
    figures: dict[str, list[Figures]],
    wanted: _Wanted,
    settings: Settings,
    listener: Listener,
) -> tuple[dict[str, list[Figures]], Ledger, BudgetReached | None]:
    """The figures with the models' opinions and likelihoods, their cost, and what stopped the calls."""
    shared = settings.store.path or source.with_suffix(".quality.sqlite")
    open_store = partial(CallStore, shared, "quality")
    roles: tuple[RoleName, ...] = (wanted.opinions.role,) if wanted.opinions else ()
    stop: BudgetReached | None = None
    with (
        likelihoods(wanted.model) if wanted.model else nullcontext() as transport,
        open_session(open_store, settings, roles=roles, listener=listener) as session,
    ):
        if wanted.opinions:
            said, stop = ask_for_opinions(session, settings, wanted.opinions, listener)
            figures = _each(figures, said.on)
        if wanted.model and transport and stop is None:
            predictor, model = Predictor(wanted.model, session, transport), wanted.model
            found, stop = find_difficulties(predictor, wanted.pairs, listener)
            asked = frozenset(pair.key for pair in wanted.pairs)
            figures = _each(figures, lambda one: with_difficulty(one, found, model, asked))
        return figures, Ledger.of(session.ledger()), stop


def _each(
    figures: Mapping[str, list[Figures]], change: Callable[[Figures], Figures]
) -> dict[str, list[Figures]]:
    return {seed_id: [change(one) for one in known] for seed_id, known in figures.items()}


def _report(
    every: Sequence[SeedLineage],
    looked_at: Sequence[SeedLineage],
    figures: Sequence[Figures],
    embed: Embed,
    ledger: Ledger,
) -> QualityReport:
    ids = {lineage.seed_id for lineage in looked_at}
    here = [one for one in figures if one.seed_id in ids]
    pairs = [one.difficulty for one in here if one.pair is not None]
    return QualityReport(
        rows=sum(len(lineage.pairs) for lineage in every),
        seeds=sum(lineage.evolved for lineage in every),
        looked_at=len(looked_at),
        stages=tuple(measure_stages(looked_at, embed, figures)),
        judges=tuple(sorted({one.judge for one in here if one.judge})),
        ledger=ledger,
        versions=versions(),
        difficulty=difficulty_table(pairs),
        predictors=tuple(sorted({one.model for one in pairs if one})),
    )
