"""Raw records in, records with the seed that each holds out; what cannot be used is counted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from autoevol.core.errors import InputError
from autoevol.data.files import Raw, snippet_of
from autoevol.data.shapes import Seed, Shape, recognise
from autoevol.data.sources import Source


@dataclass(frozen=True, slots=True)
class Reject:
    """One record that was skipped.

    Attributes:
        file: The source as messages call it.
        line: 1-based line on which the record starts; its 1-based number in a table.
        reason: What is wrong with it.
        snippet: Its start, at most 200 characters.
    """

    file: str
    line: int
    reason: str
    snippet: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One usable record: its place, itself as parsed, and the seed read out of it."""

    line: int
    value: object
    seed: Seed


class EntryStream(Iterator[Entry]):
    """Usable records as they are read. Memory grows by the rejects only, if at all.

    With `longest`, a record whose instruction has more characters is unusable. With
    `on_reject`, rejects are reported and not kept. With `start`, that many records are skipped
    (the shape is still decided by the first that can be read).

    Use it as a context manager, or exhaust it, to close the file at once.

    Attributes:
        source: The source as messages call it.
        unit: What a position in it is: `line` or `record`.
        shape: The shape recognised, in words; empty before the first entry.
        rejects: Records that could not be used, unless there is an `on_reject`.
        rejected: How many there were.
        record: 0-based number of the record read last; -1 before the first.
    """

    def __init__(
        self,
        found: Source,
        *,
        field: str | None = None,
        skip_bad: bool = False,
        longest: int | None = None,
        start: int = 0,
        on_reject: Callable[[Reject], None] | None = None,
    ) -> None:
        self.source = found.name
        self.unit = found.unit
        self.shape = ""
        self.rejects: list[Reject] = []
        self.rejected = 0
        self.record = -1
        self._start = start
        self._on_reject = on_reject or self.rejects.append
        self._first: Reject | None = None
        self._found = found
        self._field = field
        self._skip_bad = skip_bad
        self._longest = longest
        self._decided: Shape | None = None
        self._entries = self._read()

    def __next__(self) -> Entry:
        return next(self._entries)

    def __enter__(self) -> EntryStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._entries.close()

    def _read(self) -> Generator[Entry, None, None]:
        usable = False
        with contextlib.closing(self._found.records) as records:
            for self.record, raw in enumerate(records):
                if self.record < self._start:
                    usable = usable or self._decides(raw)
                    continue
                seed = self._seed(raw)
                if seed is not None:
                    usable = True
                    yield Entry(raw.line, raw.value, seed)
        if not usable:
            raise InputError(self._nothing())

    def _decides(self, raw: Raw) -> bool:
        """Whether a skipped record decides the shape, as it did when it was read."""
        if raw.problem is not None:
            return False
        try:
            shape = recognise(raw.value, self._field)
            shape.read(raw.value)
        except InputError:
            return False
        self._decided, self.shape = shape, shape.name
        return True

    def _seed(self, raw: Raw) -> Seed | None:
        """The record's seed; None if it was rejected."""
        if raw.problem is not None:
            return self.reject(raw.line, raw.problem, raw.snippet)
        try:
            shape = self._decided or recognise(raw.value, self._field)
            seed = shape.read(raw.value)
            if self._longest is not None and len(seed.instruction) > self._longest:
                raise InputError(
                    f"the instruction has {len(seed.instruction):,} characters, and at most "
                    f"{self._longest:,} are evolved: it may be a whole document"
                )
        except InputError as exc:
            return self.reject(raw.line, str(exc), snippet_of(raw.value))
        if self._decided is None:
            # From a record that could be read: a broken one must not decide for the file.
            self._decided, self.shape = shape, shape.name
        return seed

    def reject(self, line: int, reason: str, snippet: str) -> None:
        """Count a record as unusable.

        Raises:
            InputError: Without `skip_bad`.
        """
        if not self._skip_bad:
            shape = f" (this file was read as: {self.shape})" if self.shape else ""
            # A reason that asks for --field is about the whole file: skipping will not help.
            remedy = "" if "--field" in reason else ". Correct it, or leave out bad records with --skip-bad"
            raise InputError(f"{self.source}, {self.unit} {line}: {reason}{shape}{remedy}")
        found = Reject(self.source, line, reason, snippet)
        self.rejected += 1
        self._first = self._first or found
        self._on_reject(found)

    def _nothing(self) -> str:
        first = self._first
        if first is None:
            return f"{self.source} holds no records"
        return (
            f"{self.source}: none of its {self.rejected:,} records can be used. "
            f"The first, {self.unit} {first.line}: {first.reason}"
        )
