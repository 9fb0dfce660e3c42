"""Pages keep to themselves, and show what anybody wrote as its letters."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode

import pytest
from jinja2 import UndefinedError

from autoevol.pages import template
from autoevol.pages.template import data_island, render_page

HOSTILE = '</script><img src=x onerror=alert(1)>\u202egnp\x1b[2J\ud800"&'


def test_only_what_is_in_the_page_may_run() -> None:
    page = render_page("base.html.j2")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert "default-src &#39;none&#39;" in policy
    assert "unsafe" not in policy
    assert "connect-src" not in policy
    for kind in ("style", "script"):
        for code in re.findall(f"<{kind}>(.*?)</{kind}>", page, re.DOTALL):
            assert b64encode(hashlib.sha256(code.encode()).digest()).decode() in policy.replace("&#43;", "+")
    assert "connect-src &#39;self&#39;" in render_page("base.html.j2", own_server=True)


def test_a_name_that_the_template_misses_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        template._environment().from_string("{{ nothing }}").render()


def test_hostile_texts_are_letters_in_the_page_and_in_its_data() -> None:
    shown = template._environment().from_string("<p>{{ words }}</p>").render(words=HOSTILE)
    assert "<img" not in shown
    assert "</script>" not in shown
    assert r"\u202egnp\x1b[2J\ud800" in shown
    island = data_island({"a": [HOSTILE], HOSTILE: 1})
    assert "<" not in island
    island.encode()
    told = json.loads(island)
    assert told["a"] == [r'</script><img src=x onerror=alert(1)>\u202egnp\x1b[2J\ud800"&']
