"""What the rows of a run look like: failures, examples, lengths, measures."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from autoevol.core.wording import plain
from autoevol.dataset.lineages import EvolvedPair, SeedLineage
from autoevol.dataset.quality import StageQuality, measure_stages
from autoevol.evolution.lineage import End, Lineage
from autoevol.metrics.embeddings import unit
from autoevol.metrics.quality import tfidf
from autoevol.pages import plots
from autoevol.pages.blocks import Block, Browser, Grid, Heading, RowExample, Section, Words
from autoevol.pages.diff import word_diff
from autoevol.pages.duplicates import duplicates_section
from autoevol.pages.funnel import funnel_section
from autoevol.pages.rows import RowsSeen, brief, browsed, clipped
from autoevol.reports.run import RunReport

_EXAMPLES = 5
_MEASURED = 400
_NEAREST = 8


def data_sections(
    seen: RowsSeen, report: RunReport | None, folder: Path, matched: Mapping[str, str]
) -> list[Section]:
    """The sections of evolved rows, those that the run has something for.

    Args:
        seen: All rows, counted.
        report: Of the run; None for one under way.
        folder: Of the run.
        matched: Texts by seed id, of the seeds that refused texts were like.
    """
    if not seen.rows:
        return []
    made = [
        funnel_section(seen, report, folder),
        _kinds(seen),
        _examples(seen),
        _browser(seen),
        _lengths(seen),
        _quality(seen),
        duplicates_section(seen, matched, folder),
    ]
    return [section for section in made if section]


def _kinds(seen: RowsSeen) -> Section | None:
    rounds = sorted({number for number, _ in seen.fates})
    kinds = Counter[str]()
    for (_, kind), count in seen.kinds.items():
        kinds[kind] += count
    if not kinds:
        return None
    columns = ["kind", *(f"round {number}" if number else "seed" for number in rounds)]
    rows = [
        (plain(kind), *(seen.kinds[number, kind] for number in rounds)) for kind, _ in kinds.most_common()
    ]
    total = [sum(count for (at, _), count in seen.fates.items() if at == number) for number in rounds]
    rows.append(("attempts made, passed ones too", *total))
    values = {plain(kind): (float(count),) for kind, count in kinds.most_common()}
    caption = "Attempts at a rewrite that did not pass, by the worst that was found"
    plot = plots.bar_chart("kinds", values, ("attempts",), "kind", caption)
    grid = Grid.of("Attempts by kind of failure", columns, rows, across=True)
    told = Words("Every attempt is counted, so a row that was tried again counts more than once.")
    return Section("kinds", "Why attempts failed", (told, replace(plot, grid=grid)))


def _examples(seen: RowsSeen) -> Section:
    blocks: list[Block] = [
        Words(
            "Drawn at random. The detector is the program that decides what passes, and it makes mistakes: "
            "read the passed ones as well, for they are what a model would be trained on."
        )
    ]
    for end, title in ((End.KEPT, "Passed"), (End.REJECTED, "Rejected"), (End.DEAD, "Lost")):
        sampled = seen.samples.get(end, [])
        drawn = random.Random(0).sample(sampled, min(_EXAMPLES, len(sampled)))
        if drawn:
            blocks.append(Heading(f"{title} ({len(drawn)} of {seen.ends[end]})"))
            blocks += [_example(lineage) for lineage in drawn]
    return Section("examples", "Rows to read", tuple(blocks))


def _example(lineage: Lineage) -> RowExample:
    step, seed = lineage.decisive, clipped(lineage.row.instruction, 1_500)
    pieces = word_diff(seed, clipped(step.evolved, 1_500)) if step.evolved else ()
    kinds = ", ".join(plain(kind.value) for kind in step.kinds) or plain(step.fate.value)
    reason = "" if lineage.end is End.KEPT else f"{kinds}. {clipped(step.reason, 300)}"
    return RowExample(lineage.outcome.value, seed, pieces, clipped(step.response, 1_500), reason)


def _browser(seen: RowsSeen) -> Section:
    rows = browsed(seen)
    told = "All rows." if seen.rows > 1 else "The only row."
    if len(rows) < seen.rows:
        told = (
            f"{len(rows):,} of {seen.rows:,} rows, drawn at random from passed, rejected and lost ones "
            "alike; the figures on this page count all rows."
        )
    return Section("rows", "Every step of a row", (Browser(told, rows),))


def _lengths(seen: RowsSeen) -> Section | None:
    if not seen.tokens:
        return None
    measured = {
        "words": ("words", seen.words),
        "tokens": ("tokens (estimated from the characters)", seen.tokens),
    }
    blocks: list[Block] = []
    for measure, (axis, counts) in measured.items():
        seeds, evolved = counts.get("seed", Counter()), counts.get("evolved", Counter())
        before_after = {_class(size): (seeds[size], evolved[size]) for size in _classes(seeds, evolved)}
        title = f"Instructions before and after: how many have so many {axis}"
        blocks.append(plots.bar_chart(f"lengths-{measure}", before_after, ("seed", "evolved"), axis, title))
        if answers := counts.get("response"):
            sizes = {_class(size): (answers[size],) for size in _classes(answers)}
            title = f"Responses: how many have so many {axis}"
            blocks.append(plots.bar_chart(f"responses-{measure}", sizes, ("responses",), axis, title))
    return Section("lengths", "Lengths", tuple(blocks))


def _classes(*counts: Counter[int]) -> range:
    """All length classes from the shortest text to the longest."""
    sizes = [size for found in counts for size in found]
    return range(min(sizes), max(sizes) + 1)


def _class(size: int) -> str:
    """The name of a length class: numbers with so many binary digits."""
    return f"{1 << (size - 1)}–{(1 << size) - 1}" if size > 1 else str(size)


def _quality(seen: RowsSeen) -> Section | None:
    kept = [lineage for lineage in seen.samples.get(End.KEPT, []) if lineage.decisive.round][:_MEASURED]
    stages = [lineage.stages(lineage.decisive) for lineage in kept]
    if len(stages) < 2:
        return None
    measured = measure_stages(
        [SeedLineage(str(n), (EvolvedPair(None, way),)) for n, way in enumerate(stages)]
    )
    columns = ("measure", *(one.stage for one in measured))
    rows = [(label, *(show(one) for one in measured)) for label, show in _MEASURES]
    grid = Grid.of(
        f"Counted without a model on {len(stages)} of the {seen.ends[End.KEPT]} passed rows",
        columns,
        rows,
        across=True,
    )
    told = Words(
        "Harder instructions have more words that limit the answer (“at most”, “without”) and that ask for "
        "work (“compare”, “prove”). Where texts grow alike, the shares of distinct words fall. Compare the "
        "columns with each other, not with another run: the shares depend on the number of rows."
    )
    return Section("quality", "Complexity and diversity", (told, grid, _nearest(stages)))


_MEASURES: tuple[tuple[str, Callable[[StageQuality], str]], ...] = (
    ("limiting words per instruction, mean", lambda one: f"{one.constraints:.2f}"),
    ("words of work per instruction, mean", lambda one: f"{one.operations:.2f}"),
    ("words per instruction, median", lambda one: f"{one.words.median:g}"),
    ("words added to the seed, median", lambda one: "" if one.added is None else f"{one.added.median:g}"),
    ("distinct words, share of all words", lambda one: f"{one.distinct_1:.3f}"),
    ("distinct pairs of words, share of all", lambda one: f"{one.distinct_2:.3f}"),
    ("texts that differ, effective number (Vendi)", lambda one: f"{one.vendi:.1f}"),
    ("topics of the seeds still covered", lambda one: f"{one.coverage:.0%}"),
)


def _nearest(stages: Sequence[tuple[str, ...]]) -> Grid:
    """The evolved instructions that are most like a seed, their own or another."""
    seeds, evolved = [texts[0] for texts in stages], [texts[-1] for texts in stages]
    vectors = unit(tfidf([*seeds, *evolved]), 2 * len(stages))
    alike = vectors[len(stages) :] @ vectors[: len(stages)].T
    nearest, values = alike.argmax(axis=1), alike.max(axis=1)
    order = np.argsort(-values, kind="stable")[:_NEAREST]
    rows = [
        (
            brief(evolved[place], 200),
            f"{values[place]:.2f}",
            "its own" if nearest[place] == place else "that of another row",
            brief(seeds[nearest[place]], 200),
        )
        for place in order
    ]
    caption = "Evolved instructions nearest to a seed (likeness 0 to 1, by shared words: TF-IDF)"
    return Grid.of(caption, ("evolved", "likeness", "whose seed", "nearest seed"), rows)
