"""`autoevol quality`: what evolving did to a dataset, seeds and rounds side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autoevol.core.errors import InputError
from autoevol.core.records import digest
from autoevol.metrics.complexity import TagStatistics
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
from autoevol.store.sealed import check_counts, check_source

SAMPLE = 1_000
"""Rows that are looked at by default: diversity depends on the size of a set, and its cost
grows with the cube of it."""

Stages = tuple[str, ...]
"""One row: the seed, then the instruction after each round."""


@dataclass(frozen=True, slots=True)
class StageQuality:
    """One stage of a dataset, measured without an LM (`autoevol.metrics.quality` has the sources).

    Attributes:
        stage: `seeds`, `round 1`, `round 2`, ..., `final`.
        rows: Instructions of this stage that were looked at.
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
        tags: What an LM says the instructions ask for; None where none was asked.
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

    def to_json(self) -> dict[str, Any]:
        """All figures by name; distributions as objects."""
        found = asdict(self)
        found["words"] = self.words._asdict()
        found["added"] = self.added._asdict() if self.added else None
        found["tags"] = self.tags._asdict() if self.tags else None
        return found


def read_stages(path: Path) -> list[Stages]:
    """Read the rows of a dataset: a run folder, or its `dataset.jsonl`.

    Raises:
        InputError: If it cannot be read, has no rows, or a line has no `stages` of at least two
            texts; the message names the line.
        StoreError: If the data set of a run folder is not as the run left it.
    """
    file = path / "dataset.jsonl" if path.is_dir() else path
    if path.is_dir() and not file.exists():
        raise InputError(f"{path} holds no dataset.jsonl yet: finish the run first")
    if path.is_dir():
        check_counts(path)
    else:
        check_source(path)
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: {error}") from error
    rows = [_stages(line, f"{file}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise InputError(f"{file}: no rows")
    return rows


def _stages(line: str, place: str) -> Stages:
    try:
        stages = json.loads(line)["stages"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{place}: not a row of an evolved dataset: {error!r}") from error
    if not isinstance(stages, list) or len(stages) < 2 or not all(isinstance(text, str) for text in stages):
        raise InputError(f"{place}: stages must be a list of at least two texts")
    return tuple(stages)


def sample(rows: Sequence[Stages], size: int = SAMPLE) -> list[Stages]:
    """At most `size` of the rows, always the same ones, in their order."""
    order = sorted(range(len(rows)), key=lambda place: digest("quality", str(place)))
    return [rows[place] for place in sorted(order[:size])]


def stage_texts(rows: Sequence[Stages]) -> dict[str, list[str]]:
    """The instructions of every stage, by its name; `final` only where it is not the one round."""
    rounds = max(map(len, rows)) - 1
    texts = {"seeds": [row[0] for row in rows]}
    texts |= {f"round {n}": [row[n] for row in rows if len(row) > n] for n in range(1, rounds + 1)}
    return texts | ({"final": [row[-1] for row in rows]} if rounds > 1 else {})


def measure_stages(rows: Sequence[Stages], embed: Embed = tfidf) -> list[StageQuality]:
    """Measure the seeds, each round, and what came out at the end (left out after one round).

    Rows that ended early are in fewer rounds; compare diversity only between stages of
    about the same number of rows.

    Args:
        rows: The dataset, or a sample of it.
        embed: What the Vendi score and the topics are measured on.

    Raises:
        ValueError: If there are no rows.
    """
    if not rows:
        raise ValueError("no rows to measure")
    texts = stage_texts(rows)
    seeds = texts["seeds"]
    grown = {"final": growth([(row[0], row[-1]) for row in rows])}
    for number in range(1, max(map(len, rows))):
        pairs = [(row[number - 1], row[number]) for row in rows if len(row) > number]
        grown[f"round {number}"] = growth(pairs)
    return [_measure(stage, said, seeds, embed, grown.get(stage)) for stage, said in texts.items()]


def _measure(
    stage: str, texts: Sequence[str], seeds: Sequence[str], embed: Embed, grown: Growth | None = None
) -> StageQuality:
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
_TAG_LINES: tuple[tuple[str, Callable[[TagStatistics], str]], ...] = (
    ("tags of an instruction", lambda tags: f"{tags.complexity:.2f}"),
    ("different tags", lambda tags: str(tags.unique)),
    ("different tags by instruction", lambda tags: f"{tags.diversity:.2f}"),
    ("without tags", lambda tags: str(tags.unscored)),
)


def render(stages: Sequence[StageQuality], rows: int) -> str:
    """The figures as a table, a stage a column, and a line about the sample if there is one.

    Args:
        stages: What `measure` found.
        rows: Rows of the whole dataset.
    """
    cells = [["", *(stage.stage for stage in stages)]]
    cells += [[label, *(show(stage) for stage in stages)] for label, show in _LINES]
    if tagged := [stage.tags for stage in stages if stage.tags]:
        cells += [[label, *map(show, tagged)] for label, show in _TAG_LINES]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in cells
    ]
    if stages[0].rows < rows:
        lines.append(f"on {stages[0].rows} of {rows} rows")
    return "\n".join(line.rstrip() for line in lines)
