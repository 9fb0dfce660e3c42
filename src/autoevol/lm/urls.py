"""The URL of an endpoint: built in one place, so that every client requests exactly what was parsed."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from autoevol.core.errors import InputError
from autoevol.core.masking import Mask
from autoevol.core.urls import BaseParts, read_parts

OPENAI = "https://api.openai.com/v1"
_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")


@dataclass(frozen=True, slots=True)
class ApiBase:
    """The base URL of an API.

    Attributes:
        url: Without user and password, normalised (host, port and escapes).
        user: For Basic authentication, "" for none.
        password: For Basic authentication, "" for none.
    """

    url: httpx.URL
    user: str = ""
    password: str = ""

    def to(self, path: str) -> str:
        """The URL of `path` below the base; a query is kept."""
        return str(self.url.copy_with(path=f"{self.url.path.rstrip('/')}/{path}"))

    def at_v1(self) -> str | None:
        """The base with the usual path /v1; None if it already has a path."""
        return None if self.url.path.strip("/") else self.to("v1")

    @property
    def name(self) -> str:
        """The base as in call keys and messages."""
        root = str(self.url.copy_with(query=None)).rstrip("/")
        return f"{root}?{self.url.query.decode()}" if self.url.query else root

    @property
    def azure(self) -> bool:
        """Whether the key goes into Azure's own header."""
        deployment = "/deployments/" in f"{self.url.path}/" and "api-version" in self.url.params
        return self.url.host.endswith(_AZURE) or deployment

    @property
    def openai(self) -> bool:
        """Whether this is OpenAI itself."""
        return self.url.host == "api.openai.com" or self.url.host.endswith(".api.openai.com")


def read_base(text: str, given_by: str = "--api-base") -> ApiBase:
    """Parse the base URL that a user wrote.

    Args:
        text: `http://HOST`, with or without port, path, `?api-version=` and `user:password@`.
        given_by: The flag or environment variable it comes from, for messages.

    Raises:
        InputError: If it is not a URL, could be read as another host, or contains a key.
    """
    parts = read_parts(text, given_by)
    return ApiBase(_same_host(parts, f"{given_by} {Mask()(text)!r}"), parts.user, parts.password)


def _same_host(parts: BaseParts, shown: str) -> httpx.URL:
    try:
        url = httpx.URL(parts.url)
    except httpx.InvalidURL as error:
        raise InputError(f"{shown} is no URL: {Mask()(str(error))}") from None
    if url.host != parts.host.strip("[]").lower():
        raise InputError(f"{shown}: would ask {url.host!r} instead of {parts.host!r}")
    return url
