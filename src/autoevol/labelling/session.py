"""One rater at work: what comes next, what was said, and how it is taken back."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autoevol.core.errors import InputError
from autoevol.core.seeds import derived_random
from autoevol.labelling.form import Form, Label
from autoevol.store.labels import LabelFolder, read_logs

SCHEMA = "autoevol.label/1"


class LabelSession:
    """The items of a form in an order of the rater's own, and the labels so far.

    Every method may be called from several threads. A label is on disk, in the rater's log and in
    the file of labels, before `label` returns.

    Args:
        folder: Where labels are kept.
        form: What is asked.
        rater: Who answers.

    Raises:
        InputError: If the rater's name cannot be that of a file, or differs from another's in case only.
        StoreError: If a log is damaged.
    """

    def __init__(self, folder: LabelFolder, form: Form, rater: str) -> None:
        self._folder, self._form, self.rater = folder, form, rater
        self._order = derived_random(form.seed, "order", rater).sample(form.ids, len(form.ids))
        self._guard = threading.Lock()
        logs = read_logs(folder.path)
        # Where file names ignore case, both would write to one log.
        if rater not in logs and (same := [name for name in logs if name.casefold() == rater.casefold()]):
            raise InputError(
                f"--rater {rater!r}: {same[0]!r} has labelled here; names must differ in more than case"
            )
        self._labels = {name: standing(lines) for name, lines in logs.items()}
        self._own = self._labels.setdefault(rater, {})
        self._skipped: list[str] = []
        self._again: str | None = None
        self._before: Label | None = None
        self.file = self._write()

    @property
    def done(self) -> int:
        """Items that this rater has labelled."""
        return len(self._own)

    @property
    def total(self) -> int:
        """Items in all."""
        return len(self._order)

    def current(self) -> dict[str, Any]:
        """What the page shows: how far it is, and the next item, if one is left."""
        with self._guard:
            return self._current()

    def label(self, item: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """Keep what was said of an item, and give what comes next.

        Raises:
            InputError: If there is no such item, or it cannot be said of it.
            StoreLost: If the disk refuses; the label is not kept then.
        """
        with self._guard:
            if item not in self._order:
                raise InputError("there is no such item: load the page again")
            label = self._form.checked(item, self.rater, said)
            self._note(item, label)
            self._own.pop(item, None)  # what was said last stands last
            self._own[item] = label
            self._again, self._before = None, None
            self._write()
            return self._current()

    def undo(self) -> dict[str, Any]:
        """Take the last label back, and show its item again with what was said of it."""
        with self._guard:
            if not self._own:
                raise InputError("there is nothing to take back")
            item = next(reversed(self._own))
            self._note(item, None)
            self._again, self._before = item, self._own.pop(item)
            self._write()
            return self._current()

    def skip(self, item: str) -> dict[str, Any]:
        """Put an item behind all others, until the page is served again."""
        with self._guard:
            if item in self._order and item not in self._own:
                self._skipped = [*(name for name in self._skipped if name != item), item]
                self._again, self._before = None, None
            return self._current()

    def _current(self) -> dict[str, Any]:
        left = [name for name in self._order if name not in self._own and name not in self._skipped]
        waiting = [*left, *(name for name in self._skipped if name not in self._own)]
        item = self._again or (waiting[0] if waiting else None)
        return {
            "kind": self._form.kind,
            "rater": self.rater,
            "done": self.done,
            "total": self.total,
            "item": self._form.shown(item, self.rater) if item else None,
            "before": self._before if item == self._again else None,
        }

    def _note(self, item: str, label: Label | None) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self._folder.append(self.rater, {"schema": SCHEMA, "item": item, "label": label, "at": at})

    def _write(self) -> Path:
        return self._folder.write(self._form.file, self._form.records(self._labels))


def standing(lines: list[dict[str, Any]]) -> dict[str, Label]:
    """The labels that stand, the latest last."""
    labels: dict[str, Label] = {}
    for line in lines:
        labels.pop(line["item"], None)
        if line["label"] is not None:
            labels[line["item"]] = line["label"]
    return labels
