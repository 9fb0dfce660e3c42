"""Diversity under other embeddings than TF-IDF."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.errors import InputError
from autoevol.metrics.embeddings import Matrix, model2vec_embedder, unit
from autoevol.metrics.quality import cluster_coverage, vendi


def by_first_letter(texts: Sequence[str]) -> Matrix:
    """One axis a first letter, of any length; blank texts are zero."""
    vectors = np.zeros((len(texts), 26))
    for row, text in enumerate(texts):
        if text:
            vectors[row, ord(text[0]) - ord("a")] = 1.0 + len(text)
    return vectors


def test_the_measures_follow_the_embedding() -> None:
    texts = ["apple", "ant", "bee", "bear", "cat", "cow"]
    assert vendi(texts, by_first_letter) == pytest.approx(3)
    assert vendi(texts) == pytest.approx(6)
    assert vendi([], by_first_letter) == 0
    assert cluster_coverage(["axe", "bus"], texts, 3, embed=by_first_letter).share == pytest.approx(2 / 3)


def test_unit_rows_and_zero_rows() -> None:
    found = unit(by_first_letter(["a", "", "", "abc"]), 4)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(4))
    assert found[1] @ found[2] == 0
    assert found[0] @ found[3] == pytest.approx(1)
    for wrong in (np.zeros(3), np.zeros((2, 4)), np.full((3, 1), np.nan)):
        with pytest.raises(ValueError, match="must be a finite"):
            unit(wrong, 3)


def test_a_missing_model_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        model2vec_embedder(tmp_path / "nowhere")
    if importlib.util.find_spec("model2vec") is None:
        with pytest.raises(InputError, match="not installed"):
            model2vec_embedder(tmp_path)


def test_a_folder_without_a_model_is_said_at_the_first_call(tmp_path: Path) -> None:
    pytest.importorskip("model2vec", reason="model2vec is not installed (the embed extra)")
    with pytest.raises(InputError, match="not a model2vec model"):
        model2vec_embedder(tmp_path)(["a text"])


def test_static_vectors_of_a_tiny_model(tmp_path: Path) -> None:
    model2vec = pytest.importorskip("model2vec", reason="model2vec is not installed (the embed extra)")
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[UNK]": 0, "dog": 1, "cat": 2, "star": 3}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    vectors = np.array([[0, 0, 1], [1, 0, 0], [1, 0.1, 0], [0, 1, 0]], dtype=np.float32)
    model2vec.StaticModel(vectors, tokenizer).save_pretrained(str(tmp_path))
    embed = model2vec_embedder(tmp_path)
    assert vendi(["dog", "cat"], embed) < 1.1 < 1.9 < vendi(["dog", "star"], embed)


@given(
    st.lists(st.lists(st.floats(-1e300, 1e300, allow_subnormal=False), min_size=3, max_size=3), max_size=6)
)
def test_rows_get_length_one_and_keep_their_angles(rows: list[list[float]]) -> None:
    given_rows = np.asarray(rows, dtype=float).reshape(len(rows), 3)
    found = unit(given_rows, len(rows))
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(rows)))
    cosines = found @ found.T
    assert (np.abs(cosines) <= 1 + 1e-9).all()
    assert unit(given_rows * 0.5, len(rows)) @ unit(given_rows * 0.5, len(rows)).T == pytest.approx(cosines)
