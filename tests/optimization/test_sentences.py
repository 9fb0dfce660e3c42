"""Methods as sentences: parted as a reader would, and what changed between two of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.optimization.sentences import edit, without_a_sentence

_words = st.text("abc ", min_size=1).map(str.strip).filter(bool)
_sentences = st.lists(_words.map(lambda words: f"{words}."), min_size=1, max_size=6)


@given(_sentences)
def test_every_sentence_but_the_first_is_left_out_once(sentences: list[str]) -> None:
    shorter = without_a_sentence(" ".join(sentences))
    assert [lost for _, lost in shorter] == sentences[1:]
    for place, (text, _) in enumerate(shorter, 1):
        assert text == " ".join([*sentences[:place], *sentences[place + 1 :]])


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("Do it.\n\n1. Ask more.\n2. Ask less.", ["1. Ask more.", "2. Ask less."]),
        ("改写指令。增加约束。保持语言。", ["增加约束。", "保持语言。"]),
        ("Rewrite it\n- harder\n- longer", ["- harder", "- longer"]),
        ("One sentence, e.g. this one of 3.5 words.", ["this one of 3.5 words."]),
        ("Alone.", []),
    ],
)
def test_lists_and_other_scripts_are_parted_where_a_reader_would(text: str, lost: list[str]) -> None:
    assert [sentence for _, sentence in without_a_sentence(text)] == lost


@given(_sentences, _sentences)
def test_an_edit_holds_what_only_one_text_says(before: list[str], after: list[str]) -> None:
    changed = edit(" ".join(before), " ".join(after))
    old, new = ({" ".join(sentence.split()) for sentence in text} for text in (before, after))
    assert _parts(changed.added) == new - old
    assert _parts(changed.left_out) == old - new


def _parts(text: str) -> set[str]:
    return {f"{' '.join(part.split())}." for part in text.split(".") if part.strip()}


def test_spacing_case_and_order_are_no_change() -> None:
    assert edit("Ask more.\nBe brief.", "be  brief. ASK more.") == ("", "")
    assert edit("Ask more. Be brief.", "Ask more. Be kind.") == ("Be kind.", "Be brief.")
