"""Every other model string of DSPy (`anthropic/...`, `gemini/...`), through DSPy's own engine."""

from __future__ import annotations

from dspy.clients.engines.lm15_engine import AsyncLM15Engine
from dspy.lm15 import LM15Error, Request, RouterConfig

from autoevol.errors import InputError
from autoevol.lm.transport import Reply


class NativeTransport:
    """Hands requests to DSPy's native client, so that they are recorded like any other.

    Args:
        model: A DSPy model string with its provider.
        api_key: Instead of the provider's usual environment variable.

    Raises:
        InputError: If DSPy knows no provider for `model`.
    """

    seeded = False

    def __init__(self, model: str, *, api_key: str | None = None) -> None:
        provider = model.partition("/")[0]
        config = RouterConfig(api_keys={provider: api_key}) if api_key else RouterConfig()
        self._engine = AsyncLM15Engine(config)
        try:
            route = self._engine.resolve(model)
        except LM15Error as error:
            raise InputError(f"model {model!r}: {error}") from error
        self.identity = f"{route.provider}|{route.model}"

    async def send(self, request: Request) -> Reply:
        """One attempt by DSPy's client, which does not retry by itself."""
        response = await self._engine.complete(request)
        usage = response.usage
        return Reply(
            text=response.message.text or "",
            finish_reason=response.finish_reason,
            input_tokens=(usage.input_tokens or 0) if usage else 0,
            output_tokens=(usage.output_tokens or 0) if usage else 0,
        )

    async def aclose(self) -> None:
        """Close DSPy's connection pool."""
        await self._engine.aclose()
