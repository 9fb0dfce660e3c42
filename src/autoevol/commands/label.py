"""`autoevol label`: people label the pairs of a run or a file, or compare two models' answers."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autoevol.answers.standing import HeadToHead
from autoevol.core.errors import InputError, StoreError
from autoevol.core.schema import Malformed
from autoevol.labelling.answers import AnswerForm, read_pairs
from autoevol.labelling.evolutions import EvolutionForm
from autoevol.labelling.form import Form
from autoevol.labelling.sampling import read_form
from autoevol.labelling.server import LabelServer
from autoevol.labelling.session import LabelSession, standing
from autoevol.metrics.kappa import Agreement, agreement_of, share_interval
from autoevol.store.labels import LabelFolder, log_path, read_logs, read_task
from autoevol.store.sealed import check_source

_FORMS = (EvolutionForm, AnswerForm)


@dataclass(frozen=True)
class LabelJob:
    """What is to be labelled.

    Attributes:
        sources: A run folder or a file of pairs; with `pairs` the answers of two models.
        pairs: Whether two models' answers are compared.
        sample: Number of items, stratified by the detector's verdict if there is one; None for all.
        seed: Decides the sample, the order and the sides.
        out: Folder of the labels; None for one beside the source.
    """

    sources: Sequence[Path]
    pairs: bool = False
    sample: int | None = None
    seed: int = 0
    out: Path | None = None

    def __post_init__(self) -> None:
        if len(self.sources) != (2 if self.pairs else 1):
            wanted = "two files of answers" if self.pairs else "one run folder or file, or --pairs A B"
            raise InputError(f"label takes {wanted}, got {len(self.sources)}")

    @property
    def folder(self) -> Path:
        """The folder of the labels: `DIR/labels`, or beside a file."""
        if self.out is not None:
            return self.out
        first = self.sources[0]
        if self.pairs:
            return first.with_name(f"{first.stem}-{self.sources[1].stem}.labels")
        return first / "labels" if first.is_dir() else first.with_name(f"{first.stem}.labels")


@contextmanager
def label(
    source: str | Path,
    *,
    against: str | Path | None = None,
    rater: str = "A",
    sample: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    port: int = 0,
) -> Iterator[LabelServer]:
    """Serve the page for labelling at the server's `url` until the block ends: `autoevol label`.

    Args:
        source: A run folder, a file of pairs, or with `against` a model's answers.
        against: Another model's answers to the same questions, to be compared with those of `source`.
        rater: Name of the person who labels.
        sample: Number of items, half of them ones that the detector passed; None for all.
        seed: Decides the sample, the order and the sides.
        out: Folder of the labels, if not beside the source.
        port: 0 picks a free one.

    Raises:
        InputError: As `serving` does.
        StoreError: As `serving` does.
    """
    sources = [Path(one) for one in (source, against) if one is not None]
    asked = LabelJob(sources, against is not None, sample, seed, Path(out) if out else None)
    with serving(asked, rater, port) as server:
        yield server


@contextmanager
def serving(asked: LabelJob, rater: str, port: int = 0) -> Iterator[LabelServer]:
    """Serve the page to one rater until the block ends.

    Raises:
        InputError: If the source, the rater's name or the port cannot be used, or the folder has labels
            of something else.
        StoreError: If the labels are damaged, or another process adds to them.
    """
    log_path(asked.folder, rater)
    with LabelFolder(asked.folder) as folder:
        form = _form(folder, asked)
        try:
            server = LabelServer(LabelSession(folder, form, rater), port)
        except OSError as error:
            raise InputError(f"--port {port}: {error}") from error
        thread = threading.Thread(target=server.serve_forever, name="labels", daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _form(folder: LabelFolder, asked: LabelJob) -> Form:
    """The folder's form, so that all raters see the same items; in a new folder, the one asked for."""
    known = _known(folder.path)
    if known is None and read_logs(folder.path):
        raise StoreError(f"{folder.path} has lost its task.json, but not its labels. Restore it from a copy")
    if known is None:
        for source in asked.sources:
            check_source(source)
        made = (
            read_pairs(asked.sources[0], asked.sources[1], asked.seed, asked.sample)
            if asked.pairs
            else read_form(asked.sources[0], asked.seed, asked.sample)
        )
        folder.describe(made.to_json())
        return made
    if isinstance(known, AnswerForm) != asked.pairs:
        raise InputError(f"{folder.path} holds labels of {known.kind}; give another --out")
    if asked.sample not in (None, known.sample) or asked.seed != known.seed:
        raise InputError(
            f"{folder.path} holds labels of another sample: give --sample {known.sample} --seed {known.seed} "
            "to go on with it, or another --out"
        )
    _check_sources(known, asked)
    return known


