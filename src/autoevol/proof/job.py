"""`autoevol prove` as functions: arms, a frozen plan, students, and a verdict."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from autoevol.commands.following import Listener, StatusKeeper, following
from autoevol.commands.job import open_job
from autoevol.commands.keywords import take
from autoevol.commands.past import settings_of
from autoevol.commands.result import Result
from autoevol.config import EndpointConfig, ProveConfig, Settings
from autoevol.core.errors import InputError, StoreError
from autoevol.core.progress import Progress
from autoevol.core.records import Row
from autoevol.core.schema import Malformed
from autoevol.metrics.catalog import make_detector
from autoevol.proof.analysis import REFERENCE, SEEDS, conclude
from autoevol.proof.arms import FILE as MATERIAL
from autoevol.proof.arms import Rivals, assemble_arms, load_material, save_material
from autoevol.proof.making import calls_of_arms, drawn_rows, make_arm, natural_answers, start_of
from autoevol.proof.pairs import Pair, answered_seeds, evolved_pairs, pairs_of_file, seed_rows
from autoevol.proof.plan import ProofPlan, freeze, frozen
from autoevol.proof.tuning import Material, Student, collected, encode_all, keep_measures, tune_all
from autoevol.reports.proof import FILE, ProofReport
from autoevol.reports.rates import Ledger
from autoevol.store.run import RunFolder, read_run
from autoevol.store.sealed import read_sealed, write_sealed
from autoevol.students.schedule import schedule
from autoevol.students.torch_student import TorchStudent

MakeStudent = Callable[[str, str], Student]
"""Makes a student from a model and the part of it to be tuned."""

PAID = "ledger.json"
"""The cost of making missing arms."""


@dataclass(frozen=True)
class Outline:
    """What a proof would do, before anything is paid for or trained.

    Attributes:
        arms: Existing arms, with their pairs.
        calls: Maximum LM calls for each missing arm.
        config: Of the proof.
    """

    arms: dict[str, int]
    calls: dict[str, int]
    config: ProveConfig

    def to_json(self) -> dict[str, Any]:
        """The outline as JSON."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """The outline as (label, value) rows."""
        config = self.config
        shown = [(f"arm {name}", f"{count} pairs") for name, count in self.arms.items()]
        shown += [(f"arm {name}", f"missing; at most {calls} LM calls") for name, calls in self.calls.items()]
        students = (len(self.arms) + len(self.calls)) * config.seeds
        tokens = config.steps * config.step_tokens
        return [
            *shown,
            ("student", f"{config.student}, {config.tune}"),
            ("training", f"{config.steps} steps x {config.step_tokens} response tokens = {tokens} for each"),
            ("students", f"{students}, and {len(config.rates)} to choose the learning rate"),
            ("LM calls", f"at most {sum(self.calls.values())}"),
        ]


def prove(
    source: str | Path,
    out: str | Path,
    *,
    against: Sequence[str] = ("length",),
    settings: Settings | None = None,
    listener: Listener | None = None,
    make_student: MakeStudent = TorchStudent,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> Result[ProofReport]:
    """Tune a student on the data and on its rivals, and say which is better: `autoevol prove`.

    The same call resumes; finished students are not tuned again.

    Args:
        source: A run folder, or a file of pairs.
        out: Folder of the proof.
        against: Arms besides seeds and control; see `Rivals.parse`.
        settings: Requests, budget and call store are used if arms are made.
        listener: Receives the progress.
        make_student: Loads the model.
        options: Fields of `ProveConfig`, `EndpointConfig` and these settings by the names of options.

    Raises:
        InputError: If an arm is missing and cannot be made, there are too few seeds, a package is missing,
            or `out` holds another plan.
        StoreError, StopRun: As for `run`; also `BudgetReached` while an arm is made.
    """
    listener = listener or Progress()
    with _prepared(source, Path(out), against, settings, listener, options) as (folder, config, ledger, told):
        material, plan = _planned(folder.path, config)
        for label, value in plan.rows():
            told.note(f"{label}: {value}")
        student = make_student(plan.student, plan.tune)
        told.phase("tuning", None)
        told.note(_pace(student, material, plan))
        tune_all(student, material, plan, folder.path, told.note)
        if plan.reference:
            keep_measures(make_student(plan.reference, "full"), material, plan, folder.path, REFERENCE, 0)
        return _concluded(folder.path, plan, ledger)


def prepare(
    source: str | Path,
    out: str | Path,
    *,
    against: Sequence[str] = ("length",),
    settings: Settings | None = None,
    listener: Listener | None = None,
    **options: Any,  # noqa: ANN401 (settings of every type)
) -> ProofPlan:
    """The first half of `prove`, for a recipe: arms and a frozen plan, without training."""
    listener = listener or Progress()
    with _prepared(source, Path(out), against, settings, listener, options) as (folder, config, *_):
        return _planned(folder.path, config)[1]


def collect(out: str | Path) -> Result[ProofReport]:
    """Conclude from students that were tuned elsewhere: `autoevol prove P --collect`.

    Raises:
        InputError: If there is no plan, or a student is missing or belongs to another plan.
    """
    folder = Path(out)
    plan = frozen(folder)
    return _concluded(folder, plan, _paid(folder))


def outline(source: str | Path, against: Sequence[str], settings: Settings, config: ProveConfig) -> Outline:
    """What `prove` would do. Raises InputError as `prove` does."""
    rivals, path = Rivals.parse(against), Path(source)
    if not path.is_dir():
        arms = {"found": len(pairs_of_file(path))} | _counted(rivals)
        _refuse_unmade(path, rivals)
        return Outline(_all_arms(arms, rivals), {}, config)
    with RunFolder(path) as run:
        known = settings_of(run, settings, EndpointConfig())
    rows = drawn_rows(seed_rows(path), config.arm_rows)
    has = answered_seeds(path)
    missing = [name for name in rivals.to_make if name != SEEDS or not _enough(has, rows)]
    arms = {"found": len(evolved_pairs(path, known.pipeline.keep))} | _counted(rivals)
    if SEEDS not in missing and SEEDS not in arms:
        arms[SEEDS] = len(has)
    judged = make_detector(known.metrics.detector, known.metrics.agreement_samples).calls
    return Outline(_all_arms(arms, rivals), calls_of_arms(missing, len(rows), known, judged), config)


def _counted(rivals: Rivals) -> dict[str, int]:
    return {name: len(pairs_of_file(path)) for name, path in rivals.files.items()}


def _all_arms(arms: dict[str, int], rivals: Rivals) -> dict[str, int]:
    follow = ["length"] if "length" in rivals.names else []
    return arms | dict.fromkeys((*follow, "shuffled"), arms["found"])


@contextmanager
def _prepared(
    source: str | Path,
    out: Path,
    against: Sequence[str],
    settings: Settings | None,
    listener: Listener,
    options: dict[str, Any],
) -> Iterator[tuple[RunFolder, ProveConfig, Ledger, StatusKeeper]]:
    """Lock the folder of a proof, and put the pairs of all its arms into it."""
    now, config, endpoint = take("prove", settings, options, ProveConfig(), EndpointConfig())
    rivals, path = Rivals.parse(against), Path(source)
    if out.exists() and path.exists() and out.samefile(path):
        raise InputError(f"{out} is the data itself; give another --out")
    inputs = {"source": _fingerprint(path), "against": list(rivals.names)}
    inputs |= {f"arm {name}": _fingerprint(Path(given)) for name, given in rivals.files.items()}
    decided = {"proof": asdict(config) | {"rates": list(config.rates)}, "inputs": inputs}
    with RunFolder(out, decided) as folder, following(folder.path, listener) as told:
        if not (out / MATERIAL).exists():
            files = {name: pairs_of_file(given) for name, given in rivals.files.items()}
            if path.is_dir():
                _from_run(path, folder, (rivals, files), now, (config, endpoint), told)
            else:
                _refuse_unmade(path, rivals)
                save_material(out, assemble_arms(pairs_of_file(path), files, rivals, config))
        yield folder, config, _paid(out), told


def _paid(folder: Path) -> Ledger:
    path = folder / PAID
    try:
        known = read_sealed(path)
        return Ledger.from_json(known) if known else Ledger({})
    except Malformed as error:
        raise StoreError(f"{path} is damaged: {error}") from error


def _from_run(
    path: Path,
    folder: RunFolder,
    rivals_files: tuple[Rivals, dict[str, list[Pair]]],
    now: Settings,
    how: tuple[ProveConfig, EndpointConfig],
    listener: Listener,
) -> None:
    """Collect the arms of a run, and make the missing ones."""
    (rivals, others), (config, endpoint) = rivals_files, how
    with RunFolder(path) as run:
        settings = settings_of(run, now, endpoint)
        rows = drawn_rows(seed_rows(path), config.arm_rows)
        found, has = evolved_pairs(path, settings.pipeline.keep), answered_seeds(path)
        start = start_of(path, settings)
        if SEEDS not in others and _enough(has, rows):
            others = {**others, SEEDS: has}
        if settings.store.path is None and (path / "calls.sqlite").exists():
            # With the run's calls in the store, they are not paid for again.
            settings = replace(settings, store=replace(settings.store, path=str(path / "calls.sqlite")))
        missing = [name for name in rivals.to_make if name not in others]
        if missing:
            with open_job(folder, settings, listener, roles=("evol", "respond", "judge"), gated=False) as job:
                others |= {name: make_arm(job, name, rows, start) for name in missing}
                # Before the material, whose presence says that no arm is missing any more.
                write_sealed(folder.path / PAID, Ledger.of(job.session.ledger()).to_json())
    save_material(folder.path, assemble_arms(found, others, rivals, config, natural_answers(rows)))


def _refuse_unmade(path: Path, rivals: Rivals) -> None:
    if rivals.to_make:
        names = ", ".join(rivals.to_make)
        raise InputError(
            f"{path} is a file, and only a run folder says how to make {names}: give a file of pairs, such "
            f"as --against {rivals.to_make[0]}=FILE"
        )


def _enough(has: Sequence[Pair], rows: Sequence[Row]) -> bool:
    return bool(has) and len(has) >= 0.9 * len(rows)


def _fingerprint(path: Path) -> str:
    """A hash of the data, independent of its location."""
    if path.is_dir():
        return (read_run(path) or {}).get("run_id", "")
    if not path.is_file():
        raise InputError(f"no such file or run folder: {path}")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _planned(folder: Path, config: ProveConfig) -> tuple[Material, ProofPlan]:
    material = load_material(folder)
    arms = {name: list(pairs) for name, pairs in material.arms.items()}
    plan = ProofPlan.of(config, arms, {name: list(pairs) for name, pairs in material.items.items()})
    freeze(plan, folder)
    return material, plan


def _pace(student: Student, material: Material, plan: ProofPlan) -> str:
    """Estimate the duration from a few throw-away steps."""
    steps = min(20, plan.steps)
    examples = encode_all(student, material.arms[SEEDS], plan.max_length)
    batches, began = schedule(examples, steps, plan.step_tokens, plan.seeds), time.monotonic()
    with student.tuned(batches, 0, min(plan.rates)):
        each = (time.monotonic() - began) / steps
    minutes = math.ceil(each * plan.steps * plan.trainings / 60)
    return (
        f"{steps} steps take {each * steps:.1f} s: {minutes} min or so to tune all, about as long to measure"
    )


def _concluded(folder: Path, plan: ProofPlan, ledger: Ledger) -> Result[ProofReport]:
    students = collected(folder, plan)
    rates = {one.rate for one in students if one.steps}
    if len(rates) > 1:
        told = ", ".join(f"{rate:g}" for rate in sorted(rates))
        raise InputError(f"{folder}: its students were tuned at different learning rates ({told})")
    try:
        conclusion = conclude(students)
    except ValueError as error:
        raise InputError(f"{folder}: {error}") from error
    report = ProofReport(
        conclusion=conclusion,
        plan=plan.id,
        student=f"{plan.student}, {plan.tune}",
        training=plan.told(),
        rate=next(iter(rates)),
        lengths={name: sample.characters for name, sample in plan.arms.items()},
        ledger=ledger,
    )
    write_sealed(folder / FILE, report.to_json())
    return Result(report, folder)
