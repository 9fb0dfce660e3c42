"""Models, endpoints, measure and budget: what is asked, where, and for how much."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoevol.config.base import at_least, check_sampling, check_urls, flag, open_url, setting
from autoevol.config.choices import Client, Detector, Objective, check_choices
from autoevol.core.errors import InputError


@dataclass(frozen=True)
class ModelConfig:
    """Models."""

    evol_model: str = setting(
        "local/smollm2",
        "Model that evolves and responds: local/smollm2, local/FILE.gguf, openai/NAME, any DSPy model "
        "string.",
    )
    optimizer_model: str | None = setting(
        None, "Model that analyses failures and rewrites methods (default: the evol model)."
    )
    api_base: str | None = setting(
        None, "URL of an OpenAI-compatible endpoint, such as http://localhost:8000/v1."
    )
    api_key_env: str | None = setting(
        None, "Environment variable that holds the API key (default OPENAI_API_KEY)."
    )
    optimizer_api_base: str | None = setting(None, "Endpoint of the optimizer model (default: the same).")
    optimizer_api_key_env: str | None = setting(
        None, "Environment variable with the optimizer model's API key (default: the same)."
    )
    temperature: float = setting(0.0, "Sampling temperature of the evol model.")
    top_p: float | None = setting(None, "Sampling top_p of the evol model.")
    reply_tokens: int = setting(1500, "Maximum length of any reply, in tokens.")
    system: str | None = setting(None, "System prompt for responses.")
    concurrency: int = setting(16, "Maximum number of concurrent requests.")
    rpm: float | None = setting(None, "Maximum requests per minute to each endpoint.")
    tpm: float | None = setting(None, "Maximum tokens per minute to each endpoint.")
    client: Client = setting("aiohttp", "HTTP client for OpenAI-compatible endpoints.")

    def __post_init__(self) -> None:
        check_sampling("temperature", self.temperature, "top_p", self.top_p)
        check_urls(self, "api_base", "optimizer_api_base")
        at_least(1, self, "reply_tokens", "concurrency")
        for name in ("rpm", "tpm"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise InputError(f"{flag(name)} must be above 0, got {limit}")
        check_choices(self)


@dataclass(frozen=True)
class EndpointConfig:
    """Endpoint."""

    api_base: str | None = setting(
        None, "URL of an OpenAI-compatible endpoint (default: the one used before)."
    )
    api_key_env: str | None = setting(
        None, "Environment variable that holds the API key (default: the same as before)."
    )
    judge_api_base: str | None = setting(None, "Endpoint of the judge model (default: the same as before).")
    concurrency: int = setting(16, "Maximum number of concurrent requests.")

    @classmethod
    def of(cls, models: ModelConfig, metrics: MetricConfig) -> EndpointConfig:
        """Where a run asks, without passwords: fit to be written down."""
        bases = (open_url(models.api_base), open_url(metrics.judge_api_base))
        return cls(bases[0], models.api_key_env, bases[1], models.concurrency)

    def over(self, known: EndpointConfig) -> EndpointConfig:
        """These settings, and what is `known` where they say nothing."""
        return replace(
            self,
            api_base=self.api_base or known.api_base,
            api_key_env=self.api_key_env or known.api_key_env,
            judge_api_base=self.judge_api_base or known.judge_api_base,
        )


@dataclass(frozen=True)
class BudgetConfig:
    """Budget: hard caps over the whole run, resumes included."""

    max_calls: int | None = setting(None, "Stop before paying for more LM calls than this.")
    max_tokens: int | None = setting(None, "Stop before using more tokens than this.")
    max_usd: float | None = setting(None, "Stop before spending more US dollars than this; needs --price.")
    price: tuple[str, ...] = setting(
        (), "US dollars per million input and output tokens: MODEL=0.15,0.60. Repeatable."
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

    detector: Detector = setting("text", "Decides which evolutions failed.")
    objective: Objective = setting("failure-rate", "What is optimised.")
    judge_model: str | None = setting(
        None, "LM that judges all that is no plain fact; with --detector agreement the one that answers."
    )
    judge_api_base: str | None = setting(
        None, "Endpoint of the judge model (default: that of the evol model)."
    )
    judge_samples: int = setting(1, "Replies that the judge is asked for; the majority decides.")
    judge_hints: bool = setting(True, "Tell the judge what text rules noticed.")
    agreement_samples: int = setting(4, "Answers that --detector agreement compares.")
    calibration: str | None = setting(
        None, "Saved calibration, or labelled rows (.jsonl), whose figures are printed next to every rate."
    )

    def __post_init__(self) -> None:
        check_urls(self, "judge_api_base")
        check_choices(self)
        at_least(1, self, "judge_samples")
        at_least(2, self, "agreement_samples")


# What a resumed run may change: none of it alters what any call would answer.
FREE = frozenset(
    {
        "concurrency",
        "api_base",
        "api_key_env",
        "optimizer_api_base",
        "optimizer_api_key_env",
        "judge_api_base",
        "calibration",
        "client",
        "rpm",
        "tpm",
        "part_rows",
        "forget_calls",
    }
)
