"""How requests go out, where their replies are kept, what may be spent, and what counts as a failure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from autoevol.config.base import at_least, flag, setting
from autoevol.config.choices import Client, Detector, Objective, Track, check_choices
from autoevol.core.errors import InputError


@dataclass(frozen=True)
class RequestConfig:
    """Requests: how they go out, whatever they are for."""

    concurrency: int = setting(16, "Maximum number of concurrent requests.", decides=False)
    rpm: float | None = setting(None, "Maximum requests per minute to each endpoint.", decides=False)
    tpm: float | None = setting(None, "Maximum tokens per minute to each endpoint.", decides=False)
    client: Client = setting("aiohttp", "HTTP client for OpenAI-compatible endpoints.", decides=False)
    timeout: float = setting(300.0, "Maximum seconds for one attempt of a request.", decides=False)
    retries: int = setting(4, "Further attempts of a request that met a fault.", decides=False)
    max_wait: float = setting(
        900.0, "Maximum seconds that a request waits out rate limits (429).", decides=False
    )

    def __post_init__(self) -> None:
        at_least(1, self, "concurrency")
        at_least(0, self, "retries")
        if not 0 < self.timeout < math.inf:
            raise InputError(f"--timeout must be above 0, got {self.timeout:g}")
        if not self.max_wait >= 0:
            raise InputError(f"--max-wait must not be negative, got {self.max_wait:g}")
        for name in ("rpm", "tpm"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise InputError(f"{flag(name)} must be above 0, got {limit}")
        check_choices(self)


@dataclass(frozen=True)
class BatchConfig:
    """Batches: the bulk stage through a batch API, hours later and at a discount."""

    on: bool = setting(
        False, "Send the bulk stage through the endpoint's batch API.", decides=False, name="batch"
    )
    discount: float = setting(
        0.5, "Share (0 to 1) of --price that batches spare.", decides=False, name="batch_discount"
    )
    requests: int = setting(
        5000, "Maximum requests of a batch; so many rows are in memory.", decides=False, name="batch_requests"
    )
    poll: float = setting(
        15.0, "Maximum seconds between two looks at a batch.", decides=False, name="batch_poll"
    )

    def __post_init__(self) -> None:
        if not 0 <= self.discount <= 1:
            raise InputError(f"--batch-discount must be between 0 and 1, got {self.discount}")
        if not 1 <= self.requests <= 50_000:
            raise InputError(f"--batch-requests must be between 1 and 50000, got {self.requests}")
        if not self.poll > 0:
            raise InputError(f"--batch-poll must be above 0, got {self.poll}")


@dataclass(frozen=True)
class TrackingConfig:
    """Tracking: what a run has found and cost, kept by a service."""

    track: Track | None = setting(
        None, "Send parameters, rates, gain, cost, methods and the report to a service.", decides=False
    )
    track_project: str = setting("autoevol", "Its experiment (mlflow) or project (wandb).", decides=False)

    def __post_init__(self) -> None:
        check_choices(self)
        if not self.track_project.strip():
            raise InputError("--track-project must not be blank")


@dataclass(frozen=True)
class StoreConfig:
    """Call store."""

    path: str | None = setting(None, "Call store to share with other runs.", decides=False, name="store")


@dataclass(frozen=True)
class BudgetConfig:
    """Budget: hard caps over the whole run, resumes included."""

    max_calls: int | None = setting(None, "Stop before paying for more LM calls than this.", decides=False)
    max_tokens: int | None = setting(None, "Stop before using more tokens than this.", decides=False)
    max_usd: float | None = setting(
        None, "Stop before spending more US dollars than this; needs --price.", decides=False
    )
    price: tuple[str, ...] = setting(
        (),
        "US dollars per million input and output tokens: MODEL=0.15,0.60. Repeatable.",
        decides=False,
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
    judge_samples: int = setting(1, "Replies that the judge is asked for; the majority decides.")
    judge_hints: bool = setting(True, "Tell the judge what text rules noticed.")
    agreement_samples: int = setting(4, "Answers that --detector agreement compares.")
    learn_for: str | None = setting(
        None, "Natural pairs that --objective learnability teaches a student for: a file with answers."
    )
    learner: str = setting("smollm2", "Student of --objective learnability: smollm2, .gguf, or Hugging Face.")
    calibration: str | None = setting(
        None,
        "Saved calibration, or labelled rows (.jsonl), whose figures are printed next to every rate.",
        decides=False,
    )

    def __post_init__(self) -> None:
        check_choices(self)
        at_least(1, self, "judge_samples")
        at_least(2, self, "agreement_samples")
        if self.objective == "learnability" and self.learn_for is None:
            raise InputError("--objective learnability needs --learn-for: natural pairs to learn for")
