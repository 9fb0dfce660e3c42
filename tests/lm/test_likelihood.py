"""How likely texts are: by hand on a server of words, and on the embedded model beside PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autoevol.core import aio
from autoevol.core.errors import InputError
from autoevol.lm.likelihood import LONGEST, LikelihoodTransport, Predictor, likelihoods, predictor_weights
from autoevol.lm.session import Session
from autoevol.metrics.difficulty import Difficulty
from embedded import needs_embedded, needs_llama
from llama_server import LlamaServer
from servers import refuses


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LlamaServer]:
    running = LlamaServer()
    with running:
        running.installed(monkeypatch)
        yield running


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"weights")
    return path


def found(weights: Path, *pairs: tuple[str, str], longest: int = LONGEST) -> list[Difficulty | None]:
    """The difficulty of pairs, asked for by a process of its own as far as state goes."""
    with likelihoods(str(weights), longest) as transport, Session(weights.with_suffix(".sqlite")) as session:
        predictor = Predictor("m", session, transport)
        return [aio.run_and_wait(predictor.difficulty(*pair)) for pair in pairs]


@needs_llama
def test_one_pair_by_hand(server: LlamaServer, weights: Path) -> None:
    """Words are numbered as they are met: <user> 0, <assistant> 1, a 2, then sum 3, two 4, is 5."""
    (pair,) = found(weights, ("sum two", "is two"))
    assert server.words == ["<user>", "<assistant>", "a", "sum", "two", "is"]
    assert pair is not None
    assert pair.nll_instruction == (4 + 5) / 2
    assert pair.nll == (6 + 5 / 2) / 2, "`two` stood in the instruction"
    assert pair.nll_alone == (6 + 5) / 2
    assert (pair.tokens, pair.cut, pair.model) == (2, False, "m")


@needs_llama
def test_parts_of_characters_are_looked_up_in_the_list_of_tokens(server: LlamaServer, weights: Path) -> None:
    (pair,) = found(weights, ("sum", "is ~x two"))
    assert pair is not None
    assert server.words[3:] == ["sum", "is", "~x", "two"]
    assert pair.nll_alone == pytest.approx((5 + 6 + 7) / 3)


@needs_llama
def test_no_pair_is_computed_twice(server: LlamaServer, weights: Path) -> None:
    first = found(weights, ("sum", "two"))
    asked = len(server.seen)
    assert found(weights, ("sum", "two")) == first
    assert len(server.seen) == asked


@needs_llama
def test_long_texts_are_cut_and_say_so(server: LlamaServer, weights: Path) -> None:
    (pair,) = found(weights, ("a b c d e", "f g h i"), longest=3)
    assert pair is not None
    assert (pair.tokens, pair.cut) == (3, True)
    assert "d" in server.words
    assert all(server.token("d") not in seen.body.get("prompt", ()) for seen in server.seen)
    with pytest.raises(InputError, match="tokens of a text"):
        found(weights, longest=5_000)


@needs_llama
@pytest.mark.parametrize("pair", [("", "two"), ("sum", " \n"), ("sum \ud800", "two")])
def test_what_the_model_cannot_be_given_has_no_figure(
    server: LlamaServer, weights: Path, pair: tuple[str, str]
) -> None:
    assert found(weights, pair, ("sum", "two"))[0] is None


@needs_llama
def test_a_start_that_failed_is_made_up_for_before_the_next_pair(server: LlamaServer, weights: Path) -> None:
    server.faults.append(refuses(503, "loading the model"))
    lost, pair = found(weights, ("sum", "two"), ("is", "two"))
    assert lost is None
    assert pair is not None
    assert server.words[:2] == ["<user>", "<assistant>"], "the template is read before any text"


@needs_llama
def test_a_server_that_does_not_hold_to_the_grammar_is_not_believed(
    server: LlamaServer, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autoevol.core.errors import StopRun
    from servers import as_json

    stray = as_json({"completion_probabilities": [{"id": 99, "logprob": -1.0}]})
    monkeypatch.setattr(LlamaServer, "_completion", lambda *_: stray)
    with pytest.raises(StopRun, match="does not write the tokens of a grammar"):
        found(weights, ("sum", "two"))


@pytest.mark.parametrize("name", ["openai/gpt-5-mini", "local/nowhere.gguf"])
def test_only_models_in_this_process_have_likelihoods(name: str) -> None:
    with pytest.raises(InputError, match=r"in this process|no such file|xllamacpp"):
        predictor_weights(name)


# By PyTorch 2.13 in float32 on the same weights and the same tokens (`TorchStudent("smollm2")`): the
# instruction, the response after it, the response alone. llama.cpp computes with activations of 8 bits.
BESIDE_TORCH = {
    ("What is the capital of France?", "Paris is the capital of France, and it lies on the Seine."): (
        1.5986,
        1.8473,
        2.7115,
    ),
    ("Name a prime.", "7 is a prime — 素数です 🙂"): (7.2286, 4.7596, 5.8857),
}


@pytest.mark.real
@needs_embedded
def test_the_embedded_model_agrees_with_pytorch(tmp_path: Path) -> None:
    with likelihoods("local/smollm2") as transport, Session(tmp_path / "calls.sqlite") as session:
        assert isinstance(transport, LikelihoodTransport)
        predictor = Predictor("local/smollm2", session, transport)
        for pair, figures in BESIDE_TORCH.items():
            one = aio.run_and_wait(predictor.difficulty(*pair))
            assert one is not None
            assert (one.nll_instruction, one.nll, one.nll_alone) == pytest.approx(figures, rel=0.03)
            assert one.ifd == pytest.approx(figures[1] / figures[2], abs=0.02)
