"""All other DSPy model strings (`anthropic/...`, `gemini/...`), through DSPy's own engine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from socket import gaierror
from typing import Any

from dspy import lm15
from dspy.clients.engines.lm15_engine import LITELLM_PROVIDER_PREFIXES, AsyncLM15Engine
from dspy.lm15 import LM15Error, Request, Response, RouterConfig

from autoevol.core.errors import InputError, nearest
from autoevol.core.masking import Mask
from autoevol.lm.answers import Content, finished, read_content
from autoevol.lm.openai_compatible import TIMEOUT, extra_key
from autoevol.lm.refusals import is_spent
from autoevol.lm.retry import first_line
from autoevol.lm.transport import BrokenReply, NobodyThere, Reply
from autoevol.lm.usage import Counts, read_usage

_KEYS = ("_API_KEY", "_API_TOKEN", "_ACCESS_TOKEN", "_SECRET_ACCESS_KEY")


class NativeTransport:
    """Passes requests to DSPy's native client, so that they are recorded like any others.

    Answers are read like all others, as far as DSPy exposes them.

    Args:
        model: A DSPy model string with its provider.
        api_key: Instead of the provider's usual environment variable.
        extra: Server-side settings for every request.
        timeout: Seconds for one attempt.

    Attributes:
        on_answer: Called with every body, as far as DSPy exposes it; None for no callback.

    Raises:
        InputError: If DSPy knows no provider for `model`.
    """

    seeded = False

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        extra: Mapping[str, Any] | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        # DSPy decides which of these variables a provider reads, so all of them are masked.
        keys = [value for name, value in os.environ.items() if name.endswith(_KEYS)]
        self.mask = Mask(api_key, *keys)
        self._extra = dict(extra or {})
        self._timeout = timeout
        self.on_answer: Callable[[Any], None] | None = None
        try:
            self._engine = AsyncLM15Engine(RouterConfig())
            route = self._engine.resolve(model)
            if api_key:
                # `api_keys` is keyed by DSPy's name of the provider, which the model string may abbreviate.
                self._engine = AsyncLM15Engine(RouterConfig(api_keys={route.provider: api_key}))
            client = self._engine.router.lm(f"{route.provider}:{route.model}")
        except LM15Error as error:
            raise InputError(f"model {model!r}: {_unusable(model, error)}") from error
        # The base URL too: the same provider may be the user's own Azure resource, or Ollama on some machine.
        settings = f"|{extra_key(self._extra)}" if self._extra else ""
        self.identity = f"{route.provider}|{route.model}|{getattr(client, 'base_url', '')}{settings}"

    async def send(self, request: Request) -> Reply:
        """One attempt through DSPy's client, which does not retry on its own."""
        if self._extra:
            extensions = {**(request.config.extensions or {}), **self._extra}
            request = replace(request, config=replace(request.config, extensions=extensions))
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._engine.complete(request)
        except LM15Error as error:
            if isinstance(error, lm15.TransportError) and _unconnected(error):
                raise NobodyThere(self.mask(error.message)) from None
            raise _masked(error, self.mask) from None
        except TimeoutError:
            raise lm15.TimeoutError(f"no reply within {self._timeout:g} seconds (--timeout)") from None
        except Exception as error:  # noqa: BLE001 (DSPy's parser met a shape that it does not know)
            told = self.mask(f"{type(error).__name__}: {error}")
            raise BrokenReply(f"DSPy cannot read the reply: {told}") from None
        return self._read(response, request.config.max_tokens)

    async def aclose(self) -> None:
        """Close DSPy's connection pool."""
        await self._engine.aclose()

    def _read(self, response: Response, limit: int | None) -> Reply:
        raw = response.provider_data if isinstance(response.provider_data, Mapping) else {}
        if self.on_answer is not None:
            self.on_answer(raw)
        content = read_content(_first(raw.get("choices")))
        if content.text is None:
            # Not `message.text`, which is None as soon as there is anything besides text, such as thinking.
            parts = response.message.parts
            said = "".join(part.text for part in parts if isinstance(part, lm15.TextPart | lm15.RefusalPart))
            thoughts = [part.text for part in parts if isinstance(part, lm15.ThinkingPart)]
            content = Content(said, "\n\n".join(thoughts))
        known = response.usage
        reported = Counts(known.input_tokens or 0, known.output_tokens or 0, known.reasoning_tokens or 0)
        counts = read_usage(raw.get("usage") or raw.get("usageMetadata"))
        counts = counts if counts.input or counts.output else reported
        content = Content(self.mask.known(content.text or ""), self.mask.known(content.thinking))
        return finished(content, _word(raw, response), counts, limit=limit)


def _unusable(model: str, error: LM15Error) -> str:
    """Why DSPy takes no such model, in the words of who wrote the command line."""
    if isinstance(error, lm15.MissingCredentialError) and error.env_keys:
        names = " or ".join(error.env_keys)
        return f"no API key; set {names}, or name the variable that holds it with --api-key-env"
    provider, slash, _ = model.partition("/")
    if isinstance(error, lm15.UnknownModelError) and slash:
        known = sorted({*LITELLM_PROVIDER_PREFIXES, "local"})
        return (
            f"{provider!r} is no provider{nearest(provider, known)} (known are {', '.join(known)}). "
            "For a model of this name behind an endpoint, give its URL as --api-base"
        )
    return first_line(error).partition(", or pass RouterConfig")[0]


def _word(raw: Mapping[str, Any], response: Response) -> str:
    """The provider's own finish reason; DSPy turns those that it does not know into "stop"."""
    word = raw.get("stop_reason")
    for name, key in (("choices", "finish_reason"), ("candidates", "finishReason")):
        first = _first(raw.get(name))
        word = word or (first.get(key) if isinstance(first, Mapping) else None)
    return word if isinstance(word, str) else response.finish_reason


def _first(values: Any) -> Any:  # noqa: ANN401
    return values[0] if isinstance(values, list | tuple) and values else None


def _unconnected(error: BaseException) -> bool:
    """Whether DSPy's client could not connect, so that nothing was sent."""
    while error.__cause__ is not None:
        error = error.__cause__
    return isinstance(error, (ConnectionRefusedError, gaierror))


def _masked(error: LM15Error, mask: Mask) -> LM15Error:
    if isinstance(error, lm15.RateLimitError) and is_spent(error.message):
        return lm15.BillingError(mask(error.message), status=error.status)
    error.message = mask(error.message)
    error.args = tuple(mask(part) if isinstance(part, str) else part for part in error.args)
    return error
