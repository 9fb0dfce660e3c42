"""How requests go out, where their replies are kept, what may be spent, and what counts as a failure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoevol.config.base import at_least, flag, setting
from autoevol.core.errors import InputError


@dataclass(frozen=True)
class RequestConfig:
    """Requests: how they go out, whatever they are for."""

    concurrency: int = setting(16, "Most requests under way at once.", decides=False)
    rpm: float | None = setting(None, "Most requests per minute to each endpoint.", decides=False)
    tpm: float | None = setting(None, "Most tokens per minute to each endpoint.", decides=False)
    client: str = setting(
        "aiohttp", "HTTP client for OpenAI-compatible endpoints: aiohttp or openai.", decides=False
    )

    def __post_init__(self) -> None:
        at_least(1, self, "concurrency")
        for name in ("rpm", "tpm"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise InputError(f"{flag(name)} must be above 0, got {limit}")
        if self.client not in ("aiohttp", "openai"):
            raise InputError(f"--client {self.client!r} is unknown; known are aiohttp and openai")


@dataclass(frozen=True)
class StoreConfig:
    """Call store."""

    path: str | None = setting(None, "Call store to share with other runs.", decides=False, name="store")


@dataclass(frozen=True)
class BudgetConfig:
    """Budget: hard caps over the whole run, resumes included."""

    max_calls: int | None = setting(None, "Stop before more LM calls than this are paid.", decides=False)
    max_tokens: int | None = setting(None, "Stop before more tokens than this are used.", decides=False)
    max_usd: float | None = setting(
        None, "Stop before more dollars than this are spent; needs --price.", decides=False
    )
    price: tuple[str, ...] = setting(
        (), "Dollars per million input,output tokens: MODEL=0.15,0.60. Repeatable.", decides=False
    )

    def __post_init__(self) -> None:
        for name in ("max_calls", "max_tokens", "max_usd"):
            cap = getattr(self, name)
            if cap is not None and not cap >= 0:
                raise InputError(f"{flag(name)} must not be negative, got {cap}")

    def part(self, of: int) -> BudgetConfig:
        """What each of `of` processes may spend; together it is the whole or a little less."""
        return replace(
            self,
            max_calls=None if self.max_calls is None else self.max_calls // of,
            max_tokens=None if self.max_tokens is None else self.max_tokens // of,
            max_usd=None if self.max_usd is None else self.max_usd / of,
        )


@dataclass(frozen=True)
class MetricConfig:
    """Failure measure."""

    detector: str = setting("text", "Decides what failed: text, paper, author or eliminator.")
    objective: str = setting("failure-rate", "What is optimised: failure-rate or usable-yield.")
    calibration: str | None = setting(
        None, "Saved calibration whose figures are printed beside every rate.", decides=False
    )
