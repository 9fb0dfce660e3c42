"""The page for labelling, on loopback only: nobody else reads a text or writes a label.

Other pages in the same browser are kept out by a token in the address, by the Host header (a name that was
turned to this address is refused) and by the Origin of what is posted.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from autoevol.core.errors import AutoEvolError, StopRun
from autoevol.labelling.session import LabelSession
from autoevol.pages.template import render_page

BODY = 32 * 1024
"""Most bytes of a posted body: a label with the longest note is shorter."""
_HEADERS = {
    # Beside the page's own policy: what only a header can say.
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class LabelServer(ThreadingHTTPServer):
    """Serves one rater's session until it is shut down.

    Args:
        session: What is labelled.
        port: 0 takes a free one.

    Attributes:
        gone: Set with `lost`.
        page: What a browser is served.
        lost: Why labels cannot be kept any more, if so: the disk is full, say.

    Raises:
        OSError: If the port cannot be had.
    """

    daemon_threads = True

    def __init__(self, session: LabelSession, port: int = 0) -> None:
        self.session = session
        self.token = secrets.token_urlsafe(16)
        self.lost: StopRun | None = None
        self.gone = threading.Event()
        self.page = render_page(
            "label.html.j2", styles=("label.css",), scripts=("label.js",), own_server=True
        ).encode()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The address of the page, its token included."""
        return f"http://127.0.0.1:{self.port}/{self.token}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names by which a browser on this machine may call it."""
        return (f"127.0.0.1:{self.port}", f"localhost:{self.port}")

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 (of socketserver)
        """A browser that goes away in the middle of a reply is no error to tell."""


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    # A connection that says nothing would hold its thread for ever.
    timeout = 60

    def do_GET(self) -> None:
        """The page, and the present item."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """A label, or what is to be taken back or put off."""
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: ANN401 (of the base class)
        """Requests are not told: the token is in them."""

    def version_string(self) -> str:
        """Not which Python this is."""
        return "autoevol"

    @property
    def _labels(self) -> LabelServer:
        assert isinstance(self.server, LabelServer)
        return self.server

    def _get(self, name: str) -> tuple[str, bytes]:
        if name == "item":
            return _as_json(self._labels.session.current())
        if name:
            raise _Refused(HTTPStatus.NOT_FOUND, "there is no such page")
        return "text/html; charset=utf-8", self._labels.page

    def _post(self, name: str) -> tuple[str, bytes]:
        if self.headers.get("Origin") not in {f"http://{host}" for host in self._labels.hosts}:
            raise _Refused(HTTPStatus.FORBIDDEN, "posted from another page")
        said, session = self._body(), self._labels.session
        actions: dict[str, Callable[[], dict[str, Any]]] = {
            "label": lambda: session.label(str(said.get("item")), said),
            "skip": lambda: session.skip(str(said.get("item"))),
            "undo": session.undo,
        }
        if name not in actions:
            raise _Refused(HTTPStatus.NOT_FOUND, "there is no such action")
        return _as_json(actions[name]())

    def _body(self) -> Mapping[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "a body of known length is needed")
        if int(length) > BODY:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {BODY} bytes")
        if self.headers.get_content_type() != "application/json":
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "JSON is needed")
        try:
            # Not by orjson: a note may hold half a surrogate pair, which a browser writes as an escape.
            said = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError) as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, "this is not JSON") from error
        if not isinstance(said, dict):
            raise _Refused(HTTPStatus.BAD_REQUEST, "a JSON object is needed")
        return said

    def _answer(self, act: Callable[[str], tuple[str, bytes]]) -> None:
        try:
            kind, body = act(self._name())
            self._send(HTTPStatus.OK, kind, body)
        except _Refused as error:
            self._send(error.status, *_as_json({"error": str(error)}))
        except AutoEvolError as error:
            self._send(HTTPStatus.UNPROCESSABLE_ENTITY, *_as_json({"error": str(error)}))
        except StopRun as error:
            # The disk takes no more: the page says so, and the command ends with the reason.
            self._labels.lost = error
            self._labels.gone.set()
            self._send(HTTPStatus.INSUFFICIENT_STORAGE, *_as_json({"error": str(error)}))

    def _name(self) -> str:
        if self.headers.get("Host") not in self._labels.hosts:
            raise _Refused(HTTPStatus.FORBIDDEN, "called by another name")
        before, token, *rest = (*self.path.split("/", 2), "", "")[:3]
        if before or not secrets.compare_digest(token.encode(), self._labels.token.encode()):
            raise _Refused(HTTPStatus.NOT_FOUND, "there is no such page")
        return rest[0]

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _as_json(data: Any) -> tuple[str, bytes]:  # noqa: ANN401 (JSON)
    try:
        body = orjson.dumps(data)
    except TypeError:  # a text with half a surrogate pair
        body = json.dumps(data).encode()
    return "application/json", body
