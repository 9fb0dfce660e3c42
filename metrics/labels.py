"""Labelled evolutions: the file format of calibration, and its reader.

One JSON object a line (`#` comments and blank lines are not allowed):

- `id`: unique text; `original`, `evolved`: the instruction before and after (`evolved`
  may be null where the reply marked none); `response`: the answer to `evolved`, or null
  where none was requested;
- `ok`: usable as a harder training instruction; `fatal`: broken beyond use; true, false,
  or null where raters disagree;
- `kinds`: failure kinds that count as present; `kinds_either` (optional): kinds named by
  at least one rater. A kind only in the second is disputed and not counted either way;
- `raters` (optional): by rater `{"ok": ..., "kinds": [...], "severity": 0|1|2}`, where
  severity 2 is fatal; the first two raters give the agreement;
- `domain` (optional): what the task is about, math, code or general; `source`
  (optional): which evol LM and method made it; `strength` (optional): strong or weak, of that LM,
  else read from a source that calls it a frontier LM, or names a small model;
- `gain` (optional): how much harder it is by each rater, 0 not, 1 slightly, 2 clearly, 3 much;
  `response_ok` (optional): whether the response is right, or null;
- `weight`, `verdict` and `verdict_kinds` (optional, of `autoevol label`): how many pairs of a run this
  one stands for, and what the run's own detector said, `passed` or `failed`;
- `finish_reason`, `response_finish_reason`, `reply`, `note` (all optional).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoevol.core.errors import InputError
from autoevol.core.records import Evolution, FailureKind, Outcome, Trajectory, Verdict
from autoevol.metrics.domains import as_domain


@dataclass(frozen=True, slots=True)
class Labelled:
    """One evolution with its labels.

    Attributes:
        id: Unique in its file.
        trajectory: What was evolved and answered.
        usable: Usable as a harder instruction; None where raters disagree.
        fatal: Broken beyond use; None where raters disagree.
        kinds: Failure kinds that are present.
        disputed: Kinds that only some raters see.
        ratings: The labels of the first two raters as in the file, or none.
        note: Free text of whoever labelled it.
        domain: What the task is about, of `metrics.domains`; told by its text if the file does not say.
        strength: Of the LM that evolved it, `strong` or `weak`; "" if the file does not say.
        gain: Mean of the raters' gains, 0..3; None without them.
        response_right: Whether the response is right; None without a response or where raters disagree.
        weight: How many pairs of a run this one stands for; None where it is no sample of one.
        verdict: What the run's own detector said; None if the file does not say.
    """

    id: str
    trajectory: Trajectory
    usable: bool | None
    fatal: bool | None
    kinds: frozenset[FailureKind]
    disputed: frozenset[FailureKind] = frozenset()
    ratings: tuple[Mapping[str, object], ...] = field(default=(), repr=False)
    note: str = ""
    domain: str = ""
    strength: str = ""
    gain: float | None = None
    response_right: bool | None = None
    weight: float | None = None
    verdict: Verdict | None = None

    def has(self, kind: FailureKind) -> bool | None:
        """Whether the pair fails in this way; None where raters disagree."""
        return None if kind in self.disputed else kind in self.kinds

    def raters(self, question: str) -> tuple[bool, bool] | None:
        """Both raters' answers on `fatal`, `usable` or a kind; None without two raters."""
        if len(self.ratings) < 2:
            return None
        first, second = (_answer(rating, question) for rating in self.ratings[:2])
        return (first, second)


