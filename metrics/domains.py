"""What is a task about: mathematics, code, or anything else? Told by its text."""

from __future__ import annotations

import re
from collections import Counter

from autoevol.metrics.lexicon import word_set
from autoevol.metrics.textual import view

MATH, CODE, GENERAL = "math", "code", "general"
DOMAINS = (MATH, CODE, GENERAL)

_SAME = {"mathematics": MATH, "maths": MATH, "programming": CODE, "coding": CODE, "chat": GENERAL}
_CODE_WORDS = word_set(
    """python javascript java sql html css regex php ruby rust golang bash typescript json xml api c++
    algorithm pseudocode compiler dataframe tuple boolean subroutine"""
)
# Of two meanings each: a program is one only where it is to be written, mended or run.
_MAYBE_CODE = word_set(
    "function code program script class method loop array string list query database variable"
)
_MAKES = word_set(
    """write create implement fix debug refactor develop construct design generate edit modify return returns
    takes rewrite convert given output print def"""
)
_CODE_MARKS = re.compile(
    r"```|\bdef \w+\(|\b\w+\(\w*\) ?[{:;]|;\s*\n|</\w+>|\w+ = [\[({\"']|\bSELECT\b.{1,80}\bFROM\b"
)
_MATH_WORDS = word_set(
    """equation equations probability ratio percent percentage area perimeter volume radius triangle
    polynomial integral derivative divisible fraction median"""
)


def domain_of(text: str) -> str:
    """`math`, `code` or `general`; a crude look that needs no model."""
    seen = view(text)
    if seen.has(_CODE_WORDS) or _CODE_MARKS.search(seen.text):
        return CODE
    if seen.has(_MAYBE_CODE) and seen.has(_MAKES) and not seen.quantitative:
        return CODE
    asks_amount = seen.quantitative or (len(seen.quantities) >= 2 and "how" in seen.vocabulary)
    if "\n" not in seen.text.strip() and (asks_amount or (seen.values and seen.has(_MATH_WORDS))):
        return MATH
    return GENERAL


def as_domain(named: str, text: str) -> str:
    """The domain that a label names; told by the text where it names none of the three."""
    name = named.strip().lower()
    name = _SAME.get(name, name)
    return name if name in DOMAINS else domain_of(text)


def main_domain(counts: Counter[str], share: float = 0.8) -> str:
    """The domain of at least `share` of the texts, 0..1; "" where they are mixed, or none.

    Args:
        counts: Texts by domain.
        share: The rest may be anything: domains are told by a crude look.
    """
    if not counts:
        return ""
    domain, count = counts.most_common(1)[0]
    return domain if count >= share * counts.total() else ""
