"""Evolutions to be labelled, and a page's requests without a browser."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autoevol.commands.label import LabelJob, serving
from autoevol.labelling.server import LabelServer

HOSTILE = "</script><img src=x onerror=document.title='owned'>\x1b[2J\u202egnp\x00\ud800"


def pair(number: int, **more: Any) -> dict[str, Any]:
    """A labelled evolution, as a file of them has it."""
    return {
        "id": f"p{number}",
        "source": "SECRET model, SECRET method",
        "original": f"Name {number} primes.",
        "evolved": f"Name {number} odd primes, and prove each of them.",
        "response": f"Here are {number}.",
        "ok": True,
        "fatal": False,
        "kinds": [],
        **more,
    }


def pair_file(folder: Path, pairs: list[dict[str, Any]]) -> Path:
    """A file of pairs."""
    path = folder / "pairs.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in pairs))
    return path


def ask(server: LabelServer, name: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
    """What the page would ask; a body is posted."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    sent = {"Origin": f"http://127.0.0.1:{server.port}", "Content-Type": "application/json", **headers}
    path = f"/{server.token}/{name}" if not name.startswith("/") else name
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request("GET" if data is None else "POST", path, data, sent)
        reply = connection.getresponse()
        text = reply.read().decode()
        return reply.status, json.loads(text) if text.startswith("{") else {"text": text}
    finally:
        connection.close()


@contextmanager
def labelling(path: Path, rater: str = "A", **more: Any) -> Iterator[LabelServer]:
    """The page of one rater."""
    with serving(LabelJob([path], **more), rater) as server:
        yield server


def lines(path: Path) -> list[dict[str, Any]]:
    """The records of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text().splitlines()]
