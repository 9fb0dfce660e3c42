from __future__ import annotations

import pytest

from autoevol.core.errors import InputError
from autoevol.data.turns import exchanges


def say(role: str | None, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


def test_text_parts_are_joined() -> None:
    parts = [{"type": "text", "text": "One"}, "Two"]
    assert next(exchanges([say("user", parts), say("assistant", "A")], "messages"))[:2] == ("One\nTwo", "A")


def test_an_answer_without_text_is_no_reference() -> None:
    assert next(exchanges([say("user", "Ask"), say("assistant", None)], "messages"))[:2] == ("Ask", None)


def test_only_the_first_exchange_counts() -> None:
    turns = [
        say("User", "Ask"),
        say("tool", "x"),
        say("model", "A"),
        say("user", "More"),
        say("assistant", "B"),
    ]
    assert next(exchanges(turns, "messages"))[:2] == ("Ask", "A")


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ("[]", "messages is text; expected a list"),
        (None, "messages is null"),
        ([], "no user turn"),
        ([say("system", "x")], "no user turn"),
        ([None], r"messages\[0\] is null"),
        ([{}], "no role"),
        ([say(None, "x")], "no role"),
        ([say("user", None)], r"messages\[0\] is null"),
        ([{"from": "human"}], r"messages\[0\] is null"),
        ([say("user", [])], r"messages\[0\] is blank"),
        ([say("user", [None])], r"messages\[0\] part 1 is null"),
        ([say("user", [{"type": "text", "text": None}])], "part 1 is null"),
        ([say("user", [{"type": "image_url", "image_url": {}}])], "'image_url'; only text"),
        ([say("assistant", "A"), say("user", "Ask")], "starts with a turn of 'assistant'"),
        ([say("user", "Ask"), say("assistant", {"a": 1})], r"messages\[1\] is an object"),
    ],
)
def test_bad_conversations(turns: object, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        next(exchanges(turns, "messages"))