def _check_sources(known: EvolutionForm | AnswerForm, asked: LabelJob) -> None:
    """Raise InputError if the folder has labels of other files than those that are asked for.

    Files of one name in other folders, or with another suffix, share a default folder of labels. A source
    that is no longer where it was has been moved, with its labels.
    """
    if asked.out is None and asked.sources[0].is_dir():
        return  # in the run folder itself
    recorded = (known.source,) if isinstance(known, EvolutionForm) else known.source
    for before, now in zip(map(Path, recorded), asked.sources, strict=True):
        if before.exists() and now.exists() and not before.samefile(now):
            raise InputError(f"{asked.folder} holds labels of {before}, not of {now}; give another --out")


def _known(folder: Path) -> EvolutionForm | AnswerForm | None:
    data = read_task(folder)
    if data is None:
        return None
    kind = str(data.get("schema", "")).partition("/")[0]
    for form in _FORMS:
        if form.SCHEMA.startswith(f"{kind}/"):
            try:
                return form.from_json(data)
            except Malformed as error:
                raise StoreError(f"{folder} is damaged: {error}") from error
    raise StoreError(f"{folder} holds {data.get('schema')!r}, which is none of labels")


@dataclass(frozen=True)
class Agreed:
    """How far raters agree, and their results.

    Attributes:
        raters: Number of labelled items by rater.
        questions: Agreement by question, on items with labels of at least two raters.
        standings: Wins, ties and losses of the first of two models.
        file: The labels of all raters.
    """

    raters: dict[str, int]
    questions: dict[str, Agreement]
    standings: Mapping[str, HeadToHead]
    file: Path

    def lines(self) -> list[str]:
        """As it is printed."""
        by_rater = ", ".join(f"{name} {count}" for name, count in self.raters.items())
        told = [f"labelled: {by_rater or 'nothing'}"]
        for name, one in self.questions.items():
            if one.items:
                same = f"{one.observed:.0%} of {one.items} items".replace("%", " %")
                told.append(
                    f"{name}: kappa {one.kappa:.2f} [{share_interval(one.interval)}], the same in {same}"
                )
        if len(told) == 1:
            told.append("agreement: not known, no item has labels of two raters: give another --rater")
        return [*told, *(f"{name}: {one}" for name, one in self.standings.items()), f"labels: {self.file}"]

    def to_json(self) -> dict[str, Any]:
        """As JSON; what is not defined is null."""
        return {
            "raters": self.raters,
            "questions": {name: _defined(asdict(one)) for name, one in self.questions.items()},
            "standings": {name: one.to_json() for name, one in self.standings.items()},
            "labels": str(self.file),
        }


def _defined(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(figure, float) and math.isnan(figure) else figure
        for name, figure in figures.items()
    }


def raters_agreement(asked: LabelJob) -> Agreed:
    """How far the raters of a folder agree, and who won if answers were compared.

    Raises:
        InputError: If nothing has been labelled there.
        StoreError: If the labels are damaged.
    """
    form = _known(asked.folder)
    if form is None:
        raise InputError(f"{asked.folder}: nothing has been labelled there yet")
    if isinstance(form, AnswerForm) == asked.pairs:
        _check_sources(form, asked)
    labels = {name: standing(lines) for name, lines in read_logs(asked.folder).items()}
    questions = {name: agreement_of(said) for name, said in form.answers(labels).items()}
    standings = form.standings(labels) if isinstance(form, AnswerForm) else {}
    counts = {name: len(own) for name, own in labels.items() if own}
    return Agreed(counts, questions, standings, asked.folder / form.file)


def wait(server: LabelServer, opened: Callable[[str], object] | None) -> None:
    """Open the page and wait until the disk fails or the user presses Ctrl-C, which both raise."""
    if opened is not None:
        threading.Thread(target=opened, args=(server.url,), name="browser", daemon=True).start()
    while server.lost is None:
        server.gone.wait(0.5)
    raise server.lost
