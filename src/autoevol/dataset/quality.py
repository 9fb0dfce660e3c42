"""`autoevol quality`: how evolution changed a dataset, seeds and rounds side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import NamedTuple

from autoevol.core.schema import SPARSE, Record
from autoevol.dataset.figures import Figures, version_key
from autoevol.dataset.lineages import SeedLineage, Stages
from autoevol.metrics.complexity import TagStatistics, tag_statistics
from autoevol.metrics.embeddings import Embed
from autoevol.metrics.quality import (
    Distribution,
    Growth,
    cluster_coverage,
    constraint_count,
    distinct_n,
    growth,
    operation_count,
    tfidf,
    vendi,
)

_Z = 1.96


class Scores(NamedTuple):
    """Summary of a stage's judged figures.

    Attributes:
        scored: Versions with a figure.
        unscored: Versions without one: no model was asked, or its reply could not be read.
        mean: Over the scored versions; 0 if there are none.
        margin: Half of the 95 % interval of the mean (normal), 0 below two figures.
    """

    scored: int
    unscored: int
    mean: float
    margin: float


def scores_of(values: Iterable[float | None]) -> Scores | None:
    """Count a stage's figures; None if it has none."""
    every = list(values)
    known = [value for value in every if value is not None]
    if not known:
        return None
    margin = _Z * stdev(known) / math.sqrt(len(known)) if len(known) > 1 else 0.0
    return Scores(len(known), len(every) - len(known), fmean(known), margin)


@dataclass(frozen=True, slots=True)
class StageQuality(Record):
    """One stage of a dataset (`autoevol.metrics.quality` and `.complexity` have the sources).

    Attributes:
        stage: `seeds`, `round 1`, `round 2`, ..., `final`.
        rows: Examined instructions of this stage; one per seed that got so far, unless the file has two
            paths from a seed.
        constraints: Mean number of words of constraint, >= 0.
        operations: Mean number of words for a step of work, >= 0.
        distinct_1: Share of distinct words, 0..1.
        distinct_2: Share of distinct pairs of words, 0..1.
        vendi: Effective number of different instructions, 1..rows.
        coverage: Share of the seeds' topics (at most 20 clusters) with an instruction, 0..1.
        evenness: How evenly these topics are covered, 0..1.
        words: Words of an instruction.
        added: Words added by the round, by all rounds for `final`; None for the seeds.
        in_range: Share of rows to which the 10 to 20 words were added that the methods ask
            for in a round, 0..1; None for the seeds.
        tags: What the instructions ask for, according to an LM; None if none was asked.
        complexity: Of the instructions, according to a judge, 1..10; None if none was asked.
        gain: Of the stage's pairs, according to a judge, 0..3; None if none was asked.
    """

    stage: str
    rows: int
    constraints: float
    operations: float
    distinct_1: float
    distinct_2: float
    vendi: float
    coverage: float
    evenness: float
    words: Distribution
    added: Distribution | None
    in_range: float | None
    tags: TagStatistics | None = None
    complexity: Scores | None = field(default=None, metadata=SPARSE)
    gain: Scores | None = field(default=None, metadata=SPARSE)


def stage_ways(lineages: Sequence[SeedLineage]) -> dict[str, list[Stages]]:
    """The versions of every stage, by its name; `final` only if there is more than one round.

    A seed counts once, and so does each of its versions, however many lines contain them.
    """
    evolved = [lineage for lineage in lineages if lineage.evolved]
    by_depth: dict[int, list[Stages]] = {}
    for lineage in evolved:
        for way in lineage.versions:
            by_depth.setdefault(len(way) - 1, []).append(way)
    named = {f"round {depth}" if depth else "seeds": by_depth[depth] for depth in sorted(by_depth)}
    rounds = max(by_depth, default=0)
    return named | ({"final": [way for one in evolved for way in one.ends]} if rounds > 1 else {})


def measure_stages(
    lineages: Sequence[SeedLineage], embed: Embed = tfidf, figures: Sequence[Figures] = ()
) -> list[StageQuality]:
    """Measure the seeds, each round, and the final instructions (left out after one round).

    Rows that ended early are in fewer rounds; compare diversity only between stages of
    about the same number of rows.

    Args:
        lineages: The dataset, or a sample of it; seeds that were not evolved are left out.
        embed: Embedding for the Vendi score and the topics.
        figures: The versions' figures from judges and models.

    Raises:
        ValueError: If no seed was evolved.
    """
    ways = stage_ways(lineages)
    if not ways:
        raise ValueError("no rows to measure")
    seeds = [way[-1] for way in ways["seeds"]]
    known: dict[str, list[Figures]] = {}
    for one in figures:
        known.setdefault(one.version, []).append(one)
    made = []
    for stage, found in ways.items():
        before = None if stage == "seeds" else [(way[0] if stage == "final" else way[-2]) for way in found]
        texts = [way[-1] for way in found]
        grown = growth(list(zip(before, texts, strict=True))) if before else None
        judged = _judged([known.get(version_key(way), []) for way in found])
        made.append(_measure(stage, texts, seeds, embed, (grown, judged)))
    return made


