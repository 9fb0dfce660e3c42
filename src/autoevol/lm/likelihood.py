"""The likelihood of texts under a GGUF model in this process: llama.cpp is forced to generate them.

llama.cpp's server reports probabilities only for what it generates. A grammar with the tokens of a text in
order forces it to generate that very text; the probabilities it reports are those before the grammar is
applied, over the whole vocabulary, so they are the model's own (`tests/lm/test_likelihood.py` compares them
with PyTorch's).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import orjson
from dspy import lm15
from dspy.lm15 import Message, Request

from autoevol.core import aio
from autoevol.core.errors import InputError
from autoevol.lm.local import find_weights, fingerprint_of, needs_llama, serve
from autoevol.lm.session import Session
from autoevol.lm.transport import Reply
from autoevol.metrics.difficulty import Difficulty

LONGEST = 256
"""Default maximum of tokens of an instruction, and of a response."""
_CONTEXT = 2048
_MOST = 900  # of each, so that both and a chat template fit into the context
_LIKELIEST = 1_000
_EVERY = 1_000_000  # more tokens than any vocabulary has; a reply of some megabytes, which takes seconds
_MARK = "autoevol-instruction-stands-here"


class _Token(NamedTuple):
    """One token; `whole` unless it holds only a part of a character."""

    id: int
    whole: bool


class _Frame(NamedTuple):
    """The tokens of the model's chat template before and after an instruction, and any letter."""

    head: list[_Token]
    tail: list[_Token]
    letter: int


class LikelihoodTransport:
    """Answers `{"instruction": ..., "response": ...}` with the mean NLLs of a `Difficulty`, as JSON.

    It is a transport so that every pair is one call: stored, counted, capped and resumed like any other.

    Args:
        weights: The GGUF file.
        longest: Maximum of tokens of an instruction and of a response; longer ones are cut.

    Raises:
        InputError: If llama.cpp is not installed, or `longest` does not fit into the context.
    """

    seeded = False

    def __init__(self, weights: Path, longest: int = LONGEST) -> None:
        needs_llama()
        if not 1 <= longest <= _MOST:
            raise InputError(f"1 to {_MOST} tokens of a text can be read, got {longest}")
        self.weights = weights
        self.longest = longest
        self.identity = f"likelihood:{fingerprint_of(weights)}:{longest}:{_CONTEXT}"
        self._starting = asyncio.Lock()
        self._server: Any = None
        self._http: aiohttp.ClientSession | None = None
        self._frame: _Frame | None = None

    async def send(self, request: Request) -> Reply:
        """The figures of one pair, in three passes: the instruction, the response after it, and alone."""
        async with self._starting:
            if self._frame is None:
                self._frame = await self._start()
        pair = orjson.loads(request.messages[-1].text or "")
        instruction = (await self._tokens(pair["instruction"]))[: self.longest]
        response = await self._tokens(pair["response"])
        if not instruction or not response:
            raise lm15.InvalidRequestError("a blank text has no likelihood")
        read, (head, tail, _) = response[: self.longest], self._frame
        figures = {
            "nll_instruction": await self._nll(head, instruction),
            "nll": await self._nll([*head, *instruction, *tail], read),
            "nll_alone": await self._nll([*head, *tail], read),
            "tokens": len(read),
            "cut": len(response) > len(read),
        }
        asked = 3 * len(head) + 2 * len(tail) + len(instruction)
        return Reply(orjson.dumps(figures).decode(), "stop", asked, len(instruction) + 2 * len(read))

    async def aclose(self) -> None:
        """Stop the server."""
        if self._http is not None:
            await self._http.close()
        self._http = self._server = None

    async def _start(self) -> _Frame:
        if self._http is None:
            # Half the cores: token by token there is little to parallelise, and on a busy machine more
            # threads only wait for each other.
            self._server = await asyncio.to_thread(serve, self.weights, 1, _CONTEXT, 0.5)
            self._http = aiohttp.ClientSession(self._server.listening_address)
        turn = {"messages": [{"role": "user", "content": _MARK}]}
        prompt = (await self._post("/apply-template", turn))["prompt"]
        head, mark, tail = prompt.partition(_MARK)
        if not mark:
            raise lm15.ConfigurationError(
                f"the chat template of {self.weights} does not show what a user says"
            )
        before, after = [await self._tokens(text, special=True) for text in (head, tail)]
        return _Frame(before, after, (await self._tokens("a"))[0].id)

    async def _tokens(self, text: str, *, special: bool = False) -> list[_Token]:
        # Only in the template does `<|im_end|>` end a turn; in a text it is a text.
        asked = {"content": text, "add_special": False, "parse_special": special, "with_pieces": True}
        tokens = (await self._post("/tokenize", asked))["tokens"]
        # A piece that is not valid text comes as a list of bytes.
        return [_Token(t["id"], isinstance(t["piece"], str) and "\0" not in t["piece"]) for t in tokens]

    async def _nll(self, before: Sequence[_Token], said: Sequence[_Token]) -> float:
        """Mean NLL of a token of `said` after `before`, in nats."""
        logs, done = list[float](), [token.id for token in before]
        for whole, run in groupby(said, key=lambda token: token.whole):
            ids = [token.id for token in run]
            if whole:
                logs += await self._forced(done, ids)
                done += ids
                continue
            for one in ids:
                logs.append(await self._looked_up(done, one))
                done.append(one)
        return -math.fsum(logs) / len(logs)

    async def _forced(self, before: Sequence[int], said: Sequence[int]) -> list[float]:
        """Log-probabilities of whole tokens, which the model is forced to generate."""
        grammar = f"root ::= {' '.join(f'<[{token}]>' for token in said)}"
        options = {"n_predict": len(said), "n_probs": 1, "grammar": grammar}
        generated = await self._generated(before, options)
        if [token["id"] for token in generated] != list(said):
            raise lm15.ConfigurationError("this version of llama.cpp does not write the tokens of a grammar")
        return [token["logprob"] for token in generated]

    async def _looked_up(self, before: Sequence[int], token: int) -> float:
        """The log-probability of a token that is part of a character, as in most emojis.

        Grammars do not apply to those, and one that starts a character is not reported when it is generated.
        So a letter is generated in its place, and the token is looked up in the list of the likeliest tokens
        that is reported with the letter.
        """
        assert self._frame is not None, "started before anything is asked"
        letter = self._frame.letter
        for forced, most in ((token, 1), (letter, _LIKELIEST), (letter, _EVERY)):
            options = {"n_predict": 1, "n_probs": most, "logit_bias": [[forced, 1e6]]}
            for generated in await self._generated(before, options):
                for candidate in (generated, *generated["top_logprobs"]):
                    if candidate["id"] == token:
                        return candidate["logprob"]
        raise lm15.ConfigurationError("this version of llama.cpp does not report every token")

    async def _generated(self, before: Sequence[int], options: dict[str, Any]) -> list[dict[str, Any]]:
        """The tokens that llama.cpp generates after `before`, with their log-probabilities."""
        asked = {"prompt": list(before), "temperature": 0, "cache_prompt": True, **options}
        return (await self._post("/completion", asked)).get("completion_probabilities", [])

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert self._http is not None, "started before anything is asked"
        async with self._http.post(path, data=orjson.dumps(body)) as answer:
            content = orjson.loads(await answer.read())
            if answer.status != 200:
                raise lm15.InvalidRequestError(f"llama.cpp: {content.get('error', content)}")
            return content


