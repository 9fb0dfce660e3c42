"""How good is a failure detector? Labelled pairs in, confusion counts and intervals out.

Pure: nothing here calls a model. Each detector or ensemble is compared with human labels on every kind that
both know, on `fatal` (any kind of `FATAL_KINDS`) and on `usable` (no failure at all), beside the raters'
own agreement.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from autoevol.core.errors import InputError
from autoevol.core.records import FailureKind, Outcome, Verdict
from autoevol.metrics.base import Detector
from autoevol.metrics.fit import GainFit, gain_fit, unanimous
from autoevol.metrics.intervals import Interval, kappa, mcc, wilson
from autoevol.metrics.labels import Labelled
from autoevol.metrics.parts import parts_of
from autoevol.metrics.severity import SEVERITY, is_fatal
from autoevol.metrics.weighted import WeightedCase, Worth, worth_of

FORMAT_VERSION = 1
FATAL = "fatal"
USABLE = "usable"
RESPONSE = "response right"
"""Whether a judge recognises a right response, on pairs where it decided and the raters agree."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of decisions against labels; the question names the positive class.

    Attributes:
        tp: Positive by label and by detector.
        fp: Positive by detector only: a false alarm.
        fn: Positive by label only: a miss.
        tn: Negative by both.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    @property
    def total(self) -> int:
        """Number of pairs counted."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def recall(self) -> float:
        """Share of the labelled positives that is found, 0..1; nan where there is none."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else math.nan

    @property
    def precision(self) -> float:
        """Share of the found ones that is labelled so, 0..1; nan where nothing is found."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else math.nan

    @property
    def false_alarms(self) -> float:
        """Share of the labelled negatives that is flagged, 0..1; nan where there is none."""
        return self.fp / (self.fp + self.tn) if self.fp + self.tn else math.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0..1; nan where neither is defined."""
        wrong = self.fp + self.fn
        return 2 * self.tp / (2 * self.tp + wrong) if self.tp + wrong else math.nan

    @property
    def mcc(self) -> float:
        """Matthews correlation, -1..1."""
        return mcc(self.tp, self.fp, self.fn, self.tn)

    @property
    def recall_interval(self) -> Interval:
        """Wilson interval (95 %) of the recall."""
        return wilson(self.tp, self.tp + self.fn)

    @property
    def precision_interval(self) -> Interval:
        """Wilson interval (95 %) of the precision."""
        return wilson(self.tp, self.tp + self.fp)

    @property
    def false_alarms_interval(self) -> Interval:
        """Wilson interval (95 %) of the false-alarm rate."""
        return wilson(self.fp, self.fp + self.tn)


