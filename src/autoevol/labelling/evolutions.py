"""Labelling evolutions: severity, kinds, gain, and whether the response is right."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autoevol.core.errors import InputError
from autoevol.core.records import FailureKind
from autoevol.core.schema import Document
from autoevol.core.text import printable
from autoevol.labelling.form import Labels, by_item, majority, note_of
from autoevol.pages.diff import word_diff

KINDS = (
    FailureKind.STAGNANT,
    FailureKind.CONTRADICTORY,
    FailureKind.UNSOLVABLE,
    FailureKind.LOST_INFORMATION,
    FailureKind.ANSWERED,
    FailureKind.LEAKED,
    FailureKind.OFF_TASK,
)
"""What a reader is asked about; the others are facts that a program sees."""


@dataclass(frozen=True, slots=True)
class EvolutionItem:
    """One evolution to be labelled.

    Attributes:
        id: Unique in its task.
        original: The instruction before.
        evolved: The instruction after.
        response: The answer to it, if there is one.
        source: Which model and method made it; never shown to a rater.
        verdict: What the run's detector said, `passed` or `failed`; "" where nobody asked one.
        kinds: The failure kinds that it named.
        weight: How many pairs of the run this one stands for, >= 1.
        finish_reason: Why the reply that held it ended.
        response_finish_reason: Why the response ended.
        reply: The whole reply, where it was kept.
    """

    id: str
    original: str
    evolved: str
    response: str | None = None
    source: str = ""
    verdict: str = ""
    kinds: tuple[str, ...] = ()
    weight: float = 1.0
    finish_reason: str | None = None
    response_finish_reason: str | None = None
    reply: str | None = None


@dataclass(frozen=True)
class EvolutionForm(Document, schema="autoevol.label-evolutions/1"):
    """Evolutions to be labelled; see `Form`.

    Attributes:
        source: Folder or file that they were read from.
        seed: See `Form`.
        items: In the order in which they were read.
        sample: How many were asked for; None for all.
        whole: Pairs by the detector's verdict in all that was read.
    """

    source: str
    seed: int
    items: tuple[EvolutionItem, ...]
    sample: int | None = None
    whole: Mapping[str, int] | None = None

    kind = "evolutions"
    file = "labelled.jsonl"

    @property
    def ids(self) -> tuple[str, ...]:
        """See `Form`."""
        return tuple(item.id for item in self.items)

    def shown(self, item: str, rater: str) -> dict[str, Any]:
        """See `Form`."""
        one = self._item(item)
        return {
            "id": one.id,
            "original": printable(one.original),
            "evolved": [
                (change.kind, printable(change.text)) for change in word_diff(one.original, one.evolved)
            ],
            "response": None if one.response is None else printable(one.response),
        }

    def checked(self, item: str, rater: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """See `Form`: severity 0, 1 or 2; kinds only above 0; gain 0..3 or null; response_ok."""
        severity, gain, right = said.get("severity"), said.get("gain"), said.get("response_ok")
        kinds = said.get("kinds", [])
        if type(severity) is not int or severity not in (0, 1, 2):
            raise InputError("say first whether it is usable, faulty or broken")
        if not isinstance(kinds, list) or not set(kinds) <= set(KINDS):
            raise InputError(f"kinds must be of {', '.join(KINDS)}")
        if kinds and not severity:
            raise InputError("what is usable has no failure kinds")
        if gain is not None and (type(gain) is not int or gain not in (0, 1, 2, 3)):
            raise InputError("gain is 0, 1, 2 or 3")
        if right not in (True, False, None) or (right is not None and self._item(item).response is None):
            raise InputError("response_ok is true, false or null, and null without a response")
        return {
            "ok": severity == 0,
            "kinds": [kind.value for kind in KINDS if kind in kinds],
            "severity": severity,
            "response_ok": right,
            "gain": gain,
            "note": note_of(said),
        }

    def records(self, labels: Labels) -> Iterator[dict[str, Any]]:
        """See `Form`; the format of `metrics.labels`, which `calibrate` reads."""
        for item in self.items:
            raters = by_item(item.id, labels)
            if raters:
                yield _record(item, raters)

    def answers(self, labels: Labels) -> dict[str, list[list[Hashable]]]:
        """See `Form`."""
        rated = [list(by_item(item.id, labels).values()) for item in self.items]
        both = [said for said in rated if len(said) > 1]
        asked: dict[str, list[list[Hashable]]] = {
            "usable": [[label["ok"] for label in said] for said in both],
            "broken": [[label["severity"] == 2 for label in said] for said in both],
        }
        for kind in KINDS:
            answers = [[kind in label["kinds"] for label in said] for said in both]
            if any(any(said) for said in answers):
                asked[kind.value] = [list(said) for said in answers]
        for name, question in (("gain", "gain"), ("response right", "response_ok")):
            known = [[label[question] for label in said if label[question] is not None] for said in both]
            if several := [said for said in known if len(said) > 1]:
                asked[name] = several
        return asked

    def _item(self, name: str) -> EvolutionItem:
        return next(item for item in self.items if item.id == name)


def _record(item: EvolutionItem, raters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    said = list(raters.values())
    named = {kind: [kind in label["kinds"] for label in said] for kind in KINDS}
    rights = [label["response_ok"] for label in said if label["response_ok"] is not None]
    gains = [label["gain"] for label in said if label["gain"] is not None]
    return {
        "id": item.id,
        **({"source": item.source} if item.source else {}),
        "original": item.original,
        "evolved": item.evolved,
        "response": item.response,
        "ok": majority([label["ok"] for label in said]),
        "fatal": majority([label["severity"] == 2 for label in said]),
        "kinds": [kind.value for kind, votes in named.items() if majority(votes)],
        "kinds_either": [kind.value for kind, votes in named.items() if any(votes)],
        "response_ok": majority(rights) if rights else None,
        **({"gain": gains} if gains else {}),
        "raters": raters,
        **({"verdict": item.verdict, "verdict_kinds": item.kinds} if item.verdict else {}),
        **({"weight": item.weight} if item.verdict else {}),
        **({} if item.reply is None else {"reply": item.reply}),
        "finish_reason": item.finish_reason,
        "response_finish_reason": item.response_finish_reason,
    }
