"""Every other model string of DSPy (`anthropic/...`, `gemini/...`), through DSPy's own engine."""

from __future__ import annotations

from dspy.clients.engines.lm15_engine import AsyncLM15Engine
from dspy.lm15 import LM15Error, Request, RouterConfig

from autoevol.core.errors import InputError
from autoevol.lm.retry import first_line
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
        try:
            self._engine = AsyncLM15Engine(RouterConfig())
            route = self._engine.resolve(model)
            if api_key:
                # Keys go by the provider's own name, which a model string may spell otherwise.
                self._engine = AsyncLM15Engine(RouterConfig(api_keys={route.provider: api_key}))
            client = self._engine.router.lm(f"{route.provider}:{route.model}")
        except LM15Error as error:
            raise InputError(f"model {model!r}: {first_line(error)}") from error
        # A provider may be anywhere: the user's own Azure resource, an Ollama on another machine.
        self.identity = f"{route.provider}|{route.model}|{getattr(client, 'base_url', '')}"

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
