"""How a data set is measured, and what of it is selected by what was measured."""

from __future__ import annotations

from dataclasses import dataclass

from autoevol.config.base import at_least, setting


@dataclass(frozen=True)
class QualityConfig:
    """Measures.

    Attributes:
        limit: Seeds, with all that was made of them.
        vectors: Folder of a model2vec model.
        tags: Without a judge model; with one, it names the tags.
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

    def __post_init__(self) -> None:
        at_least(1, self, "limit")