class _Judged(NamedTuple):
    tags: TagStatistics | None
    complexity: Scores | None
    gain: Scores | None


def _judged(known: Sequence[Sequence[Figures]]) -> _Judged:
    """The judged figures of a stage; complexity and tags belong to a text, gain to a pair."""
    tags = [next((one.tags for one in of if one.tags is not None), None) for of in known]
    complexity = [next((one.complexity for one in of if one.complexity is not None), None) for of in known]
    gains = [one.gain for of in known for one in of if one.pair is not None and one.round]
    asked = any(names is not None for names in tags)
    return _Judged(tag_statistics(tags) if asked else None, scores_of(complexity), scores_of(gains))


def _measure(
    stage: str,
    texts: Sequence[str],
    seeds: Sequence[str],
    embed: Embed,
    told: tuple[Growth | None, _Judged],
) -> StageQuality:
    grown, judged = told
    covered = cluster_coverage(texts, seeds, embed=embed)
    return StageQuality(
        stage=stage,
        rows=len(texts),
        constraints=sum(map(constraint_count, texts)) / len(texts),
        operations=sum(map(operation_count, texts)) / len(texts),
        distinct_1=distinct_n(texts, 1),
        distinct_2=distinct_n(texts, 2),
        vendi=vendi(texts, embed),
        coverage=covered.share,
        evenness=covered.evenness,
        words=growth([(text, text) for text in texts]).words,
        added=grown.added if grown else None,
        in_range=grown.in_range if grown else None,
        **judged._asdict(),
    )


_LINES: tuple[tuple[str, Callable[[StageQuality], str]], ...] = (
    ("rows", lambda s: str(s.rows)),
    ("words of constraint", lambda s: f"{s.constraints:.2f}"),
    ("words of operation", lambda s: f"{s.operations:.2f}"),
    ("words, median", lambda s: f"{s.words.median:g}"),
    ("words, quartiles", lambda s: f"{s.words.q1:g} to {s.words.q3:g}"),
    ("added words, median", lambda s: "-" if s.added is None else f"{s.added.median:g}"),
    ("added words, quartiles", lambda s: "-" if s.added is None else f"{s.added.q1:g} to {s.added.q3:g}"),
    ("10 to 20 words added", lambda s: "-" if s.in_range is None else f"{s.in_range:.0%}"),
    ("distinct-1", lambda s: f"{s.distinct_1:.3f}"),
    ("distinct-2", lambda s: f"{s.distinct_2:.3f}"),
    ("Vendi score", lambda s: f"{s.vendi:.1f}"),
    ("topics of the seeds covered", lambda s: f"{s.coverage:.0%}"),
    ("evenness over topics", lambda s: f"{s.evenness:.2f}"),
)
_JUDGED_LINES: tuple[tuple[str, Callable[[StageQuality], str]], ...] = (
    ("complexity, 1 to 10", lambda s: _score(s.complexity)),
    ("complexity, not scored", lambda s: str(s.complexity.unscored) if s.complexity else "-"),
    ("gain, 0 to 3", lambda s: _score(s.gain)),
    ("gain, not scored", lambda s: str(s.gain.unscored) if s.gain else "-"),
    ("tags of an instruction", lambda s: f"{s.tags.complexity:.2f}" if s.tags else "-"),
    ("different tags", lambda s: str(s.tags.unique) if s.tags else "-"),
    ("different tags by instruction", lambda s: f"{s.tags.diversity:.2f}" if s.tags else "-"),
    ("without tags", lambda s: str(s.tags.unscored) if s.tags else "-"),
)


def _score(scores: Scores | None) -> str:
    return f"{scores.mean:.2f} ± {scores.margin:.2f}" if scores else "-"


def measures(stages: Sequence[StageQuality]) -> list[tuple[str, ...]]:
    """The figures as a table with a column per stage; the first row has the names."""
    head, *judged = judged_measures(stages)
    return [head, *((label, *(show(stage) for stage in stages)) for label, show in _LINES), *judged]


def judged_measures(stages: Sequence[StageQuality]) -> list[tuple[str, ...]]:
    """The same for the figures from models; only the first row if none was asked."""
    head = ("", *(stage.stage for stage in stages))
    judged = [(label, *(show(stage) for stage in stages)) for label, show in _JUDGED_LINES]
    shown = [any(cell != "-" for cell in row[1:]) for row in judged]
    return [head, *(row for row, has in zip(judged, shown, strict=True) if has)]


def render(stages: Sequence[StageQuality], seeds: int) -> str:
    """The table of `measures` as text, with a line about the sample if there is one.

    Args:
        stages: From `measure_stages`.
        seeds: Seeds of the whole dataset.
    """
    cells = measures(stages)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in cells
    ]
    if stages[0].rows < seeds:
        lines.append(f"on {stages[0].rows} of {seeds} seeds")
    return "\n".join(line.rstrip() for line in lines)
