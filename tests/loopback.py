"""The synthetic world behind a real OpenAI-compatible endpoint on the loopback interface."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dspy.lm15 import request_from_openai_chat

from synthetic import world


class Served:
    """What the server saw. `asked` counts arrivals, `answered` replies sent whole, by request."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.url = ""

    @property
    def arrivals(self) -> int:
        """Requests so far."""
        with self.lock:
            return sum(self.asked.values())


def request_key(body: dict[str, Any]) -> str:
    """What identifies a request, as the server and the call store both know it."""
    return json.dumps([body["messages"], body.get("seed")], sort_keys=True)


@contextmanager
def serving(latency: float) -> Iterator[Served]:
    """A server on a free port that takes `latency` seconds for every reply."""
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = request_key(body)
            with served.lock:
                served.asked[key] += 1
            time.sleep(latency)
            text = world(request_from_openai_chat(body))
            message = {"role": "assistant", "content": text}
            reply = json.dumps(
                {
                    "id": "x",
                    "object": "chat.completion",
                    "created": 0,
                    "model": body["model"],
                    "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
                }
            ).encode()
            try:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)
            except OSError:
                return  # the process on the other side has been killed
            with served.lock:
                served.answered[key] += 1

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
