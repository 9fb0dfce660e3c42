"""Complexity of instructions as a language model sees it: a score from 1 to 10, and tags.

The score is that of WizardLM's analysis (Xu et al., arXiv:2304.12244, section 4), requested as in
Deita (Liu et al., arXiv:2312.15685): all versions of an instruction go into one prompt, because
separate scores come out alike. The tags are those of InsTag (Lu et al., arXiv:2308.07074), from the
LM at hand instead of a trained tagger: the number of tags measures complexity, the number of
distinct tags in a set measures diversity.

Both are modules for the LM of the current `dspy.context`. A reply that cannot be read, or a
call that fails for good, gives None: not scored, which is neither simple nor complex.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import NamedTuple

import dspy

from autoevol.core.fence import fenced
from autoevol.core.records import digest
from autoevol.metrics.textual import clip
from autoevol.signatures.quality import ScoreComplexity, TagInstruction

MAX_TAGS = 40
"""A reply with more tags than this is a list gone wrong."""
MAX_TAG_WORDS = 8
"""A "tag" with more words is a sentence."""

_NUMBER = re.compile(r"(?<![\d.])\d{1,2}(?:\.\d{1,2})?(?![\d.]*\d)")
_SPLIT = re.compile(r"[,;\n]+")
_LEAD = re.compile(r"^(?:[-*•]|\d{1,2}[.)])\s+")


class ComplexityScorer(dspy.Module):
    """Scores several versions of one instruction side by side.

    Args:
        seed: Part of the hash that orders the versions, against position bias.
        adapter: How the prompt is written and the reply read; by default DSPy's chat adapter
            without its second try, so that an unreadable reply is not paid twice.
    """

    def __init__(self, seed: int = 0, adapter: dspy.Adapter | None = None) -> None:
        super().__init__()
        self.seed = seed
        self.adapter = adapter or dspy.ChatAdapter(use_json_adapter_fallback=False)
        self.score = dspy.Predict(ScoreComplexity)

    def forward(self, versions: Sequence[str]) -> dspy.Prediction:
        """Ask for the scores.

        Args:
            versions: An instruction and its rewrites, at least one.

        Returns:
            A prediction with `scores`: one float in 1..10 for each version, in the order
            given, or None where they cannot be had.

        Raises:
            ValueError: If there are no versions.
        """
        order = self.order(versions)
        try:
            with dspy.context(adapter=self.adapter):
                said = self.score(versions=_numbered([versions[place] for place in order]))
        except (dspy.LMError, dspy.AdapterParseError):
            return dspy.Prediction(scores=None)
        return dspy.Prediction(scores=_restored(read_scores(str(said.scores), len(order)), order))

    async def aforward(self, versions: Sequence[str]) -> dspy.Prediction:
        """As `forward`, without blocking the event loop."""
        order = self.order(versions)
        try:
            with dspy.context(adapter=self.adapter):
                said = await self.score.acall(versions=_numbered([versions[place] for place in order]))
        except (dspy.LMError, dspy.AdapterParseError):
            return dspy.Prediction(scores=None)
        return dspy.Prediction(scores=_restored(read_scores(str(said.scores), len(order)), order))

    def order(self, versions: Sequence[str]) -> list[int]:
        """Places of the versions in the order shown: a fair shuffle, the same in every run."""
        if not versions:
            raise ValueError("no versions to score")
        order = list(range(len(versions)))
        random.Random(digest(str(self.seed), *versions)).shuffle(order)
        return order


class Tagger(dspy.Module):
    """Names what an instruction asks for, as short tags. See `ComplexityScorer` for `adapter`."""

    def __init__(self, adapter: dspy.Adapter | None = None) -> None:
        super().__init__()
        self.adapter = adapter or dspy.ChatAdapter(use_json_adapter_fallback=False)
        self.tag = dspy.Predict(TagInstruction)

    def forward(self, instruction: str) -> dspy.Prediction:
        """Ask for the tags.

        Returns:
            A prediction with `tags`: a tuple of distinct lower-case tags in the order named,
            or None where they cannot be had.
        """
        try:
            with dspy.context(adapter=self.adapter):
                said = self.tag(instruction=fenced({"instruction": clip(instruction)}))
        except (dspy.LMError, dspy.AdapterParseError):
            return dspy.Prediction(tags=None)
        return dspy.Prediction(tags=read_tags(str(said.tags)))

    async def aforward(self, instruction: str) -> dspy.Prediction:
        """As `forward`, without blocking the event loop."""
        try:
            with dspy.context(adapter=self.adapter):
                said = await self.tag.acall(instruction=fenced({"instruction": clip(instruction)}))
        except (dspy.LMError, dspy.AdapterParseError):
            return dspy.Prediction(tags=None)
        return dspy.Prediction(tags=read_tags(str(said.tags)))


class TagStatistics(NamedTuple):
    """Tags of a set of instructions, as Auto Evol-Instruct reports them (its table 4).

    Attributes:
        tagged: Instructions with tags.
        unscored: Instructions whose tags could not be had; they count nowhere else.
        complexity: Mean number of tags of an instruction, >= 1; 0 if none is tagged.
        unique: Different tags in the whole set.
        diversity: `unique` by `tagged`, > 0; 0 if none is tagged. It falls with the size of
            the set, so compare sets of one size.
    """

    tagged: int
    unscored: int
    complexity: float
    unique: int
    diversity: float


def tag_statistics(tags: Sequence[Sequence[str] | None]) -> TagStatistics:
    """Count the tags of a set; None stands for an instruction that is not scored."""
    known = [set(names) for names in tags if names is not None]
    unique = len(set().union(*known))
    if not known:
        return TagStatistics(0, len(tags), 0.0, 0, 0.0)
    mean = sum(map(len, known)) / len(known)
    return TagStatistics(len(known), len(tags) - len(known), mean, unique, unique / len(known))


def read_scores(text: str, count: int) -> list[float] | None:
    """Read `count` scores in 1..10, separated by commas or lines; None if they are not there.

    "Version 2: 5" and "2. 5/10" are read as 5: of a part with a label the number behind it counts.
    """
    parts = [part.strip(" \t.*[]()") for part in _SPLIT.split(text.strip())]
    scores: list[float] = []
    for part in filter(None, parts):
        bare = re.sub(r"\s*(?:/|out of)\s*10\b", "", part)
        numbers = _NUMBER.findall(bare)
        if not numbers or len(numbers) > 2:
            return None
        scores.append(float(numbers[-1]))
    return scores if len(scores) == count and all(1 <= score <= 10 for score in scores) else None


def read_tags(text: str) -> tuple[str, ...] | None:
    """Read tags separated by commas or lines; None if there is none, or if it is no list of tags."""
    tags: dict[str, None] = {}
    for part in _SPLIT.split(text):
        tag = " ".join(_LEAD.sub("", part.strip()).strip(" \t\"'`[]*#.").lower().split())
        if tag and any(char.isalnum() for char in tag):
            tags[tag] = None
    if not 0 < len(tags) <= MAX_TAGS or any(len(tag.split()) > MAX_TAG_WORDS for tag in tags):
        return None
    return tuple(tags)


def _numbered(versions: Sequence[str]) -> str:
    return fenced({f"version {number}": clip(text) for number, text in enumerate(versions, start=1)})


def _restored(shown: list[float] | None, order: Sequence[int]) -> list[float] | None:
    if shown is None:
        return None
    scores = [0.0] * len(order)
    for place, score in zip(order, shown, strict=True):
        scores[place] = score
    return scores