def load_labelled(path: str | Path) -> list[Labelled]:
    """Read a file of labelled pairs.

    Raises:
        InputError: If it cannot be read, is empty, repeats an id, or has a malformed line;
            the message names file and line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from error
    pairs: dict[str, Labelled] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            pair = parse_labelled(json.loads(line))
        except KeyError as error:
            raise InputError(f"{path}, line {number}: not a labelled evolution, it has no {error}") from error
        except (ValueError, TypeError) as error:
            raise InputError(f"{path}, line {number}: {error!r}") from error
        if pair.id in pairs:
            raise InputError(f"{path}, line {number}: id {pair.id!r} occurs twice")
        pairs[pair.id] = pair
    if not pairs:
        raise InputError(f"{path}: no labelled pairs")
    return list(pairs.values())


def parse_labelled(data: Mapping[str, object]) -> Labelled:
    """One labelled pair from its JSON object.

    Raises:
        KeyError: If a required key is missing.
        TypeError: If a value has the wrong type.
        ValueError: If a kind is unknown.
    """
    evolved, response = _text_or_none(data, "evolved"), _text_or_none(data, "response")
    reply = _text_or_none(data, "reply") if "reply" in data else None
    step = Evolution(
        instruction=_text(data, "original"),
        evolved=evolved,
        reply=reply if reply is not None else evolved or "",
        finish_reason=_text_or_none(data, "finish_reason") if "finish_reason" in data else None,
    )
    ended = _text_or_none(data, "response_finish_reason") if "response_finish_reason" in data else None
    kinds = _kinds(data["kinds"])
    raters = data.get("raters") or {}
    if not isinstance(raters, Mapping) or not all(isinstance(rating, Mapping) for rating in raters.values()):
        raise TypeError("raters must be an object with an object for each rater")
    return Labelled(
        id=_text(data, "id"),
        trajectory=Trajectory((step,), response, ended),
        usable=_flag(data, "ok"),
        fatal=_flag(data, "fatal"),
        kinds=kinds,
        disputed=_kinds(data.get("kinds_either", [])) - kinds,
        ratings=tuple(raters[name] for name in sorted(raters)),
        note=str(data.get("note", "")),
        domain=as_domain(str(data.get("domain") or ""), step.instruction),
        strength=str(data.get("strength") or strength_of(str(data.get("source") or ""))),
        gain=_mean_gain(data.get("gain")),
        response_right=_flag(data, "response_ok") if "response_ok" in data else None,
        weight=_weight(data.get("weight")),
        verdict=_verdict(data),
    )


def _weight(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < math.inf:
        raise ValueError(f"weight must be a number >= 1, got {value!r}")
    return float(value)


def _verdict(data: Mapping[str, object]) -> Verdict | None:
    if data.get("verdict") is None:
        return None
    kinds = data.get("verdict_kinds", [])
    if not isinstance(kinds, list):
        raise TypeError(f"verdict_kinds must be a list, got {kinds!r}")
    return Verdict(Outcome(data["verdict"]), tuple(FailureKind(kind) for kind in kinds))


_SMALL = re.compile(r"(?<![\w.])(?:\d{1,3}m|[0-3](?:\.\d+)?b)(?![a-z0-9])|smollm", re.IGNORECASE)


def strength_of(model: str) -> str:
    """`strong` or `weak`, as far as a name says so: "SmolLM2-135M, compact" is weak; "" as a rule."""
    return "strong" if "frontier" in model.lower() else "weak" if _SMALL.search(model) else ""


def _mean_gain(value: object) -> float | None:
    if value is None:
        return None
    gains: list[float] = []
    for gain in value if isinstance(value, list) else [value]:
        if isinstance(gain, bool) or not isinstance(gain, int | float):
            raise TypeError(f"gain must be a number or a list of numbers, got {value!r}")
        gains.append(gain)
    if any(not 0 <= gain <= 3 for gain in gains):
        raise ValueError(f"gains must be in 0..3, got {value!r}")
    return sum(gains) / len(gains) if gains else None


def _answer(rating: Mapping[str, object], question: str) -> bool:
    if question == "usable":
        return rating.get("ok") is True
    if question == "fatal":
        return rating.get("severity") == 2
    named = rating.get("kinds")
    return isinstance(named, list) and question in named


def _kinds(names: object) -> frozenset[FailureKind]:
    if not isinstance(names, list):
        raise TypeError(f"kinds must be a list, got {names!r}")
    return frozenset(FailureKind(name) for name in names)


def _text(data: Mapping[str, object], key: str) -> str:
    value = data[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} must be text, got {value!r}")
    return value


def _text_or_none(data: Mapping[str, object], key: str) -> str | None:
    return None if data[key] is None else _text(data, key)


def _flag(data: Mapping[str, object], key: str) -> bool | None:
    value = data[key]
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"{key} must be true, false or null, got {value!r}")
    return value
