"""The embedded model, for real. No key, no server, no network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dspy import lm15

from asking import ask, ask_all, request, texts
from autoevol.core import aio
from autoevol.core.errors import AccessDenied, InputError
from autoevol.lm.local import LocalTransport, cores_at_hand, find_weights
from autoevol.lm.recorder import Recorder
from autoevol.store.calls import CallStore
from embedded import needs_embedded, needs_llama


@pytest.fixture(scope="module")
def model() -> Iterator[LocalTransport]:
    transport = LocalTransport(find_weights("smollm2"))
    yield transport
    aio.run_and_wait(transport.aclose())


@pytest.mark.real
@needs_embedded
def test_the_embedded_model_answers(model: LocalTransport, store: CallStore) -> None:
    record = ask(Recorder(store), model, request("What is the capital of France?", max_tokens=16))
    assert record.text.strip()
    assert record.input_tokens > 5
    assert 1 <= record.output_tokens <= 16


@pytest.mark.real
@needs_embedded
def test_max_tokens_holds_and_says_so(model: LocalTransport, store: CallStore) -> None:
    record = ask(Recorder(store), model, request("Count from 1 to 100.", max_tokens=8))
    assert (record.output_tokens, record.finish_reason) == (8, "length")


@pytest.mark.real
@needs_embedded
def test_samples_differ_and_a_fresh_store_draws_them_again(model: LocalTransport, tmp_path: Path) -> None:
    """The server honours seeds, and each sample has its own."""
    asked = [request("Name an animal.", 1.0, max_tokens=8)] * 3
    drawn: list[list[str]] = []
    for name in ("one", "two"):
        shared = CallStore(tmp_path / f"{name}.sqlite", power_safe=False)
        drawn.append(texts(ask_all(Recorder(shared), model, asked)))
        shared.close()
    assert len(set(drawn[0])) > 1
    assert drawn[0] == drawn[1]


@pytest.mark.real
@needs_embedded
def test_a_prompt_too_long_for_the_model_is_a_fault_of_its_row(
    model: LocalTransport, store: CallStore
) -> None:
    recorder = Recorder(store)
    with pytest.raises(lm15.InvalidRequestError):
        ask(recorder, model, request("word " * 6000, max_tokens=4))
    assert ask(recorder, model, request("Hello", max_tokens=4)).text


@needs_embedded
def test_weights_are_found_without_importing_their_package() -> None:
    path = find_weights("smollm2")
    assert path.suffix == ".gguf"
    assert path.is_file()


@pytest.mark.real
@needs_llama
@pytest.mark.parametrize(
    ("quota", "cores"),
    [("150000 100000\n", 1), ("50000 100000\n", 1), ("max 100000\n", None), ("what\n", None), (None, None)],
)
def test_the_quota_of_a_container_counts_as_cores(
    quota: str | None, cores: int | None, tmp_path: Path
) -> None:
    file = tmp_path / "cpu.max"
    if quota is not None:
        file.write_text(quota)
    assert cores_at_hand(file) == (cores or cores_at_hand(tmp_path / "none"))
    file.write_text("100000000 100000")
    assert cores_at_hand(file) == min(1000, cores_at_hand(tmp_path / "none"))


def test_a_file_that_is_no_model_stops_the_run(store: CallStore, tmp_path: Path) -> None:
    weights = tmp_path / "broken.gguf"
    weights.write_bytes(b"GGUF and nothing else")
    transport = LocalTransport(weights)
    with pytest.raises(AccessDenied, match=r"broken\.gguf cannot be loaded"):
        ask(Recorder(store), transport)
    aio.run_and_wait(transport.aclose())


@needs_llama
def test_identity_is_the_content_of_the_weights_and_not_their_place(tmp_path: Path) -> None:
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / f"{name}.gguf").write_bytes(content)
    same, moved, other = (LocalTransport(tmp_path / f"{name}.gguf").identity for name in "abc")
    assert same == moved != other
    assert LocalTransport(tmp_path / "a.gguf", context=512).identity != same


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("absent.gguf", "no such file"),
        ("hf:file.gguf", "owner/repo/file.gguf"),
        ("hf:owner/repo/", "owner/repo/file.gguf"),
    ],
)
def test_names_that_mean_no_weights(name: str, line: str) -> None:
    with pytest.raises(InputError, match=line):
        find_weights(name)