@dataclass(frozen=True, slots=True)
class Calibration:
    """One detector measured on one labelled set.

    Attributes:
        detector: Name of the detector.
        pairs: Number of judged pairs.
        unscored: Those among them without a decision (not counted below).
        confusions: By question: `fatal`, `usable`, and each kind. Pairs on which the raters
            disagree about a question are left out of that question.
        agreement: Kappa of the two raters by question, if both labelled.
        domain: Of the pairs, if all have the same; "" for all domains.
        strength: Of the LM that evolved them, if all have the same; "" for any.
        gain: Agreement with the raters' gains, if there are any.
        unanimous: Share of the pairs on which all samples of a judge gave the same severity, 0..1; None
            if it was sampled once.
        parts: The same by domain and by strength, if the pairs have several.
        worth: By question, `fatal` and `usable`, the estimate for the whole run if the pairs are a weighted
            sample of one; otherwise empty.
    """

    detector: str
    pairs: int
    unscored: int
    confusions: Mapping[str, Confusion]
    agreement: Mapping[str, float]
    domain: str = ""
    strength: str = ""
    gain: GainFit | None = None
    unanimous: float | None = None
    parts: tuple[Calibration, ...] = ()
    worth: Mapping[str, Worth] = field(default_factory=dict)

    @property
    def broken(self) -> int:
        """Number of scored pairs that are labelled fatal, the base of the recall."""
        fatal = self.confusions.get(FATAL, Confusion())
        return fatal.tp + fatal.fn

    @property
    def part(self) -> str:
        """Of which pairs, in words: "math, weak evol LM"; "" for all."""
        return ", ".join(filter(None, (self.domain, self.strength and f"{self.strength} evol LM")))

    def sentence(self) -> str:
        """The sentence printed beside every rate from this detector."""
        found = self.confusions.get(FATAL, Confusion())
        among = f" ({self.part})" if self.part else ""
        if math.isnan(found.recall):
            return (
                f"how many fatal cases this detector finds is unknown: none among {self.pairs} labelled "
                f"pairs{among}"
            )
        alarms = ""
        if not math.isnan(found.false_alarms):
            alarms = f", {_percent(found.false_alarms, found.false_alarms_interval)} false alarms"
        share = _percent(found.recall, found.recall_interval)
        return f"this detector finds {share} of fatal cases{alarms}, on {found.total} labelled pairs{among}"

    def to_json(self) -> dict[str, object]:
        """A JSON object that `from_json` reads back; a kappa that is not defined is null."""
        return {
            "version": FORMAT_VERSION,
            "detector": self.detector,
            "pairs": self.pairs,
            "unscored": self.unscored,
            "confusions": {question: asdict(counts) for question, counts in self.confusions.items()},
            "agreement": {q: None if math.isnan(value) else value for q, value in self.agreement.items()},
            **{name: value for name in ("domain", "strength") if (value := getattr(self, name))},
            **({"gain": self.gain.to_json()} if self.gain else {}),
            **({} if self.unanimous is None else {"unanimous": self.unanimous}),
            **({"parts": [part.to_json() for part in self.parts]} if self.parts else {}),
            **({"worth": {q: worth.to_json() for q, worth in self.worth.items()}} if self.worth else {}),
        }

    @staticmethod
    def from_json(data: Mapping[str, object]) -> Calibration:
        """Read what `to_json` wrote.

        Raises:
            InputError: If it is not a calibration of this version.
        """
        try:
            if data["version"] != FORMAT_VERSION:
                raise InputError(f"calibration of version {data['version']}, expected {FORMAT_VERSION}")
            confusions = {str(q): Confusion(**counts) for q, counts in _items(data["confusions"])}
            agreement = {str(q): math.nan if v is None else float(v) for q, v in _items(data["agreement"])}
            return Calibration(
                str(data["detector"]),
                int(str(data["pairs"])),
                int(str(data["unscored"])),
                confusions,
                agreement,
                str(data.get("domain", "")),
                str(data.get("strength", "")),
                GainFit.from_json(dict(_items(data["gain"]))) if "gain" in data else None,
                float(str(data["unanimous"])) if "unanimous" in data else None,
                tuple(Calibration.from_json(dict(_items(part))) for part in _list(data.get("parts", []))),
                {str(q): Worth.from_json(worth) for q, worth in _items(data.get("worth", {}))},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"not a saved calibration: {error}") from error


def _percent(share: float, interval: Interval) -> str:
    """`60 % [31, 83]`: with its 95 % interval."""
    return f"{100 * share:.0f} % [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"


_Judged = list[tuple[Labelled, Verdict]]


def calibrate_detector(pairs: Sequence[Labelled], detector: Detector) -> Calibration:
    """Judge every pair with `detector` and count its decisions against the labels."""
    verdicts = [detector.judge(pair.trajectory) for pair in pairs]
    return count_verdicts(pairs, verdicts, detector.name, detector.kinds)


def count_verdicts(
    pairs: Sequence[Labelled], verdicts: Sequence[Verdict], name: str, kinds: Iterable[FailureKind]
) -> Calibration:
    """Count given verdicts (such as an LM judge's) against the labels.

    Args:
        pairs: The labelled pairs.
        verdicts: One verdict per pair, in the same order.
        name: Name of the detector.
        kinds: The failure kinds that it can detect; others are not counted against it.
    """
    seen = frozenset(kinds)
    parts = tuple(
        replace(
            _measure([pairs[place] for place in places], [verdicts[place] for place in places], name, seen),
            domain=domain,
            strength=strength,
        )
        for (domain, strength), places in parts_of(pairs)
    )
    return replace(_measure(pairs, verdicts, name, seen), parts=parts)


