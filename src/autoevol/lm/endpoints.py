"""From a model string to a transport: which endpoint, which model, which key."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from autoevol.core.errors import InputError
from autoevol.lm.http import HTTPTransport
from autoevol.lm.keys import default_variable, read_key
from autoevol.lm.local import LocalTransport, find_weights
from autoevol.lm.native import NativeTransport
from autoevol.lm.openai_compatible import TIMEOUT, ChatEndpoint
from autoevol.lm.transport import Transport
from autoevol.lm.urls import OPENAI, ApiBase, read_base

_REASONING = re.compile(r"(o[1345]|gpt-5)(?!.*-chat)")
_NOT_EXTRA = {
    "model": "--evol-model",
    "messages": "the method",
    "max_tokens": "--reply-tokens",
    "max_completion_tokens": "--reply-tokens",
    "n": "--samples",
}


class Route(NamedTuple):
    """The endpoint and model that a model string stands for.

    Attributes:
        name: The model with its provider, as in DSPy and in call keys.
        served: The model's name at its server.
        base: The base URL of an OpenAI-compatible endpoint; None for all others.
    """

    name: str
    served: str
    base: ApiBase | None = None


def route(model: str, api_base: str | None = None) -> Route:
    """Resolve a model string.

    - With `api_base`, the name is sent as written, except that DSPy's prefix `hosted_vllm/` is removed.
    - Without, `openai/NAME` and a bare NAME mean the model NAME at $OPENAI_BASE_URL, or else at OpenAI.
    - If $OPENAI_BASE_URL is set, names with a provider that DSPy does not know are looked up there too.

    Raises:
        InputError: If the URL cannot be used.
    """
    if api_base:
        base = read_base(api_base)
        served = model.removeprefix("hosted_vllm/")
        return Route(
            f"openai/{served.removeprefix('openai/')}",
            served.removeprefix("openai/") if base.openai else served,
            base,
        )
    provider, slash, rest = model.partition("/")
    variable = os.environ.get("OPENAI_BASE_URL")
    if slash and provider != "openai" and not (variable and not _known(model)):
        return Route(model, rest)
    served = rest if provider == "openai" and slash else model
    base = read_base(variable, "OPENAI_BASE_URL") if variable else read_base(OPENAI)
    return Route(f"openai/{served}", served, base)


@dataclass(frozen=True)
class Sending:
    """How requests are sent to an endpoint, whatever they ask.

    Attributes:
        client: HTTP client for OpenAI-compatible endpoints: `aiohttp` or `openai`.
        connections: Maximum number of simultaneous connections, >= 1.
        known_as: The old URL of an endpoint that has moved, under which its calls are stored.
        timeout: Seconds for one attempt.
    """

    client: str = "aiohttp"
    connections: int = 1000
    known_as: str | None = None
    timeout: float = TIMEOUT


def make_transport(
    model: str,
    api_base: str | None = None,
    api_key_env: str | None = None,
    extra: Mapping[str, Any] | None = None,
    sending: Sending | None = None,
) -> Transport:
    """The transport for a model string (see `Session.lm`).

    Raises:
        InputError: If there is none, its key is missing from the environment, or `client` is unknown.
    """
    for name, instead in _NOT_EXTRA.items():
        if name in (extra or {}):
            raise InputError(f"extra settings cannot hold {name!r}: it is set by {instead}")
    to, sending = route(model, api_base), sending or Sending()
    if to.base is None and model.startswith("local/"):
        return LocalTransport(find_weights(to.served), extra=extra, timeout=sending.timeout)
    key = read_key(api_key_env) if api_key_env else None
    if api_key_env and not key:
        raise InputError(f"the environment variable {api_key_env} (--api-key-env) is not set")
    if to.base is None:
        return NativeTransport(to.name, api_key=key, extra=extra, timeout=sending.timeout)
    # An empty name asks for no key at all (`config.models.NO_KEY`).
    if api_key_env is None and (variable := default_variable(to.base)):
        key = read_key(variable)
    if not key and not api_base and to.base.openai:
        raise InputError(f"{to.name}: set OPENAI_API_KEY, or name an endpoint with --api-base")
    return _client(sending.client)(
        to.served,
        base_url=api_base,
        api_key=key or "none",
        extra=extra,
        reasoning=is_reasoning_model(to.name),
        connections=sending.connections,
        known_as=sending.known_as,
        timeout=sending.timeout,
    )


def is_reasoning_model(name: str) -> bool:
    """Whether `name` is one of OpenAI's own models that refuse sampling settings."""
    return looks_reasoning(name) and name.startswith("openai/")


def looks_reasoning(name: str) -> bool:
    """Whether DSPy would take `name` for a reasoning model, wherever it is served."""
    return bool(_REASONING.match(name.rpartition("/")[2].lower()))


def _client(name: str) -> type[ChatEndpoint]:
    if name == "aiohttp":
        return HTTPTransport
    if name != "openai":
        raise InputError(f"--client {name!r} is unknown; known are aiohttp and openai")
    from autoevol.lm.openai_client import OpenAITransport  # slow to import, and rarely wanted

    return OpenAITransport


def _known(model: str) -> bool:
    """Whether DSPy knows the provider of `model`, with or without a key for it."""
    if model.startswith("local/"):
        return True
    from dspy.clients.engines.lm15_engine import LITELLM_PROVIDER_PREFIXES

    return model.partition("/")[0] in LITELLM_PROVIDER_PREFIXES
