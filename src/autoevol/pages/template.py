"""From a template of this package to one HTML file: autoescaped, complete, and closed to the network."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from autoevol.core.text import printable
from autoevol.pages.diff import word_diff


def render_page(
    template: str,
    *,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    own_server: bool = False,
    **shown: Any,  # noqa: ANN401 (whatever the template shows)
) -> str:
    """One HTML page that needs nothing but itself.

    Only the styles and scripts named here run, by their hashes; `style` and `on...` attributes do not.
    Every text is shown as its letters, marks of direction and controls spelled out.

    Args:
        template: File of this package; it extends `base.html.j2`.
        styles: CSS files of this package, behind `style.css`.
        scripts: JavaScript files of this package, behind `theme.js`.
        own_server: Whether scripts may talk to the server that the page came from.
        shown: What the template shows; a name that it misses is an error.
    """
    css = "\n".join(_asset(name) for name in ("style.css", *styles))
    code = [_asset(name) for name in ("theme.js", *scripts)]
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src {_hash(css)}",
            f"script-src {' '.join(map(_hash, code))}",
            *(["connect-src 'self'"] if own_server else []),
            "img-src data:",  # the empty icon, so that none is asked for
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    page = _environment().get_template(template)
    return page.render(policy=policy, css=Markup(css), scripts=[Markup(one) for one in code], **shown)


def data_island(value: Any) -> Markup:  # noqa: ANN401 (JSON)
    """`value` as the content of `<script type="application/json">`: nothing in it ends the element.

    Its texts are spelled out as those of the page are.
    """
    text = json.dumps(_legible(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def _legible(value: Any) -> Any:  # noqa: ANN401 (JSON)
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable(str(name)): _legible(part) for name, part in value.items()}
    return [_legible(part) for part in value] if isinstance(value, list | tuple) else value


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("autoevol.pages", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters["words_from"] = lambda after, before: word_diff(before, after)
    made.filters["island"] = data_island
    return made


def _shown(value: object) -> object:
    """What a template prints; a text of others obeys nobody."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _asset(name: str) -> str:
    return files("autoevol.pages").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
