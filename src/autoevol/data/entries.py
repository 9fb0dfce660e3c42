"""Raw records in, records with the seed that each holds out; what cannot be used is counted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from autoevol.core.errors import InputError
from autoevol.data.conversation import Conversation
from autoevol.data.files import Raw, snippet_of
from autoevol.data.shapes import Seed, Shape, recognise
from autoevol.data.sources import Source
from autoevol.data.turns import Exchange


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
class SeedRecord:
    """One usable record.

    Attributes:
        place: Where it stands, for reports: `line 3`, `b.jsonl, line 3` in one of several files.
        value: Itself, as parsed.
        conversation: Its turns.
        first: The first of them that may be evolved, with its answer and what went before.
    """

    place: str
    value: object
    conversation: Conversation
    first: Exchange

    @property
    def seed(self) -> Seed:
        """The instruction and the answer of the first exchange."""
        return Seed(self.first.instruction, self.first.answer)


class EntryStream(Iterator[SeedRecord]):
    """Usable records as they are read. Memory grows by the rejects only, if at all.

    With `longest`, a record whose instruction has more characters is unusable. With
    `on_reject`, rejects are reported and not kept. With `start`, that many records are skipped
    (the shape is still decided by the first that can be read).

    Use it as a context manager, or exhaust it, to close the file at once.

    Attributes:
        source: The source as messages call it.
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
        self.shape = ""
        self.rejects: list[Reject] = []
        self.rejected = 0
        self.record = -1
        self._start = start
        self._on_reject = on_reject or self.rejects.append
        self._first: str | None = None
        self._found = found
        self._raw = Raw(0, None)
        self._field = field
        self._skip_bad = skip_bad
        self._longest = longest
        self._decided: Shape | None = None
        self._entries = self._read()

    def __next__(self) -> SeedRecord:
        return next(self._entries)

    def __enter__(self) -> EntryStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._entries.close()

    def _read(self) -> Generator[SeedRecord, None, None]:
        usable = False
        with contextlib.closing(self._found.records) as records:
            for self.record, self._raw in enumerate(records):
                if self.record < self._start:
                    usable = usable or self._decides(self._raw)
                elif (entry := self._entry(self._raw)) is not None:
                    usable = True
                    yield entry
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

    def _entry(self, raw: Raw) -> SeedRecord | None:
        """The record with its seed; None if it was rejected."""
        if raw.problem is not None:
            return self.reject(raw.problem, raw.snippet)
        try:
            shape = self._decided or recognise(raw.value, self._field)
            conversation = shape.conversation(raw.value)
            first = conversation.first
            if self._longest is not None and len(first.instruction) > self._longest:
                raise InputError(
                    f"the instruction has {len(first.instruction):,} characters, and at most "
                    f"{self._longest:,} are evolved: it may be a whole document"
                )
        except InputError as exc:
            return self.reject(str(exc), snippet_of(raw.value))
        if self._decided is None:
            # From a record that could be read: a broken one must not decide for the file.
            self._decided, self.shape = shape, shape.name
        return SeedRecord(self._place(raw), raw.value, conversation, first)

    def _place(self, raw: Raw) -> str:
        place = f"{self._found.unit} {raw.line}"
        return place if raw.file is None else f"{raw.file}, {place}"

    def reject(self, reason: str, snippet: str) -> None:
        """Count the record that was read last as unusable.

        Raises:
            InputError: Without `skip_bad`.
        """
        raw = self._raw
        file = raw.file or self.source
        place = f"{file}, {self._found.unit} {raw.line}"
        if not self._skip_bad:
            shape = f" (this file was read as: {self.shape})" if self.shape else ""
            # A reason that asks for --field is about the whole file: skipping will not help.
            remedy = "" if "--field" in reason else ". Correct it, or leave out bad records with --skip-bad"
            raise InputError(f"{place}: {reason}{shape}{remedy}")
        found = Reject(file, raw.line, reason, snippet)
        self.rejected += 1
        self._first = self._first or f"The first, {self._place(raw)}: {reason}"
        self._on_reject(found)

    def _nothing(self) -> str:
        if self._first is None:
            return f"{self.source} holds no records"
        return f"{self.source}: none of its {self.rejected:,} records can be used. {self._first}"
