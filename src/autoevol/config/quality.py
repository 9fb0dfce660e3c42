"""How a data set is measured, and what of it is selected by what was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autoevol.config.base import at_least, setting
from autoevol.core.errors import InputError


@dataclass(frozen=True)
class QualityConfig:
    """Measures.

    Attributes:
        limit: Seeds, with all that was made of them.
        vectors: Folder of a model2vec model.
        tags: Without a judge model; with one, it names the tags.
        predictors: A model in this process, as `--evol-model` names one.
    """

    limit: int = setting(1_000, "Look at at most this many seeds.", decides=False)
    vectors: str | None = setting(
        None,
        "Measure diversity on the word vectors of this model2vec model (a folder) instead of TF-IDF.",
        decides=False,
    )
    tags: bool = setting(
        False, "Without --judge-model: have the evol model name what each instruction asks for."
    )

    predictors: str | None = setting(
        None,
        "Model in this process that says how hard each pair is (IFD, IC-IFD): local/smollm2 or "
        "local/FILE.gguf.",
    )

    def __post_init__(self) -> None:
        at_least(1, self, "limit")


@dataclass(frozen=True)
class SelectConfig:
    """Selection by what was measured.

    Attributes:
        keep_ifd: `LOW:HIGH`, either end may be missing.
        keep_unscored: Whether a row without an IFD stays.
    """

    keep_ifd: str | None = setting(
        None, "Keep only rows with an IFD in this range, such as 0.1:1.0; see `quality --predictors`."
    )
    keep_unscored: bool = setting(False, "With --keep-ifd: keep rows that have none.")

    def __post_init__(self) -> None:
        if self.keep_unscored and self.keep_ifd is None:
            raise InputError("--keep-unscored needs --keep-ifd")
        self.ifd_range  # noqa: B018 (refused here, before anything is read)

    @property
    def ifd_range(self) -> tuple[float, float] | None:
        """Least and largest IFD that stays; None where all do.

        Raises:
            InputError: If `keep_ifd` is no range.
        """
        if self.keep_ifd is None:
            return None
        low, colon, high = self.keep_ifd.partition(":")
        try:
            ends = float(low or 0), float(high or math.inf)
        except ValueError:
            ends = math.nan, math.nan
        if not colon or not 0 <= ends[0] <= ends[1]:
            raise InputError(f"--keep-ifd: write it as LOW:HIGH, such as 0.1:1.0, got {self.keep_ifd}")
        return ends
