"""The synthetic world behind a real OpenAI-compatible endpoint on the loopback interface."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dspy.lm15 import request_from_openai_chat

from servers import Answer, Endpoint, says
from synthetic import world


class Served:
    """What the server saw. `asked` counts arrivals by request.

    Attributes:
        hold_from: Number of arrivals from which replies are held, until the number is raised: a process that
            is to be killed before its end cannot get there first. None holds nothing.
    """

    def __init__(self, latency: float) -> None:
        self.asked: Counter[str] = Counter()
        self.arrivals = 0
        self.url = ""
        self.hold_from: int | None = None
        self._latency = latency

    def __call__(self, body: dict[str, Any]) -> Answer:
        self.asked[request_key(body)] += 1
        self.arrivals += 1
        text = world(request_from_openai_chat(body))
        assert isinstance(text, str)
        number = self.arrivals
        return says(text).after(self._latency).once(lambda: self.hold_from is None or number < self.hold_from)


def request_key(body: dict[str, Any]) -> str:
    """What identifies a request, as the server and the call store both know it."""
    return json.dumps([body["messages"], body.get("seed")], sort_keys=True)


@contextmanager
def serving(latency: float) -> Iterator[Served]:
    """A server on a free port that takes `latency` seconds for every reply."""
    served = Served(latency)
    with Endpoint(served) as endpoint:
        served.url = endpoint.url
        yield served
