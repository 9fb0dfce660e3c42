"""Examples that a trainer would cut."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.config import ExportConfig
from autoevol.core.errors import InputError
from autoevol.data.turns import Speaker
from autoevol.dataset.examples import Example, Turn
from autoevol.dataset.export import export_file
from autoevol.dataset.lengths import Lengths, estimated_tokens

Write = Callable[[str, object], Path]


def example(text: str) -> Example:
    return Example((Turn(Speaker.USER, text), Turn(Speaker.ASSISTANT, "x", thinking="y")), {})


@given(st.text(), st.text())
def test_the_estimate_grows_with_the_text(first: str, second: str) -> None:
    whole = estimated_tokens(first + second)
    assert max(estimated_tokens(first), estimated_tokens(second)) <= whole
    assert whole <= estimated_tokens(first) + estimated_tokens(second) <= whole + 1


def test_the_estimate_counts_letters_outside_ascii_whole() -> None:
    assert [estimated_tokens(text) for text in ("", "a", "four", "fives", "天空", "天空 sky!")] == [
        0, 1, 1, 2, 2, 4,
    ]  # fmt: skip


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=50), st.integers(1, 6000))
def test_every_example_is_in_one_class_of_the_histogram(sizes: list[int], most: int) -> None:
    lengths = Lengths(most)
    fitting = [lengths.fits(example("a" * (4 * size))) for size in sizes]
    tokens = [size + 2 + 10 for size in sizes]
    assert fitting == [count <= most for count in tokens]
    assert (lengths.longer, lengths.longest) == (fitting.count(False), max(tokens))
    rows = [line.split("<-")[0].split() for line in lengths.histogram()]
    assert sum(int(row[-1]) for row in rows) == len(sizes)
    spans = [(int(row[0].replace(",", "")), int(row[2].replace(",", ""))) for row in rows]
    assert all(high + 1 == low for (_, high), (low, _) in itertools.pairwise(spans))
    assert spans[0][0] <= min(tokens)
    assert spans[-1][1] >= max(tokens)


@pytest.fixture
def source(write: Write) -> Path:
    rows = [{"instruction": f"Ask {number}", "response": "word " * 100 * number} for number in range(1, 11)]
    return write("d.jsonl", rows)


def test_long_examples_are_told_and_kept_or_left_out(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.jsonl"
    kept = export_file(source, out, settings=ExportConfig(max_example_tokens=1000))
    first, *histogram = kept.notes()
    assert first.startswith("3 examples are longer than 1,000 tokens (longest 1,26")
    assert "estimated at 4 characters a token" in first
    assert "--drop-long" in first
    assert any("<- longest allowed" in line for line in histogram)
    assert (kept.rows, kept.counts.dropped) == (10, 0)
    cut = export_file(source, out, settings=ExportConfig(max_example_tokens=1000, drop_long=True))
    assert (cut.rows, cut.counts.dropped, len(cut.provenance.read_text().splitlines())) == (7, 3, 7)
    assert "left out" in cut.notes()[0]
    fine = export_file(source, out, settings=ExportConfig(max_example_tokens=2000))
    assert fine.notes() == [
        f"No example is longer than 2,000 tokens (longest {fine.lengths.longest if fine.lengths else 0:,} "
        "tokens, estimated at 4 characters a token)"
    ]


def test_nothing_short_enough_is_told(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="all 10 are longer than --max-example-tokens"):
        export_file(source, tmp_path / "o.jsonl", settings=ExportConfig(max_example_tokens=5, drop_long=True))


def test_a_tokenizer_counts_where_it_is_given(source: Path, tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"word": 0, "?": 1}, unk_token="?"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    made.save(str(tmp_path / "words.json"))
    asked = ExportConfig(max_example_tokens=500, tokenizer=str(tmp_path / "words.json"))
    done = export_file(source, tmp_path / "o.jsonl", settings=asked)
    assert done.lengths is not None
    assert (done.lengths.longest, done.lengths.longer) == (1000 + 2 + 10, 6)
    assert "words.json" in done.notes()[0]
    (tmp_path / "words.json").write_text("{}")
    with pytest.raises(InputError, match=r"--tokenizer .*words.json cannot be read as a tokenizer.json"):
        export_file(source, tmp_path / "o.jsonl", settings=asked)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"drop_long": True}, "--drop-long needs --max-example-tokens"),
        ({"tokenizer": "t.json"}, "--tokenizer needs --max-example-tokens"),
        ({"max_example_tokens": 0}, "--max-example-tokens must be at least 1"),
    ],
)
def test_options_that_say_nothing_alone(asked: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        ExportConfig(**asked)  # type: ignore[arg-type]
