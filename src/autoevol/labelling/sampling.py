"""Which pairs are labelled: all of a file or run, or a sample stratified by the detector's verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from autoevol.core.errors import InputError
from autoevol.core.records import digest
from autoevol.core.seeds import derived_random
from autoevol.core.text import storable
from autoevol.evolution.lineage import Fate, Round, decode_lineage
from autoevol.labelling.evolutions import EvolutionForm, EvolutionItem
from autoevol.metrics.labels import Labelled, load_labelled
from autoevol.store.parts import Parts
from autoevol.store.run import RunFolder

_JUDGED = (Fate.PASSED, Fate.FAILED)


def read_form(source: Path, seed: int, sample: int | None) -> EvolutionForm:
    """The evolutions of a run folder or of a file of pairs, or a sample of them.

    Args:
        source: A run folder, or JSON Lines in the format of `metrics.labels`, where labels that are
            there are not shown.
        seed: Decides the sample and the order.
        sample: At most so many, stratified (see `stratified`); None takes all.

    Raises:
        InputError: If nothing can be labelled there.
        StoreError: If the run is damaged or in use.
    """
    items = list(_of_run(source) if source.is_dir() else map(_of_pair, load_labelled(source)))
    if not items:
        raise InputError(f"{source}: no evolutions that a detector has judged: there is nothing to label")
    chosen = items if sample is None else stratified(items, sample, seed)
    verdicts = Counter(item.verdict for item in items if item.verdict)
    return EvolutionForm(str(source), seed, tuple(chosen), sample, dict(sorted(verdicts.items())) or None)


def stratified(items: Iterable[EvolutionItem], size: int, seed: int) -> list[EvolutionItem]:
    """As many of each verdict as can be had, each weighted with how many of the whole it stands for.

    Half of the sample is what the detector let pass, half what it refused, however rare either is:
    misses hide among the first, false alarms among the second. Weights are N/n of the stratum
    (Horvitz and Thompson 1952).
    """
    strata: dict[str, list[EvolutionItem]] = {}
    for item in items:
        strata.setdefault(item.verdict, []).append(item)
    chosen: list[EvolutionItem] = []
    left = size
    # The smallest first: what it cannot fill goes to the others.
    for number, (verdict, members) in enumerate(
        sorted(strata.items(), key=lambda one: (len(one[1]), one[0]))
    ):
        share = min(len(members), -(-left // (len(strata) - number)))
        drawn = derived_random(seed, "sample", verdict).sample(members, share)
        chosen += [replace(item, weight=len(members) / share) for item in drawn]
        left -= share
    return chosen


def _of_run(folder: Path) -> Iterator[EvolutionItem]:
    if not (folder / "run.json").exists():
        raise InputError(f"{folder} is not a run folder: it has no run.json")
    with RunFolder(folder):
        for line in Parts(folder / "parts", None).lines():
            judged = (step for step in decode_lineage(line).rounds if step.round and step.fate in _JUDGED)
            yield from (item for step in judged if (item := _of_round(step)))


def _of_round(step: Round) -> EvolutionItem | None:
    done = step.evolution
    if done is None or done.evolved is None:  # there is nothing to read, and nothing to doubt
        return None
    return EvolutionItem(
        id=step.id,
        original=storable(done.instruction),
        evolved=storable(done.evolved),
        response=_storable(step.response),
        source=f"{step.model}, {step.operation}",
        verdict=step.fate.outcome.value,
        kinds=tuple(kind.value for kind in step.kinds),
        finish_reason=done.finish_reason,
        response_finish_reason=step.response_finish_reason,
        reply=_storable(done.reply),
    )


def _storable(text: str | None) -> str | None:
    return None if text is None else storable(text)


def _of_pair(pair: Labelled) -> EvolutionItem:
    done = pair.trajectory.evolutions[0]
    return EvolutionItem(
        id=pair.id or digest(done.instruction, done.evolved or ""),
        original=storable(done.instruction),
        evolved=storable(done.evolved or ""),
        response=_storable(pair.trajectory.response),
        finish_reason=done.finish_reason,
        response_finish_reason=pair.trajectory.response_finish_reason,
        reply=_storable(done.reply or None),
    )