class Predictor:
    """Measures the difficulty of pairs with one model; each pair is one call of the session.

    Args:
        model: As the user names it.
        session: Stores and counts the calls.
        transport: Computes the likelihoods.
    """

    def __init__(self, model: str, session: Session, transport: LikelihoodTransport) -> None:
        self.model = model
        self._session = session
        self._transport = transport

    async def difficulty(self, instruction: str, response: str) -> Difficulty | None:
        """The difficulty of a pair; None if the model cannot take it. Blank texts cost no call."""
        if not instruction.strip() or not response.strip():
            return None
        pair = {"instruction": instruction, "response": response}
        try:
            text = orjson.dumps(pair).decode()
        except TypeError:  # a lone surrogate is no text to any tokenizer
            return None
        request = Request(self._transport.identity, (Message.user(text),))
        try:
            record = await aio.join(self._session.recorder.complete(request, self._transport, "other"))
        except lm15.LM15Error:
            return None
        return Difficulty(self.model, **orjson.loads(record.text))


def predictor_weights(model: str) -> Path:
    """The GGUF file of a model that is named as `--evol-model` names a local one, or by its path.

    Raises:
        InputError: If there is none, or llama.cpp is not installed.
    """
    if "/" in model and not model.startswith(("local/", "/", ".", "~")) and not model.endswith(".gguf"):
        raise InputError(
            f"--predictors {model}: likelihoods need a model in this process, such as local/smollm2"
        )
    needs_llama()
    return find_weights(model.removeprefix("local/"))


@contextmanager
def likelihoods(model: str, longest: int = LONGEST) -> Iterator[LikelihoodTransport]:
    """A transport for a model. Must outlive the session that uses it. Raises as `predictor_weights`."""
    transport = LikelihoodTransport(predictor_weights(model), longest)
    try:
        yield transport
    finally:
        aio.run_and_wait(transport.aclose())
