"""A page in a real browser, and all that it did besides showing itself."""

from __future__ import annotations

from typing import Any


class Opened:
    """A page of `url` and its noise: what it logged, asked of a person, or requested from elsewhere.

    Args:
        browser: The fixture of this name.
        url: Of the page; nothing else may be requested but what begins with one of `allowed`.
        width: Of the window, in pixels.
        scheme: `light` or `dark`.
        allowed: Beginnings of addresses; none is the page alone.
    """

    def __init__(
        self, browser: Any, url: str, width: int = 1440, scheme: str = "light", allowed: tuple[str, ...] = ()
    ) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.noise: list[str] = []
        self.page.on("console", lambda message: self.noise.append(message.text))
        self.page.on("pageerror", lambda error: self.noise.append(str(error)))
        self.page.on("dialog", lambda dialog: self.noise.append(dialog.message))
        self.page.on("request", lambda request: self._asked(request.url, allowed))
        self.page.goto(url)
        if not allowed:
            self.noise.remove(url)

    def _asked(self, url: str, allowed: tuple[str, ...]) -> None:
        if not url.startswith(allowed):
            self.noise.append(url)
