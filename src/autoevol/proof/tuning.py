"""Tunes and measures every student of a plan, once: finished ones are never repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autoevol.core.errors import InputError
from autoevol.core.schema import Document
from autoevol.metrics.agreement import normal_answer
from autoevol.proof.analysis import BASE, REFERENCE, SEEDS, MeasuredStudent
from autoevol.proof.pairs import Pair
from autoevol.proof.plan import ProofPlan
from autoevol.reports.folder import read_report
from autoevol.store.sealed import write_sealed
from autoevol.students.protocols import Scorer, Student
from autoevol.students.schedule import Batch, Encoded, schedule

TUNED = "tuned"
_ANSWER_TOKENS = 96


@dataclass(frozen=True)
class ChosenRate(Document, schema="autoevol.rate/1"):
    """The learning rate of all students, and the results of those tried on the seed arm.

    Attributes:
        plan: Id of the plan.
        rate: The chosen rate.
        tried: Mean NLL by rate; empty if there was no choice.
    """

    plan: str
    rate: float
    tried: Mapping[str, float]


@dataclass(frozen=True)
class Material:
    """The pairs of a plan: those of every arm, and those to measure on."""

    arms: Mapping[str, Sequence[Pair]]
    items: Mapping[str, Sequence[Pair]]


@dataclass(frozen=True)
class Measuring:
    """Measures a scorer on the items of a plan.

    Args:
        student: Encodes the texts.
        material: `heldout`, `rate` and `evolved` items.
        plan: Its `max_length` and `exact` are used.
    """

    student: Student
    material: Material
    plan: ProofPlan

    def all_of(self, scorer: Scorer) -> dict[str, dict[str, float]]:
        """Measure -> item -> value; measures without items are left out."""
        heldout = self.material.items["heldout"]
        own = self.nll(scorer, heldout)
        # Another row's answer to the same instruction: a model that knows nothing picks either as often.
        others = [replace(pair, response=after.response) for pair, after in _followed(heldout)]
        wrong = self.nll(scorer, others)
        values = {
            "heldout_nll": own,
            "evolved_nll": self.nll(scorer, self.material.items.get("evolved", ())),
            "choice": {item: float(own[item] < wrong[item]) for item in own.keys() & wrong.keys()},
            "exact": self._exact(scorer),
        }
        return {name: found for name, found in values.items() if found}

    def nll(self, scorer: Scorer, pairs: Sequence[Pair]) -> dict[str, float]:
        """NLL per token of each response, by item; items that are too long are left out for every arm."""
        encoded = encode_all(self.student, pairs, self.plan.max_length)
        return dict(zip(encoded, scorer.losses(list(encoded.values())), strict=True))

    def _exact(self, scorer: Scorer) -> dict[str, float]:
        wanted = {pair.id: normal_answer(pair.response) for pair in self.material.items["heldout"]}
        asked = [pair for pair in self.material.items["heldout"] if wanted[pair.id]][: self.plan.exact]
        said = scorer.answers([pair.instruction for pair in asked], _ANSWER_TOKENS) if asked else []
        return {
            pair.id: float(normal_answer(answer) == wanted[pair.id])
            for pair, answer in zip(asked, said, strict=True)
        }


def encode_all(student: Student, pairs: Sequence[Pair], max_length: int) -> dict[str, Encoded]:
    """Encoded pairs by id, without those that are too long."""
    encoded = {pair.id: student.encode(pair.instruction, pair.response, max_length) for pair in pairs}
    return {name: example for name, example in encoded.items() if example is not None}


def tune_all(
    student: Student, material: Material, plan: ProofPlan, folder: Path, tell: Callable[[str], None]
) -> None:
    """Tune and measure every student that is missing from the folder.

    This goes seed by seed, and within a seed arm by arm, so that finished students are paired.

    Args:
        student: The model.
        material: As described by the plan.
        plan: Frozen in `folder`.
        folder: Gets `rate.json` and a file for each student.
        tell: Called with a line for each student.
    """
    measuring = Measuring(student, material, plan)
    encoded = {arm: encode_all(student, pairs, plan.max_length) for arm, pairs in material.arms.items()}
    keep_measures(student, material, plan, folder, BASE, 0)
    rate = chosen_rate(measuring, encoded[SEEDS], folder, tell)
    pending = [one for one in _planned(plan) if student_of(folder, plan, *one) is None]
    for number, (arm, seed) in enumerate(pending, 1):
        batches = schedule(encoded[arm], plan.steps, plan.step_tokens, seed)

        def made(arm: str = arm, seed: int = seed, batches: Sequence[Batch] = batches) -> MeasuredStudent:
            with student.tuned(batches, seed, rate) as scorer:
                values = measuring.all_of(scorer)
            return MeasuredStudent(arm, seed, plan.id, values, plan.tokens, plan.steps, rate)

        done = _keep(folder, plan, arm, seed, made)
        shown = _mean(done.values[plan.primary].values())
        tell(f"{arm}, seed {seed}: {plan.primary} {shown:.4f} ({number} of {len(pending)} students)")


def chosen_rate(
    measuring: Measuring, seeds: Mapping[str, Encoded], folder: Path, tell: Callable[[str], None]
) -> float:
    """The learning rate with the lowest NLL of the seed arm, on items that are used for nothing else."""
    plan, path = measuring.plan, folder / "rate.json"
    if (known := read_report(path, ChosenRate)) is not None and known.plan == plan.id:
        return known.rate
    tried: dict[float, float] = {}
    for rate in plan.rates if len(plan.rates) > 1 else ():
        # With a separate random seed, so that no measured student takes part in the choice.
        batches = schedule(seeds, plan.steps, plan.step_tokens, plan.seeds)
        with measuring.student.tuned(batches, plan.seeds, rate) as scorer:
            tried[rate] = _mean(measuring.nll(scorer, measuring.material.items["rate"]).values())
        tell(f"learning rate {rate:g}: {tried[rate]:.4f} on the seed arm")
    best = min(tried, key=lambda rate: (tried[rate], rate)) if tried else next(iter(plan.rates))
    told = {f"{rate:g}": nll for rate, nll in tried.items()}
    write_sealed(path, ChosenRate(plan.id, best, told).to_json())
    return best


def keep_measures(
    student: Student,
    material: Material,
    plan: ProofPlan,
    folder: Path,
    arm: str,
    seed: int,
    rate: float = 0.0,
) -> MeasuredStudent:
    """Measure a model as the student of `arm` and `seed`, unless the folder has it already."""
    measuring = Measuring(student, material, plan)
    tokens, steps = (plan.tokens, plan.steps) if arm in plan.arms else (0, 0)

    def made() -> MeasuredStudent:
        return MeasuredStudent(arm, seed, plan.id, measuring.all_of(student.untouched()), tokens, steps, rate)

    return _keep(folder, plan, arm, seed, made)


def collected(folder: Path, plan: ProofPlan) -> list[MeasuredStudent]:
    """Read every student of the plan.

    Raises:
        InputError: If one is missing, or was tuned under another plan.
    """
    wanted = [(BASE, 0), *([(REFERENCE, 0)] if plan.reference else ()), *_planned(plan)]
    found = [(f"{arm}-{seed}", student_of(folder, plan, arm, seed)) for arm, seed in wanted]
    if lacking := [name for name, one in found if one is None]:
        raise InputError(
            f"{folder / TUNED} lacks {len(lacking)} of {len(wanted)} students "
            f"({', '.join(lacking[:4])}{', ...' if len(lacking) > 4 else ''}): train them, then collect again"
        )
    return [one for _, one in found if one is not None]


def student_of(folder: Path, plan: ProofPlan, arm: str, seed: int) -> MeasuredStudent | None:
    """A measured student; None if it is not finished. Raises InputError for another plan's."""
    path = folder / TUNED / f"{arm}-{seed}.json"
    known = read_report(path, MeasuredStudent)
    if known is not None and known.plan != plan.id:
        raise InputError(
            f"{path} belongs to another plan ({known.plan}, not {plan.id}): remove it to train anew"
        )
    return known


def _planned(plan: ProofPlan) -> list[tuple[str, int]]:
    return [(arm, seed) for seed in range(plan.seeds) for arm in plan.arms]


def _keep(
    folder: Path, plan: ProofPlan, arm: str, seed: int, make: Callable[[], MeasuredStudent]
) -> MeasuredStudent:
    known = student_of(folder, plan, arm, seed)
    if known is None:
        (folder / TUNED).mkdir(exist_ok=True)
        known = make()
        write_sealed(folder / TUNED / f"{arm}-{seed}.json", known.to_json())
    return known


def _followed(pairs: Sequence[Pair]) -> Iterator[tuple[Pair, Pair]]:
    yield from zip(pairs, [*pairs[1:], *pairs[:1]], strict=True)


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)
