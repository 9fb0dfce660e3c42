"""Pushing, against a hub on the loopback interface that speaks the real HTTP protocol."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from autoevol.core.errors import InputError
from autoevol.dataset.card import Licences, write_card
from autoevol.dataset.export import Exported, export_file
from autoevol.dataset.hub import push_to_hub
from command_line import command, summary
from dataset.test_card import METHOD, ROWS, run_folder

Write = Callable[[str, object], Path]


class Hub:
    """What the hub was asked and given."""

    def __init__(self) -> None:
        self.created: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.refuses = False


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    state = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            state.asked.append(self.path)
            if state.refuses:
                return self.answer(403, {"error": "You have no right to this namespace"})
            if self.path == "/api/repos/create":
                state.created.append(json.loads(raw))
                return self.answer(200, {"url": f"{address}/datasets/me/evolved"})
            if self.path.endswith("/preupload/main"):
                asked = json.loads(raw)["files"]
                files = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in asked]
                return self.answer(200, {"files": files})
            if self.path == "/api/validate-yaml":
                return self.answer(200, {"errors": [], "warnings": []})
            assert self.path == "/api/datasets/me/evolved/commit/main", self.path
            for line in raw.splitlines():
                item = json.loads(line)
                if item["key"] == "file":
                    state.files[item["value"]["path"]] = base64.b64decode(item["value"]["content"])
            return self.answer(200, {"commitUrl": f"{address}/c/1", "commitOid": "1", "success": True})

        def answer(self, status: int, data: dict[str, Any]) -> None:
            body = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("HF_TOKEN", "hf_not_a_token")
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def exported(write: Write, tmp_path: Path) -> tuple[Exported, Path]:
    rows = [{"instruction": "Sing.", "response": "La."}, {"instruction": "Hum.", "response": "Mm."}]
    (tmp_path / "out").mkdir()
    done = export_file(write("d.jsonl", rows), tmp_path / "out" / "train.jsonl")
    return done, write_card(done, None, Licences("mit"), "me/evolved")


def test_everything_arrives_in_one_commit(hub: Hub, exported: tuple[Exported, Path]) -> None:
    done, card = exported
    push_to_hub(done, card, "me/evolved")
    assert len(hub.created) == 1
    assert (hub.created[0]["name"], hub.created[0]["type"]) == ("evolved", "dataset")
    assert "private" in json.dumps(hub.created[0])
    local = done.path.with_suffix(".export.json")  # names the source on this machine
    pushed = (path for path in done.path.parent.iterdir() if path != local)
    assert local.exists()
    assert hub.files == {path.name: path.read_bytes() for path in pushed}


def test_a_run_is_pushed_with_its_card_by_one_command(hub: Hub, tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run", ROWS)
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "train.jsonl"
    words = ["export", run, "--out", out, "--push-to-hub", "me/evolved", "--license", "cc-by-4.0", "--json"]
    assert "me/evolved" in summary(command(*words, "--seed-license", "MIT"))["hub"]
    card = hub.files["README.md"].decode()
    for said in (
        "10 instructions from `seeds.jsonl`",  # seeds
        METHOD["text"],
        "`openai/small`",
        "2 of 8 scored rows failed (25.0%",
        "this detector finds 45 % of fatal cases",
        "Data set: cc-by-4.0. Seeds: MIT.",
    ):
        assert said in card
    assert hub.files["train.jsonl"] == out.read_bytes()
    assert len(hub.files["train.provenance.jsonl"].splitlines()) == len(ROWS)


def test_a_refusal_is_told_and_the_files_stay(hub: Hub, exported: tuple[Exported, Path]) -> None:
    done, card = exported
    hub.refuses = True
    with pytest.raises(InputError, match="no right to this namespace") as told:
        push_to_hub(done, card, "me/evolved")
    assert "hf_not_a_token" not in str(told.value)
    assert done.path.exists()


def test_a_name_that_cannot_be_is_refused_before_anything_is_sent(
    hub: Hub, exported: tuple[Exported, Path]
) -> None:
    with pytest.raises(InputError, match="could not be pushed"):
        push_to_hub(*exported, "not a name!")
    assert hub.files == {}


def test_a_hub_that_is_gone_is_told(exported: tuple[Exported, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match="could not be pushed"):
        push_to_hub(*exported, "me/evolved")
