"""The URL of an endpoint: read strictly, joined in one place, for every client.

What is asked must be the host that was given. So a base that two programs could read as two
hosts is refused, and so is one that holds a key: URLs end up in logs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

import httpx

from autoevol.core.errors import InputError
from autoevol.lm.masking import Mask

OPENAI = "https://api.openai.com/v1"
_BASE = re.compile(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.IGNORECASE)
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?)(?::(\d{1,5}))?", re.IGNORECASE)
_SECRETS = re.compile(r"(?i)(.*api[-_]?key|.*[-_]key|key|.*token|sig|signature|secret|password|code)")
_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")


@dataclass(frozen=True, slots=True)
class ApiBase:
    """The root of an API.

    Attributes:
        url: Without user and password, in one spelling (of host, port and escapes).
        user: For Basic authentication, "" for none.
        password: The same.
    """

    url: httpx.URL
    user: str = ""
    password: str = ""

    def to(self, path: str) -> str:
        """The URL of `path` below the root; a query stays behind it."""
        return str(self.url.copy_with(path=f"{self.url.path.rstrip('/')}/{path}"))

    def at_v1(self) -> str | None:
        """The root as it would be with the usual path, None where there is a path."""
        return None if self.url.path.strip("/") else self.to("v1")

    @property
    def name(self) -> str:
        """The root as it stands in call keys and messages."""
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
    """The base that a user wrote.

    Args:
        text: `http://HOST`, with or without port, path, `?api-version=` and `user:password@`.
        given_by: The flag or the variable that it stands in.

    Raises:
        InputError: If it is no URL, could be read as another host, or holds a key.
    """
    text = text.strip()
    shown = f"{given_by} {Mask()(text)!r}"
    match = _BASE.fullmatch(text)
    if match is None or re.search(r"[\x00-\x20\x7f\\]", text):
        raise InputError(f"{shown} is no URL of an API; write it as http://HOST:PORT/v1")
    scheme, authority, path, query = match[1].lower(), match[2], match[3], match[4]
    userinfo, at, place = authority.rpartition("@")
    user, password = _signature(userinfo, shown) if at else ("", "")
    host = _HOST.fullmatch(place)
    if host is None or "@" in f"{path}{query or ''}" or not 0 < int(host[2] or 1) < 65536:
        raise InputError(
            f"{shown}: the host cannot be read from it; write it as http://HOST:PORT/v1,"
            " and percent-encode what a password has of / @ : ? #"
        )
    if path.rstrip("/").endswith("/chat/completions"):
        raise InputError(f"{shown}: leave out /chat/completions")
    keys = [name for name, _ in parse_qsl(query or "", keep_blank_values=True) if _SECRETS.fullmatch(name)]
    if keys:
        raise InputError(
            f"{given_by}: a URL is no place for a key (?{keys[0]}=); put it into an environment"
            " variable and name that with --api-key-env"
        )
    base = _same_host(f"{scheme}://{place}{path}{'?' + query if query else ''}", host[1], shown)
    return ApiBase(base, user, password)


def _signature(userinfo: str, shown: str) -> tuple[str, str]:
    user, colon, password = userinfo.partition(":")
    # http://good@evil and http://good:443@evil ask evil, whatever the eye reads.
    looks_like_host = "." in user and password.isdigit()
    if not (user and colon and password) or "@" in password or looks_like_host:
        raise InputError(
            f"{shown}: what stands before the @ is a user and a password (user:password@HOST), or nothing;"
            " percent-encode what they have of / @ : ? #"
        )
    return unquote(user), unquote(password)


def _same_host(text: str, host: str, shown: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise InputError(f"{shown} is no URL: {Mask()(str(error))}") from None
    if url.host != host.strip("[]").lower():
        raise InputError(f"{shown}: would ask {url.host!r} instead of {host!r}")
    return url
