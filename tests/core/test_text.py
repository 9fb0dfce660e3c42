"""Text of others on a terminal and on a Markdown page."""

from __future__ import annotations

import html
import json
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from autoevol.core.text import code_block, code_span, markdown, printable, printable_json

HOSTILE = "\x1b[2J\x1b]52;c;cm0=\x07\x9b31m\r\x08\u202eabc\u2066\u200f\U000e0041"
anything = st.text(alphabet=st.characters(exclude_categories=())) | st.sampled_from([HOSTILE])


def steers(char: str) -> bool:
    """Whether a terminal does something with a character but show it, by Unicode's own tables."""
    if char in "\n\t":
        return False
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or bool(
        unicodedata.bidirectional(char) in ("RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI")
    )


@given(anything)
@example(HOSTILE)
def test_nothing_that_is_printed_steers_the_terminal(text: str) -> None:
    shown = printable(text)
    assert not any(map(steers, shown))
    assert printable(shown) == shown
    if not any(map(steers, text)) and shown != text:
        assert re.search(r"\\[xuU]", shown)  # only what is invisible


@given(st.recursive(st.none() | anything, lambda inner: st.lists(inner) | st.dictionaries(anything, inner)))
def test_json_says_the_same_and_steers_nothing(data: object) -> None:
    text = json.dumps(data, ensure_ascii=False)
    shown = printable_json(text)
    assert not any(map(steers, shown))
    assert json.loads(shown) == json.loads(text)


def test_ordinary_text_of_any_language_stays() -> None:
    text = "Größe: 5 µm\n\t«naïve» 日本語 العربية 👩🏽 a\u200db"
    assert printable(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "[click](http://evil.example)",
        "![](http://evil.example/x.png)",
        "http://evil.example and www.evil.example and me@evil.example",
        "a | b\n| c | d |",
        "# heading",
        "`code` *bold* _it_ ~~gone~~ $x$ &lt;b&gt;",
        "- a list",
        "12. a list",
    ],
)
def test_markdown_of_others_is_words(text: str) -> None:
    words = markdown(text)
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(f"{words}\n")
    assert re.findall(r"<(\w+)", page) == ["p"]
    assert html.unescape(page.removeprefix("<p>").removesuffix("</p>\n")) == " ".join(text.split())
    # Readers of pages make links of bare addresses.
    assert not re.search(r"://|www\.|@", words)


@given(st.text(alphabet=st.sampled_from("`~ a\n<|")))
def test_code_ends_where_it_is_meant_to(text: str) -> None:
    fence = re.match("`+", code_block(text))
    assert fence is not None
    assert not re.search(rf"^ {{0,3}}{fence[0]}", "\n".join(code_block(text).split("\n")[1:-1]), re.MULTILINE)
    span = code_span(text)
    ticks = re.match("`+", span)
    assert ticks is not None
    assert ticks[0] not in re.findall("`+", span[len(ticks[0]) : -len(ticks[0])])
    assert "\n" not in span
