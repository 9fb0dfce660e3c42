"""Token counts in every provider's words, and where there are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.lm.transport import Reply
from autoevol.lm.usage import estimate_tokens, read_usage, with_usage


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}, (7, 3, 0)),
        ({"prompt_tokens": 7.0, "completion_tokens": "3"}, (7, 3, 0)),
        ({"input_tokens": 7, "output_tokens": 3}, (7, 3, 0)),
        ({"input_tokens": 7, "output_tokens": 3, "cache_read_input_tokens": 100}, (107, 3, 0)),
        ({"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10}, (7, 3, 0)),
        (
            {
                "promptTokenCount": 7,
                "candidatesTokenCount": 3,
                "thoughtsTokenCount": 20,
                "totalTokenCount": 30,
            },
            (7, 23, 20),
        ),
        (
            {
                "prompt_tokens": 7,
                "completion_tokens": 23,
                "total_tokens": 30,
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
            (7, 23, 20),
        ),
        (
            {
                "prompt_tokens": 7,
                "completion_tokens": 3,
                "total_tokens": 30,
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
            (7, 23, 20),
        ),
        (
            {
                "prompt_tokens": 7,
                "completion_tokens": 3,
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
            (7, 23, 20),
        ),
        (
            {
                "prompt_tokens": 7,
                "completion_tokens": 3,
                "total_tokens": 10,
                "prompt_tokens_details": {"cached_tokens": 5},
            },
            (7, 3, 0),
        ),
        (
            {
                "prompt_tokens": 7,
                "completion_tokens": 3,
                "total_tokens": 15,
                "prompt_tokens_details": {"cached_tokens": 5},
            },
            (12, 3, 0),
        ),
        ({"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 2}, (7, 3, 0)),
        ({"prompt_tokens": 2**63, "completion_tokens": -4}, (0, 0, 0)),
        ({"prompt_tokens": float("nan"), "completion_tokens": float("inf")}, (0, 0, 0)),
        ({"prompt_tokens": True, "completion_tokens": "many"}, (0, 0, 0)),
        (None, (0, 0, 0)),
        ("none", (0, 0, 0)),
        ([], (0, 0, 0)),
    ],
)
def test_counts_are_read_in_any_words(usage: object, counts: tuple[int, int, int]) -> None:
    assert read_usage(usage) == counts


numbers = st.one_of(st.integers(), st.floats(), st.text(max_size=5), st.none(), st.booleans())
names = st.sampled_from(
    ["prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens"]
)


@given(st.dictionaries(names, numbers))
def test_no_count_is_ever_out_of_bounds(usage: dict[str, object]) -> None:
    counts = read_usage(usage)
    assert all(0 <= count <= 30_000_000 for count in counts)
    assert counts.reasoning <= counts.output


def test_what_is_not_reported_is_estimated_and_says_so() -> None:
    reply = with_usage(Reply("four words are here", thinking="Hm, let me see."), "x" * 300)
    assert reply.estimated
    assert (reply.input_tokens, reply.output_tokens, reply.reasoning_tokens) == (100, 7 + 5, 5)


def test_what_is_reported_stays() -> None:
    reply = Reply("Hi", "stop", 7, 3)
    assert with_usage(reply, "x" * 300) == reply
    assert not with_usage(Reply("", "length", 7, 0), "x").estimated


def test_half_a_report_is_completed() -> None:
    reply = with_usage(Reply("Hello there", "stop", 7, 0), "x" * 300)
    assert (reply.input_tokens, reply.output_tokens, reply.estimated) == (7, 4, True)


def test_numbers_of_any_transport_are_bounded() -> None:
    reply = with_usage(Reply("Hi", "stop", 2**63, -5), "x" * 30)
    assert (reply.input_tokens, reply.output_tokens) == (10, 1)


def test_an_estimate_takes_any_text() -> None:
    assert estimate_tokens("\ud83d") > 0
    assert estimate_tokens("") == 0
