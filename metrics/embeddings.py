"""Embeddings for the diversity measures: TF-IDF by default, static word vectors on request.

An embedding is a function from texts to a matrix (texts, features); its rows need not have
unit length, `unit` sees to that.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoevol.core.errors import InputError

Matrix = npt.NDArray[np.float64]
Embed = Callable[[Sequence[str]], Matrix]


def unit(vectors: npt.ArrayLike, rows: int) -> Matrix:
    """Vectors with rows of length 1; a row of zeros gets an axis of its own, like nothing else.

    Args:
        vectors: What an embedding returned.
        rows: The number of texts that it was given.

    Raises:
        ValueError: If it is no matrix with one row a text, or holds what is no number.
    """
    given = np.asarray(vectors, dtype=np.float64)
    if given.ndim != 2 or len(given) != rows or not np.isfinite(given).all():
        raise ValueError(f"an embedding of {rows} texts must be a finite ({rows}, features) matrix")
    # Divided by its largest part first: the square of a tiny or huge number is 0 or infinite.
    largest = np.abs(given).max(axis=1, initial=0.0)
    empty = np.flatnonzero(largest == 0)
    own = np.zeros((rows, len(empty)))
    own[empty, np.arange(len(empty))] = 1.0
    given = given / np.where(largest == 0, 1.0, largest)[:, None]
    norms = np.linalg.norm(given, axis=1)
    return np.hstack([given / np.where(norms == 0, 1.0, norms)[:, None], own])


def model2vec_embedder(path: str | Path) -> Embed:
    """Embeddings of a model2vec model (static word vectors) in a local folder.

    The model is loaded when the first texts come. Needs `pip install "autoevol[embed]"`.

    Args:
        path: Folder of the model. Nothing is ever downloaded.

    Raises:
        InputError: If the folder or the package is missing; at the first call, if the folder
            does not hold a model.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{path}: no folder of a model2vec model")
    if importlib.util.find_spec("model2vec") is None:
        raise InputError('model2vec is not installed: pip install "autoevol[embed]"')
    loaded: list[Any] = []

    def embed(texts: Sequence[str]) -> Matrix:
        if not loaded:
            try:
                loaded.append(importlib.import_module("model2vec").StaticModel.from_pretrained(str(folder)))
            except Exception as error:
                raise InputError(f"{folder}: not a model2vec model: {error}") from error
        return np.asarray(loaded[0].encode(list(texts)), dtype=np.float64)

    return embed
