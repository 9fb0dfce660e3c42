"""Strict parsing of an endpoint's URL: requests must go to the host that the user wrote.

A base that two programs could read as different hosts is refused, and so is one that contains a key:
URLs end up in logs and in files that others read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from autoevol.core.errors import InputError
from autoevol.core.masking import Mask

_BASE = re.compile(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.IGNORECASE)
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?)(?::(\d{1,5}))?", re.IGNORECASE)
_SECRETS = re.compile(r"(?i)(.*api[-_]?key|.*[-_]key|key|.*token|sig|signature|secret|password|code)")


@dataclass(frozen=True, slots=True)
class BaseParts:
    """The parts of an API's base URL.

    Attributes:
        url: Without user and password.
        host: As written, without port.
        user: For Basic authentication, "" for none.
        password: For Basic authentication, "" for none.
    """

    url: str
    host: str
    user: str = ""
    password: str = ""


def read_parts(text: str, given_by: str = "--api-base") -> BaseParts:
    """Parse the base URL that a user wrote.

    Args:
        text: `http://HOST`, with or without port, path, `?api-version=` and `user:password@`.
        given_by: The flag or environment variable it comes from, for messages.

    Raises:
        InputError: If it is not a URL, could be read as another host, or contains a key.
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
        instead = given_by.replace("api-base", "api-key-env") if "api-base" in given_by else "--api-key-env"
        raise InputError(
            f"{given_by}: a URL is no place for a key (?{keys[0]}=); put it into an environment"
            f" variable and name that with {instead}"
        )
    return BaseParts(f"{scheme}://{place}{path}{'?' + query if query else ''}", host[1], user, password)


def open_url(url: str | None) -> str | None:
    """A URL without user and password, safe to write down, whether or not it is valid."""
    return url and re.sub(r"//\S*@", "//", url)


def _signature(userinfo: str, shown: str) -> tuple[str, str]:
    user, colon, password = userinfo.partition(":")
    # http://good@evil and http://good:443@evil both go to evil, whatever the eye reads.
    looks_like_host = "." in user and password.isdigit()
    if not (user and colon and password) or "@" in password or looks_like_host:
        raise InputError(
            f"{shown}: what stands before the @ is a user and a password (user:password@HOST), or nothing;"
            " percent-encode what they have of / @ : ? #"
        )
    return unquote(user), unquote(password)
