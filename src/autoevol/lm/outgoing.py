"""A call on its way out, what came of it, and who is told."""

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
    """What is to be sent, and for whom.

    Attributes:
        body: The request as JSON, as it stands in the store.
        attempts: Most sends, None for the policy's.
        slot: Key and sample under which it is stored.
    """

    request: Request
    body: str
    transport: Transport
    role: Role
    price: Price | None = None
    attempts: int | None = None
    slot: tuple[str, int] = ("", 0)

    def spent(self, reply: Reply) -> Spent:
        """What `reply` is booked at."""
        tokens = (reply.input_tokens, reply.output_tokens)
        usd = self.price.of(*tokens) if self.price else 0.0
        return Spent(1, *tokens, usd, reply.reasoning_tokens, int(reply.estimated))


@dataclass(frozen=True, slots=True)
class Sent:
    """A reply, and what it took.

    Attributes:
        attempts: Requests sent for it, refused and failed ones included; >= 1.
        seconds: From the first attempt to the reply.
    """

    reply: Reply
    attempts: int
    seconds: float


class Books(Protocol):
    """Is told what is on its way, in case nobody is there when it comes back."""

    def departs(self, call: Call, expected: Spent) -> None:
        """A request is sent; its reply, once it is stored, ends that."""
        ...

    def fails(self, call: Call) -> None:
        """It has brought no reply, and has cost nothing."""
        ...

    def wasted(self, call: Call, spent: Spent) -> None:
        """It was paid for, or may have been, and its reply cannot be used."""
        ...
