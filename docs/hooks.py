"""Lists every public name of autoevol on the reference page, from the table that the package itself uses."""

from __future__ import annotations

from typing import Any

import autoevol

_MARK = "<!-- every public name -->"
_GROUPS = {"Functions": str.islower, "Classes": lambda name: not name.isupper() and not name.islower()}


def on_page_markdown(markdown: str, **_: Any) -> str:  # noqa: ANN401 (MkDocs passes page, config and files)
    """Put one directive for mkdocstrings in the place of the mark for each name."""
    return markdown.replace(_MARK, reference()) if _MARK in markdown else markdown


def reference() -> str:
    """The directives, functions first, then classes, then constants."""
    left, parts = sorted(autoevol.__all__), []
    for title, belongs in (*_GROUPS.items(), ("Constants", lambda _: True)):
        names = [name for name in left if belongs(name)]
        left = [name for name in left if name not in names]
        if names:
            parts.append(f"## {title}")
            parts += [f"::: {autoevol._HOMES[name]}.{name}" for name in names]
    return "\n\n".join(parts)
