"""The batch API of OpenAI and compatible providers: `/files` and `/batches`, through the `openai` package.

Reference: OpenAI's documentation of the Batch API. A batch is a JSONL file of requests, each with a
`custom_id`; its answers come in any order, failures in a second file. A batch that is not done after 24
hours expires; what was answered by then is available, and paid.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import openai
import orjson
from dspy import lm15
from openai.types import Batch

from autoevol.core.masking import Mask
from autoevol.lm.answers import read_answer
from autoevol.lm.bodies import parsed
from autoevol.lm.openai_compatible import ChatEndpoint
from autoevol.lm.transport import Reply

ENDPOINT = "/v1/chat/completions"
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
# The metadata key with our id of the wave, by which a batch is found if its own id never reached us.
_WAVE = "autoevol_wave"
_RETRIES = 5


@dataclass(frozen=True)
class BatchState:
    """The provider's view of a batch.

    Attributes:
        status: validating, in_progress, finalizing, cancelling, or one of `ENDED`.
        done: Requests answered so far, failed ones included, out of `total`.
        files: Ids of the files of answers and of failures, if any.
        problem: Why the batch failed, in the provider's words.
    """

    id: str
    status: str
    done: int = 0
    total: int = 0
    files: tuple[str, ...] = ()
    problem: lm15.LM15Error | None = field(default=None, compare=False)


class BatchAPI:
    """Files and batches of one provider.

    Args:
        endpoint: Gives URL and key; nothing goes to another host.
        timeout: Seconds for one HTTP request, uploads and downloads included.
    """

    def __init__(self, endpoint: ChatEndpoint, timeout: float = 600.0) -> None:
        url = endpoint.base.url
        # Exactly one authentication header: the client would add its own to Azure's.
        headers = {"Authorization": openai.Omit(), **endpoint.headers}
        self._mask = endpoint.mask
        self._client = openai.AsyncOpenAI(
            base_url=url.copy_with(query=None),
            default_query=dict(url.params),
            api_key="none",
            max_retries=_RETRIES,
            timeout=timeout,
            default_headers=cast("dict[str, str]", headers),
            http_client=openai.DefaultAioHttpClient(timeout=timeout, follow_redirects=False),
        )

    async def upload(self, wave: str, bodies: Mapping[str, Mapping[str, Any]]) -> str:
        """Upload requests by custom id; returns the id of the file."""
        lines = b"".join(
            orjson.dumps({"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body}) + b"\n"
            for custom_id, body in bodies.items()
        )
        with _spoken(self._mask):
            made = await self._client.files.create(file=(f"autoevol-{wave}.jsonl", lines), purpose="batch")
        return made.id

    async def create(self, wave: str, file: str) -> str:
        """Submit an uploaded file; returns the id of the batch."""
        with _spoken(self._mask):
            # Without the client's retries: a request whose answer was lost may have been accepted.
            made = await self._client.with_options(max_retries=0).batches.create(
                input_file_id=file,
                endpoint=ENDPOINT,
                completion_window="24h",
                metadata={_WAVE: wave},
            )
        return made.id

    async def find(self, wave: str) -> str | None:
        """The id of a wave's batch; None if the provider has none."""
        with _spoken(self._mask):
            async for batch in self._client.batches.list(limit=100):
                if (batch.metadata or {}).get(_WAVE) == wave:
                    return batch.id
        return None

    async def state(self, batch: str) -> BatchState:
        """The current state of a batch."""
        with _spoken(self._mask):
            return _state(await self._client.batches.retrieve(batch))

    async def answers(self, file: str) -> AsyncIterator[tuple[str, Reply | lm15.LM15Error]]:
        """The (custom id, answer) pairs in a file of answers.

        Raises:
            lm15.ServerError: If a line is malformed.
        """
        with _spoken(self._mask):
            content = await self._client.files.content(file)
        for line in content.content.splitlines():
            if line.strip():
                yield _answer(line, self._mask)

    async def aclose(self) -> None:
        """Close the connection pool."""
        await self._client.close()


@contextmanager
def _spoken(mask: Mask) -> Iterator[None]:
    """Translates the client's errors into those of `lm15` (see `Transport`)."""
    try:
        yield
    except openai.APIStatusError as error:
        answer = error.response
        read_answer(answer.status_code, answer.headers, answer.content, mask)
        raise  # an error with a success status, which `read_answer` did not raise for
    except openai.APITimeoutError as error:
        raise lm15.TimeoutError("the batch API does not answer in time") from error
    except openai.OpenAIError as error:
        raise lm15.TransportError(mask(f"cannot reach the batch API: {error}")) from error


def _state(batch: Batch) -> BatchState:
    counts, files = batch.request_counts, (batch.output_file_id, batch.error_file_id)
    return BatchState(
        batch.id,
        batch.status,
        (counts.completed + counts.failed) if counts else 0,
        counts.total if counts else 0,
        tuple(name for name in files if name),
        _problem(batch) if batch.status == "failed" else None,
    )


def _problem(batch: Batch) -> lm15.LM15Error:
    errors = batch.errors.data if batch.errors and batch.errors.data else []
    codes = {error.code for error in errors}
    reasons = "; ".join(dict.fromkeys(error.message or error.code or "" for error in errors))
    text = f"the batch {batch.id} failed: {reasons or 'no reason given'}"[:500]
    if "token_limit_exceeded" in codes:  # the limit on queued tokens; there is room again once batches end
        return lm15.RateLimitError(text, retry_after=60.0)
    if codes & {"billing_hard_limit_reached", "insufficient_quota"}:
        return lm15.BillingError(text)
    if "model_not_found" in codes:
        return lm15.UnsupportedModelError(text)
    return lm15.InvalidRequestError(text)


def _answer(line: bytes, mask: Mask) -> tuple[str, Reply | lm15.LM15Error]:
    try:
        data = parsed(line)  # as a single answer is read: half characters in a reply are no damage
        custom_id, answer, fault = data["custom_id"], data.get("response"), data.get("error")
        status = answer["status_code"] if answer else 0
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise lm15.ServerError(f"a file of batch answers holds what is none: {line[:80]!r}") from error
    if not answer:
        # Expired, or dropped by the provider: nothing is wrong with the request itself.
        return custom_id, lm15.ServerError(str((fault or {}).get("message") or "the batch has no answer"))
    try:
        return custom_id, read_answer(status, {}, json.dumps(answer.get("body")).encode(), mask)
    except lm15.LM15Error as refused:
        return custom_id, refused