def _measure(
    pairs: Sequence[Labelled], verdicts: Sequence[Verdict], name: str, kinds: frozenset[FailureKind]
) -> Calibration:
    judged = [(p, v) for p, v in zip(pairs, verdicts, strict=True) if v.outcome is not Outcome.UNSCORED]
    confusions = {
        FATAL: _count(judged, lambda p: p.fatal, is_fatal),
        USABLE: _count(judged, lambda p: p.usable, lambda v: v.outcome is Outcome.PASSED),
    }
    for kind in (kind for kind in SEVERITY if kind in kinds):
        counts = _count(judged, lambda p, kind=kind: p.has(kind), lambda v, kind=kind: kind in v.kinds)
        if counts.tp + counts.fn + counts.fp:
            confusions[str(kind)] = counts
    rights = [(p, v) for p, v in judged if v.assessment and v.assessment.response_right is not None]
    if rights:
        confusions[RESPONSE] = _count(rights, lambda p: p.response_right, _right)
    agreement = {question: _agreement(pairs, question) for question in confusions}
    return Calibration(
        name,
        len(pairs),
        len(pairs) - len(judged),
        confusions,
        agreement,
        gain=gain_fit(judged),
        unanimous=unanimous(judged),
        worth=_worth(judged),
    )


def _worth(judged: _Judged) -> dict[str, Worth]:
    """The quality of the verdicts on the whole run that the pairs are a sample of."""
    weighted = [(p, v, p.weight) for p, v in judged if p.weight is not None and p.verdict is not None]
    if not weighted or len(weighted) < len(judged):
        return {}
    found: dict[str, Worth] = {}
    for question, truth, decided in (
        (FATAL, lambda p: p.fatal, is_fatal),
        (USABLE, lambda p: p.usable, lambda v: v.outcome is Outcome.PASSED),
    ):
        cases = [
            WeightedCase(p.verdict.outcome, weight, label, decided(v))
            for p, v, weight in weighted
            if (label := truth(p)) is not None and p.verdict is not None
        ]
        if cases:
            found[question] = worth_of(cases)
    return found


def own_verdicts(pairs: Sequence[Labelled]) -> list[Calibration]:
    """The calibration of the run's own detector, from the verdicts in the file; empty without them."""
    verdicts = [pair.verdict for pair in pairs if pair.verdict is not None]
    if not verdicts or len(verdicts) < len(pairs):
        return []
    return [count_verdicts(pairs, verdicts, "the run's own detector", FailureKind)]


def load(path: str | Path) -> list[Calibration]:
    """Read calibrations from a JSON list of `Calibration.to_json` objects.

    Raises:
        InputError: If the file cannot be read as calibrations.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}") from error
    if not isinstance(data, list):
        raise InputError(f"{path}: expected a list of calibrations")
    return [Calibration.from_json(entry) for entry in data]


def _count(
    judged: _Judged, truth: Callable[[Labelled], bool | None], decided: Callable[[Verdict], bool]
) -> Confusion:
    cells = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for pair, verdict in judged:
        label = truth(pair)
        if label is not None:
            cells[label, decided(verdict)] += 1
    return Confusion(cells[True, True], cells[False, True], cells[True, False], cells[False, False])


def _right(verdict: Verdict) -> bool:
    return verdict.assessment is not None and verdict.assessment.response_right is True


def _agreement(pairs: Sequence[Labelled], question: str) -> float:
    answers = [pair.raters(question) for pair in pairs]
    both = [(a, b) for answer in answers if answer is not None for a, b in (answer,)]
    return kappa(
        sum(a and b for a, b in both),
        sum(a and not b for a, b in both),
        sum(b and not a for a, b in both),
        sum(not a and not b for a, b in both),
    )


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("expected a list")
    return value


def _items(value: object) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise TypeError("expected an object")
    return value.items()
