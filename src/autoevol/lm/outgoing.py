"""A call to be sent, its result, and the protocol for keeping account of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dspy.lm15 import Request

from autoevol.core.context import Role
from autoevol.lm.budget import Price
from autoevol.lm.transport import Reply, Transport
from autoevol.store.calls import Spent


@dataclass(frozen=True, slots=True)
class Call:
    """A request with everything needed to send and store it.

    Attributes:
        body: The request as JSON, as in the store.
        attempts: Maximum number of attempts; None for the policy's.
        slot: (key, sample) under which it is stored.
    """

    request: Request
    body: str
    transport: Transport
    role: Role
    price: Price | None = None
    attempts: int | None = None
    slot: tuple[str, int] = ("", 0)

    def spent(self, reply: Reply) -> Spent:
        """The cost of `reply`."""
        tokens = (reply.input_tokens, reply.output_tokens)
        usd = self.price.of(*tokens) if self.price else 0.0
        return Spent(1, *tokens, usd, reply.reasoning_tokens, int(reply.estimated))


@dataclass(frozen=True, slots=True)
class Sent:
    """A reply, and the effort it took.

    Attributes:
        attempts: Requests sent for it, refused and failed ones included; >= 1.
        seconds: From the first attempt to the reply.
    """

    reply: Reply
    attempts: int
    seconds: float


class Books(Protocol):
    """Keeps account of requests in flight, in case the process dies before they come back."""

    def departs(self, call: Call, expected: Spent) -> None:
        """A request is sent; the flight ends when its reply is stored."""
        ...

    def fails(self, call: Call) -> None:
        """A request failed and cost nothing."""
        ...

    def wasted(self, call: Call, spent: Spent) -> None:
        """A request was paid for, or may have been, but yielded no usable reply."""
        ...
