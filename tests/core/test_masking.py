"""No secret, in whatever form, whole or cut, in a text that is written down."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoevol.core.masking import Mask

KEY = "k/9+very=secret:0123456789"


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        quote(KEY, safe=""),
        quote(KEY, safe="").lower().replace("k%", "k%"),
        base64.b64encode(KEY.encode()).decode(),
        base64.b64encode(f"me:{KEY}".encode()).decode(),
        base64.urlsafe_b64encode(f"me:{KEY}".encode()).decode(),
        base64.b64encode(f":{KEY}".encode()).decode(),
        base64.b64encode(f"{KEY}:".encode()).decode(),
        base64.b64encode(f"somebody:{KEY}&more".encode()).decode(),
        json.dumps(KEY),
        KEY.replace("/", "\\/"),
        KEY[:-1],
        KEY[5:],
        f"{KEY[:20]}...",
    ],
)
def test_every_form_of_a_secret_is_hidden(form: str) -> None:
    shown = Mask(KEY, user="me")(f"you sent {form} to us")
    assert "***" in shown
    assert all(KEY[at : at + 10] not in shown for at in range(len(KEY) - 10))
    assert shown.startswith("you sent ")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef0123456789",
        "Basic bWU6d29yZDEyMzQ=",
        "https://me:pass@host/v1",
        "https://me:pa/ss@host/v1",
        "GET /v1?key=abcdefgh0123&x=1",
        "?api_key=abcdefgh0123",
        "Incorrect key sk-proj-abcdefghijklmnop0123",
        "AIzaSyA0123456789012345678901234567890",
    ],
)
def test_what_looks_like_a_secret_is_hidden_too(text: str) -> None:
    shown = Mask()(text)
    assert "***" in shown
    assert not any(part in shown for part in ("0123", "pass", "pa/ss", "bWU6"))


@pytest.mark.parametrize(
    "text",
    ["Bearer authentication is required", "basic understanding", "keys begin with sk-", "http://host:80/v1"],
)
def test_ordinary_words_stay(text: str) -> None:
    assert Mask("none", "EMPTY", None, "")(text) == text


@given(st.binary(max_size=9), st.binary(max_size=9), st.booleans())
def test_base64_of_anything_around_a_secret_hides_it(before: bytes, behind: bytes, web_safe: bool) -> None:
    code = base64.urlsafe_b64encode if web_safe else base64.b64encode
    sent = code(before + KEY.encode() + behind).decode()
    for shown in (Mask(KEY)(sent), Mask(KEY).known(sent)):
        assert shown != sent
        assert len(shown.replace("***", "")) <= len(code(before)) + len(code(behind)) + 8


@given(st.text(max_size=40), st.text(max_size=40), st.integers(0, 15), st.integers(0, 15))
def test_a_cut_anywhere_leaves_less_than_ten(before: str, behind: str, low: int, high: int) -> None:
    cut = KEY[low : len(KEY) - high]
    shown = Mask(KEY)(f"{before}{cut}{behind}")
    assert all(KEY[at : at + 10] not in shown for at in range(len(KEY) - 9))
