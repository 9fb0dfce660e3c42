"""Files that autoevol 0.1.0 left, in the shapes of today. They carry no schema and count as version 1.

What has changed since: a p-value stood beside the difference that it belongs to, and the difference
of a run was called `rate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def run_of_1(summary: Json) -> Json:
    """A `summary.json` of version 1."""
    optimization = summary.get("optimization")
    if not optimization:
        return summary
    return {**summary, "optimization": _joined(optimization, "change")}


def transfer_of_1(transfer: Json) -> Json:
    """A `transfer.json` of version 1."""
    return {**transfer, "methods": [_joined(one, "difference") for one in transfer.get("methods", ())]}


def search_of_1(search: Json) -> Json:
    """A `search.json` of version 1."""
    holdout = search.get("holdout")
    return {**search, "holdout": holdout and [_joined(one, "difference") for one in holdout]}


def passport_of_1(passport: Json) -> Json:
    """A `passport.json` of version 1.

    Its holdout has a p-value and no interval, so no paired test can be made of it: what the test
    said stays readable in the sentence of the verdict.
    """
    return {**passport, "transfer": [_joined(one, "difference") for one in passport.get("transfer", ())]}


def _joined(record: Json, key: str) -> Json:
    """`record` with its p-value in the paired test under `key`."""
    gap = record.get(key)
    if not gap:
        return record
    difference = gap["difference"] if "difference" in gap else gap["rate"]
    whole = {**gap, "difference": difference, "p_value": record.get("p_value")}
    return {**record, key: whole}
